import { LedgerPausedError, LedgerUnavailableError, StaleWriterError } from '../../../core/ports/ledger.ts';
import { LedgerAheadError } from '../ledger-errors.ts';
import { LEDGER_KEYS } from './ledger-keys.ts';
import { LEDGER_SCRIPTS } from './ledger-scripts.ts';
import type { RedisConnection } from './redis-connection.ts';

export interface ExpectedLedger {
  readonly epoch: string;
  /** Highest change sequence that anything of ours is based on. */
  readonly knownSequence: number;
  /** A higher floor is that of a later start, or of a copy of the data folder. */
  readonly highestFloor: number;
  /** The journal yields no more events; null when that was compared before. */
  readonly lastEventSequence: number | null;
}

/** What may be improved, for people; the ledger goes on. */
export type OnWarning = (warning: string) => void;

const FOREIGN_LEDGER =
  'Redis holds the ledger of another data folder, or a copy from before `ledger rebuild`: name another Redis, or run it again';
const OLDEST_MAJOR_VERSION = 7;

/**
 * Looks whether this is the Redis that the ledger is in, in a state to keep it. A Redis without any ledger is given one
 * only when nothing of ours is based on an older one. All scripts are there afterwards.
 * @throws LedgerPausedError, LedgerUnavailableError, LedgerScriptError
 */
export async function checkRedis(
  connection: RedisConnection,
  expected: ExpectedLedger,
  onWarning: OnWarning,
): Promise<void> {
  await checkServer(connection, onWarning);
  await requireKnownLedger(connection, expected);
  if (expected.lastEventSequence !== null) await requireJournalOf(connection, expected.lastEventSequence);
  // A Redis that started anew has forgotten them; a call that is told so is sent a second time, whole.
  await Promise.all(Object.values(LEDGER_SCRIPTS).map(({ source }) => connection.command('SCRIPT', 'LOAD', source)));
}

/**
 * Looks whether a Redis is in a state to keep a ledger, whatever it holds.
 * @throws LedgerPausedError, LedgerUnavailableError, LedgerScriptError
 */
export async function checkServer(connection: RedisConnection, onWarning: OnWarning): Promise<void> {
  const info = parseInfo(String(await connection.command('INFO')));
  requireMaster(info);
  if (info.get('aof_enabled') !== '1')
    throw new LedgerPausedError(
      'NOT_PERSISTENT',
      'Redis keeps nothing on disk: set "appendonly yes" (and "appendfsync always"), in redis.conf too',
    );
  await checkSettings(connection, onWarning);
}

function requireMaster(info: ReadonlyMap<string, string>): void {
  const version = info.get('redis_version') ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR_VERSION))
    throw new LedgerPausedError('TOO_OLD', `Redis ${version} is too old: it must be 7.0 or later`);
  if (info.get('role') !== 'master')
    throw new LedgerPausedError('REPLICA', 'Redis is a replica: name the master in RINGBOOK_REDIS_URL');
}

async function checkSettings(connection: RedisConnection, onWarning: OnWarning): Promise<void> {
  const read = async (name: string): Promise<string> =>
    String(((await connection.command('CONFIG', 'GET', name)) as string[])[1]);
  let appendfsync: string;
  let eviction: string;
  try {
    [appendfsync, eviction] = await Promise.all([read('appendfsync'), read('maxmemory-policy')]);
  } catch (error) {
    if (error instanceof LedgerUnavailableError && !error.isOutcomeKnown) throw error;
    onWarning(`Redis does not let its settings be read: appendfsync should be always (${(error as Error).message})`);
    return;
  }
  if (eviction.startsWith('allkeys-'))
    throw new LedgerPausedError(
      'EVICTING',
      `Redis drops balances when memory is short: set "maxmemory-policy noeviction" instead of ${eviction}`,
    );
  if (appendfsync !== 'always')
    onWarning(
      `Redis syncs its disk by "appendfsync ${appendfsync}": a crash of its machine may take the last second, which stops ` +
        'the exchange until `ledger rebuild`; set "appendfsync always" to lose nothing',
    );
}

async function requireKnownLedger(
  connection: RedisConnection,
  { epoch, knownSequence, highestFloor }: ExpectedLedger,
): Promise<void> {
  const answer = await connection.evaluate(LEDGER_SCRIPTS.readLedger, [LEDGER_KEYS.ledger], []);
  const [found, foundEpoch, sequence, floor, begun] = answer;
  if (found === 'EMPTY') {
    if (knownSequence > 0)
      throw new LedgerPausedError(
        'EMPTY',
        `Redis is empty, but ${knownSequence} changes are known: bring its data back, or run \`ledger rebuild\``,
      );
    await createLedger(connection, epoch);
    return;
  }
  if (foundEpoch !== epoch) throw new LedgerPausedError('FOREIGN', FOREIGN_LEDGER);
  if (Number(floor) > highestFloor) throw new StaleWriterError(Number(floor));
  if (Number(sequence) < knownSequence)
    throw new LedgerPausedError(
      'OLDER',
      `Redis knows ${sequence} changes, but ${knownSequence} are known here: it is an older copy, or lost its last writes. ` +
        'Bring the newer data back, or run `ledger rebuild`',
    );
  if (begun !== sequence) throw halfDone(begun!);
}

async function requireJournalOf(connection: RedisConnection, lastEventSequence: number): Promise<void> {
  const marks = (await connection.command('HGETALL', LEDGER_KEYS.watermarks)) as string[];
  const settled = Math.max(0, ...marks.filter((_, at) => at % 2 === 1).map(Number));
  if (settled > lastEventSequence) throw new LedgerAheadError('Redis', settled, lastEventSequence);
}

/** A script failed between two of its writes. */
export function halfDone(begun: string): LedgerPausedError {
  return new LedgerPausedError('HALF_DONE', `change ${begun} was begun and never finished: run \`ledger rebuild\``);
}

async function createLedger(connection: RedisConnection, epoch: string): Promise<void> {
  const [outcome, fact] = await connection.evaluate(LEDGER_SCRIPTS.createLedger, Object.values(LEDGER_KEYS), [epoch]);
  if (outcome === 'REMAINS')
    throw new LedgerPausedError(
      'FOREIGN',
      `Redis holds a part of some ledger, ${fact}, without its head: name another Redis`,
    );
  if (outcome === 'EXISTS' && fact !== epoch) throw new LedgerPausedError('FOREIGN', FOREIGN_LEDGER);
}

/** INFO answers lines of name:value. */
function parseInfo(text: string): Map<string, string> {
  const pairs = text.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
  });
  return new Map(pairs);
}
