import { ccxtSuite } from './ccxt-suite.ts';

ccxtSuite(async () => ({}));
