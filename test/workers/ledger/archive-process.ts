import { LedgerArchive } from '../../../workers/ledger/redis/ledger-archive.ts';
import { RedisLedger } from '../../../workers/ledger/redis/redis-ledger.ts';
import { ExchangeDatabase } from '../../../workers/storage/exchange-database.ts';
import { LEDGER_SETTINGS } from './ledger-settings.ts';

/** A process that archives a ledger until it is killed: node archive-process.ts FOLDER REDIS_URL */
const [folder = '', url = ''] = process.argv.slice(2);
const onFailure = (error: Error): never => {
  console.error(error);
  process.exit(1);
};
const exchange = await ExchangeDatabase.open(folder, onFailure);
const ledger = await RedisLedger.open({ ...LEDGER_SETTINGS, url });
const archive = await LedgerArchive.open(exchange, ledger, onFailure);
console.log('archiving');
setInterval(() => archive.wake(), 5);
