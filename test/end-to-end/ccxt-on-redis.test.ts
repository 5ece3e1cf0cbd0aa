import { startRedis } from '../support/servers/test-servers.ts';
import { ccxtSuite } from './ccxt-suite.ts';

ccxtSuite(async () => ({ RINGBOOK_REDIS_URL: (await startRedis()).url }));
