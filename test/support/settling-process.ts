/**
 * A worker of its own beside an exchange: reads the event log and settles everything in it over and over, cut as it
 * pleases, at the same time as the exchange does. `node settling-process.ts`, with its orders as JSON in the first argument.
 * Prints what its calls were answered, counted, once the exchange is gone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EventLogCursor } from '../../core/journal/event-log-cursor.ts';
import { Catalogue } from '../../core/money/catalogue.ts';
import { partitionOf } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import type { StatusReport } from '../../main/status-report.ts';
import { define } from '../../workers/definitions/define.ts';
import { RedisLedger } from '../../workers/ledger/redis/redis-ledger.ts';
import { effectsOf } from '../../workers/settlement/legs.ts';
import { exchangeDatabasePath } from '../../workers/storage/exchange-database.ts';
import { SqliteDatabase } from '../../workers/storage/sqlite-database.ts';
import { readRaisedFloor } from '../../workers/storage/start-number.ts';
import { RandomIntegers } from './random-integers.ts';

export interface SettlingOrders {
  readonly folder: string;
  readonly redisUrl: string;
  readonly epoch: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly partitionCount: number;
  readonly seed: number;
  readonly mostRepeats: number;
}

const orders = JSON.parse(process.argv[2] ?? '{}') as SettlingOrders;
const { folder, redisUrl, epoch, adminUrl, adminToken, partitionCount, seed, mostRepeats } = orders;
const random = new RandomIntegers(seed);
const answers: Record<string, number> = {};

const database = await SqliteDatabase.openReader(exchangeDatabasePath(folder));
const writer = await readRaisedFloor(database);
await database.close();
const ledger = await RedisLedger.open({ url: redisUrl, epoch, writer, partitionCount, knownSequence: 1 });
const cursor = new EventLogCursor(folder, 0);
const catalogue = new Catalogue();
const settled: number[] = Array(partitionCount).fill(0);

async function settle(partition: number, events: readonly ExchangeEvent[], lastSequence: number): Promise<void> {
  const beforeSequence = random.onceIn(2) ? settled[partition]! : 0; // from the very beginning, as far as it is known
  const effects = effectsOf(
    events.filter(({ eventSequence }) => eventSequence > beforeSequence),
    catalogue,
  );
  const batch = { partition, beforeSequence, lastSequence, timestampMs: events.at(-1)?.timestampMs ?? 0, ...effects };
  const repeats = random.between(2, mostRepeats);
  const outcomes = await Promise.all(Array.from({ length: repeats }, () => ledger.settle(batch)));
  for (const { outcome } of outcomes) answers[outcome] = (answers[outcome] ?? 0) + 1;
}

/** @returns the end of the event log; null once the exchange is gone */
async function loggedSequence(): Promise<number | null> {
  try {
    const response = await fetch(`${adminUrl}/status`, { headers: { Authorization: `Bearer ${adminToken}` } });
    return ((await response.json()) as StatusReport).events.loggedSequence;
  } catch {
    return null;
  }
}

console.log('settling');
const all: ExchangeEvent[] = [];
for (let logged = await loggedSequence(); logged !== null; logged = await loggedSequence()) {
  const events = cursor.next(logged, random.between(1, 200));
  for (const event of events) define(catalogue, event);
  all.push(...events);
  const lastSequence = all.at(-1)?.eventSequence ?? 0;
  for (let partition = 0; partition < partitionCount && lastSequence > 0; partition++) {
    if (settled[partition] === lastSequence) continue;
    const own = all.filter((event) => partitionOf(event, partitionCount) === partition);
    await settle(partition, own, lastSequence);
    settled[partition] = lastSequence;
  }
  if (events.length === 0) await sleep(5);
}
cursor.close();
ledger.close();
console.log(JSON.stringify(answers));
