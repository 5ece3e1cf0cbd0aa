import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventLogCursor } from '../../core/journal/event-log-cursor.ts';
import type { EventConsumer } from '../../core/ports/event-feed.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import { HistoryConsumer } from '../../workers/history/history-consumer.ts';
import type { RedisLedger } from '../../workers/ledger/redis/redis-ledger.ts';
import { effectsOf } from '../../workers/settlement/legs.ts';
import { SettlementConsumer } from '../../workers/settlement/settlement-consumer.ts';
import { HistoryDatabase } from '../../workers/storage/history-database.ts';
import type { BenchRedis } from './bench-redis.ts';
import { ACCOUNTS } from './command-mix.ts';
import type { EventLog } from './event-log.ts';
import { FIRST_ACCOUNT, FUNDS, PARTITIONS } from './ledger-work.ts';

/** What a log leaves behind: what each account has of each asset, and the rows of orders and trades. */
export interface Outcome {
  readonly balances: ReadonlyMap<string, bigint>; // account, asset and whether held
  readonly orders: number;
  readonly trades: number;
}

const READ_EVENTS = 4_096;

/** Settlement in Redis and history in SQLite, each with nothing in it but funds, until they are closed. */
export class SettlingStoring {
  readonly consumers: readonly EventConsumer[];
  readonly #ledger: RedisLedger;
  readonly #history: HistoryDatabase;
  readonly #folder: string;

  private constructor(
    consumers: readonly EventConsumer[],
    ledger: RedisLedger,
    history: HistoryDatabase,
    folder: string,
  ) {
    this.consumers = consumers;
    this.#ledger = ledger;
    this.#history = history;
    this.#folder = folder;
  }

  static async open(redis: BenchRedis, { catalogue }: EventLog): Promise<SettlingStoring> {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
    const history = await HistoryDatabase.open(folder, PARTITIONS, (error) => {
      throw error;
    });
    const ledger = await redis.fresh(ACCOUNTS);
    const consumers = [new SettlementConsumer(ledger, catalogue), await HistoryConsumer.open(history, catalogue)];
    return new SettlingStoring(consumers, ledger, history, folder);
  }

  /** @throws Error unless everything that follows from the log is there once */
  async requireOutcome(expected: Outcome): Promise<void> {
    const count = async (table: string): Promise<number> =>
      (await this.#history.database.all<{ count: number }>(`SELECT count(*) AS count FROM ${table}`))[0]!.count;
    const rows = [await count('orders'), await count('trades')];
    if (rows[0] !== expected.orders || rows[1] !== expected.trades)
      throw new Error(`${rows} orders and trades are stored, ${expected.orders},${expected.trades} were made`);
    for (const accountId of new Set([...expected.balances.keys()].map((key) => Number(key.split(' ')[0])))) {
      const { balances } = await this.#ledger.balances(accountId);
      for (const { assetId, availableUnits, heldUnits } of balances)
        for (const [kind, found] of [
          ['available', availableUnits],
          ['held', heldUnits],
        ] as const) {
          const wanted = (expected.balances.get(keyOf(accountId, assetId, kind)) ?? 0n) + fundsOf(accountId);
          if (found !== wanted)
            throw new Error(`account ${accountId} has ${found} of asset ${assetId} ${kind}, not ${wanted}`);
        }
    }
  }

  async close(): Promise<void> {
    this.#ledger.close();
    await this.#history.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @returns what must come of the log, added up without any of the consumers */
export function outcomeOf({ folder, lastEventSequence, catalogue }: EventLog): Outcome {
  const balances = new Map<string, bigint>();
  let orders = 0;
  let trades = 0;
  const cursor = new EventLogCursor(folder, 0);
  for (let read = 0; read < lastEventSequence; ) {
    const events = cursor.next(lastEventSequence, READ_EVENTS);
    read = events.at(-1)!.eventSequence;
    for (const { kind } of events) {
      if (kind === EventKind.ACCEPTED) orders += 1;
      if (kind === EventKind.FILLED) trades += 1;
    }
    for (const { accountId, assetId, availableDeltaUnits, heldDeltaUnits } of effectsOf(events, catalogue).legs)
      for (const [kind, delta] of [
        ['available', availableDeltaUnits],
        ['held', heldDeltaUnits],
      ] as const) {
        const key = keyOf(accountId, assetId, kind);
        balances.set(key, (balances.get(key) ?? 0n) + delta);
      }
  }
  cursor.close();
  return { balances, orders, trades };
}

function keyOf(accountId: number, assetId: number, kind: 'available' | 'held'): string {
  return `${accountId} ${assetId} ${kind}`;
}

/** Half of what it was credited is held for what will be settled. */
function fundsOf(accountId: number): bigint {
  return accountId >= FIRST_ACCOUNT ? FUNDS / 2n : 0n;
}
