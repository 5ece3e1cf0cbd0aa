import { StaleWriterError } from '../../../core/ports/ledger.ts';
import type { ExchangeDatabase } from '../../storage/exchange-database.ts';
import type { TableShape } from '../../storage/group-commit.ts';
import type { SqlValue } from '../../storage/sqlite-database.ts';
import { BALANCES, CREDITS, DEBITS, HOLDS, POOLS, WATERMARKS } from '../ledger-tables.ts';
import { balanceKey, LEDGER_KEYS } from './ledger-keys.ts';
import { LEDGER_SCRIPTS } from './ledger-scripts.ts';
import { checkServer, type OnWarning } from './redis-check.ts';
import { RedisConnection } from './redis-connection.ts';

/** Redis holds a ledger that may be somebody else's. */
export class ForeignLedgerError extends Error {
  override readonly name = 'ForeignLedgerError';
}

export interface RestoreSettings {
  readonly url: string;
  /** Of ledgers that may be replaced: those that this data folder has had. */
  readonly knownEpochs: readonly string[];
  /** Highest floor that starts of this folder may have raised: a ledger with a higher one is a copy's by now. */
  readonly raisedFloor: number;
  /** Any other may be replaced as well: the user has said so. */
  readonly mayReplaceForeign: boolean;
  readonly onWarning: OnWarning;
}

const ANSWER_TIMEOUT_MS = 10_000;
const PAGE_ROWS = 1_000;
const { ledger, holds, credits, debits, pools, watermarks } = LEDGER_KEYS;

/**
 * Puts a ledger that `exchange.sqlite` tells of into a Redis, in the place of one that is lost. The head goes first and
 * comes last: in between there is no ledger, so that nobody can use a half of one, and a crash is followed by doing it all
 * again. Entries are archived and stay so: their stream begins empty.
 */
export class RedisRestore {
  readonly #settings: RestoreSettings;
  readonly #connection: RedisConnection;

  private constructor(settings: RestoreSettings) {
    this.#settings = settings;
    this.#connection = new RedisConnection({
      url: settings.url,
      answerTimeoutMs: ANSWER_TIMEOUT_MS,
      verify: (connection) => checkServer(connection, settings.onWarning),
      onChange: () => {},
    });
  }

  /** @throws ForeignLedgerError, StaleWriterError, LedgerUnavailableError, LedgerPausedError: this Redis can't take the ledger */
  static async open(settings: RestoreSettings): Promise<RedisRestore> {
    const restore = new RedisRestore(settings);
    try {
      await restore.#connection.open();
      await restore.#requireReplaceable();
      return restore;
    } catch (error) {
      restore.close();
      throw error;
    }
  }

  /**
   * @param exchange at rest
   * @param epoch made for this ledger alone
   * @param onProgress share of the rows loaded, 0 … 1
   * @throws LedgerUnavailableError: Redis went away, run the rebuild again
   */
  async load(exchange: ExchangeDatabase, epoch: string, onProgress: (share: number) => void): Promise<void> {
    await this.#requireReplaceable();
    await this.#connection.command('DEL', ledger);
    await this.#removeParts();
    const total = await rowCount(exchange);
    let loaded = 0;
    for (const table of TABLES) {
      const key = table.shape.columns.slice(0, table.keyColumns);
      let after: SqlValue[] = key.map(() => -1);
      for (;;) {
        const rows = await readPage(exchange, table, after);
        if (rows.length === 0) break;
        const hashes = gather(rows, table.fieldsOf);
        await Promise.all([...hashes].map(([hash, fields]) => this.#connection.command('HSET', hash, ...fields)));
        loaded += rows.length;
        onProgress(loaded / total);
        after = key.map((column) => rows.at(-1)![column]!);
      }
    }
    const sequence = (await exchange.readMeta('ledgerSequence')) ?? '0';
    const floor = (await exchange.readMeta('ledgerFloor')) ?? '0';
    const answer = await this.#connection.evaluate(LEDGER_SCRIPTS.restoreLedger, [ledger], [epoch, sequence, floor]);
    if (answer[0] === 'EXISTS')
      throw new ForeignLedgerError('another exchange began a ledger in this Redis meanwhile: name a Redis of its own');
  }

  close(): void {
    this.#connection.close();
  }

  async #requireReplaceable(): Promise<void> {
    const { knownEpochs, raisedFloor, mayReplaceForeign } = this.#settings;
    const [found, epoch, , floor] = await this.#connection.evaluate(LEDGER_SCRIPTS.readLedger, [ledger], []);
    if (found === 'EMPTY' || mayReplaceForeign) return;
    if (knownEpochs.includes(epoch!)) {
      if (Number(floor) > raisedFloor) throw new StaleWriterError(Number(floor));
      return;
    }
    throw new ForeignLedgerError(
      'Redis holds the ledger of another data folder: name another Redis in RINGBOOK_REDIS_URL, or say --replace when that ledger may go',
    );
  }

  async #removeParts(): Promise<void> {
    const pattern = `${ledger.slice(0, ledger.indexOf(':') + 1)}*`;
    let cursor = '0';
    do {
      const answer = await this.#connection.command('SCAN', cursor, 'MATCH', pattern, 'COUNT', String(PAGE_ROWS));
      const [next, keys] = answer as [string, string[]];
      if (keys.length > 0) await this.#connection.command('UNLINK', ...keys);
      cursor = next;
    } while (cursor !== '0');
  }
}

type Row = Readonly<Record<string, string | number>>;

interface LoadedTable {
  readonly shape: TableShape;
  readonly keyColumns: number; // of the shape's first columns: the primary key
  /** @returns the hash that a row goes to, and its fields and values in turns */
  readonly fieldsOf: (row: Row) => readonly [hash: string, ...fields: string[]];
}

const operation =
  (hash: string, idColumn: string) =>
  (row: Row): [string, string, string] => {
    const { account_id, asset_id, units, available_units, ledger_sequence } = row;
    return [hash, String(row[idColumn]), [account_id, asset_id, units, available_units, ledger_sequence].join(' ')];
  };

/** What of `exchange.sqlite` goes where; see ledger-prelude.lua. */
const TABLES: readonly LoadedTable[] = [
  {
    shape: BALANCES,
    keyColumns: 2,
    fieldsOf: ({ account_id, asset_id, available_units, held_units }) => [
      balanceKey(Number(account_id)),
      ...[`a${asset_id}`, String(available_units), `h${asset_id}`, String(held_units)],
    ],
  },
  { shape: HOLDS, keyColumns: 1, fieldsOf: operation(holds, 'command_id') },
  { shape: CREDITS, keyColumns: 1, fieldsOf: operation(credits, 'operation_id') },
  { shape: DEBITS, keyColumns: 1, fieldsOf: operation(debits, 'operation_id') },
  {
    shape: POOLS,
    keyColumns: 1,
    fieldsOf: ({ asset_id, credited_units, debited_units }) => [
      pools,
      ...[`c${asset_id}`, String(credited_units), `d${asset_id}`, String(debited_units)],
    ],
  },
  {
    shape: WATERMARKS,
    keyColumns: 1,
    fieldsOf: ({ partition, event_sequence }) => [watermarks, String(partition), String(event_sequence)],
  },
];

/** @returns the next rows by primary key; amounts as text, since a number of the driver's would lose digits above 2^53 */
function readPage(
  { database }: ExchangeDatabase,
  { shape: { name, columns }, keyColumns }: LoadedTable,
  after: readonly SqlValue[],
): Promise<Row[]> {
  const key = columns.slice(0, keyColumns).join(', ');
  const read = columns.map((column) => (column.endsWith('units') ? `CAST(${column} AS TEXT) AS ${column}` : column));
  return database.all<Row>(
    `SELECT ${read.join(', ')} FROM ${name} WHERE (${key}) > (${after.map(() => '?').join(', ')}) ORDER BY ${key} LIMIT ${PAGE_ROWS}`,
    after,
  );
}

async function rowCount({ database }: ExchangeDatabase): Promise<number> {
  const counts = TABLES.map(({ shape }) => `(SELECT count(*) FROM ${shape.name})`).join(' + ');
  const rows = await database.all<{ count: number }>(`SELECT ${counts} AS count`);
  return rows[0]!.count;
}

/** @returns fields and values in turns, by the hash they go to */
function gather(rows: readonly Row[], fieldsOf: LoadedTable['fieldsOf']): Map<string, string[]> {
  const hashes = new Map<string, string[]>();
  for (const row of rows) {
    const [hash, ...fields] = fieldsOf(row);
    const gathered = hashes.get(hash);
    if (gathered === undefined) hashes.set(hash, fields);
    else gathered.push(...fields);
  }
  return hashes;
}
