import { describe, expect, test } from 'vitest';
import { EventLogCursor } from '../../../core/journal/event-log-cursor.ts';
import { type EventBatch, partitionOf } from '../../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import type { FilledEvent } from '../../../core/protocol/events.ts';
import { EventKind } from '../../../core/protocol/kinds.ts';
import { AuditTap, type TapFinding, TapGapError } from '../../../workers/audit-tap/audit-tap.ts';
import { SequenceCoverage } from '../../../workers/audit-tap/sequence-coverage.ts';
import {
  countFindings,
  readCheckedCounts,
  readUntold,
  TapDatabase,
  tapDatabasePath,
} from '../../../workers/storage/tap-database.ts';
import { ViewWatermarks } from '../../../workers/storage/view-watermarks.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { until } from '../../support/until.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { TradingFolder } from '../trading-folder.ts';

const PARTITIONS = 8;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

interface OpenedTap {
  readonly folder: string;
  readonly tap: AuditTap;
  readonly events: readonly ExchangeEvent[];
  readonly findings: TapFinding[];
  readonly reopen: () => Promise<AuditTap>;
}

async function opened(commands = 300, retiredSequence = 0, canRaise = () => true): Promise<OpenedTap> {
  const folder = temporaryFolder();
  const trading = await TradingFolder.open(folder);
  await trading.trade(new RandomIntegers(seed), commands);
  const cursor = new EventLogCursor(folder, 0);
  const events = cursor.next(trading.endSequence, Number.MAX_SAFE_INTEGER);
  cursor.close();
  const findings: TapFinding[] = [];
  let database: TapDatabase | null = null;
  const reopen = async (): Promise<AuditTap> => {
    await database?.close();
    database = await TapDatabase.open(folder, PARTITIONS, (error) => {
      throw error;
    });
    const { catalogue } = trading;
    const clock = { nowMs: () => 1 };
    return AuditTap.open({
      tap: database,
      retiredSequence,
      catalogue,
      clock,
      onFinding: async (found) => {
        findings.push(found);
        return canRaise();
      },
    });
  };
  return { folder, tap: await reopen(), events, findings, reopen };
}

function wholeBatches(events: readonly ExchangeEvent[], through: number): EventBatch[] {
  return Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    beforeSequence: 0,
    lastSequence: through,
    events: events.filter((event) => partitionOf(event, PARTITIONS) === partition),
  }));
}

test(`a sound stream, cut at random, doubled and over a restart, has no findings and is counted once (SEED=${seed})`, async () => {
  const random = new RandomIntegers(seed);
  const { folder, tap: first, events, findings, reopen } = await opened();
  let tap = first;
  const watermarks = new ViewWatermarks(tapDatabasePath(folder), PARTITIONS);
  for (let through = 0; through < events.length; ) {
    const from = through;
    through = Math.min(events.length, through + random.between(1, 60));
    for (const { partition, ...batch } of wholeBatches(events.slice(from, through), through)) {
      const beforeSequence = random.onceIn(3) ? Math.max(0, from - 1) : from; // an overlap that holds nothing new
      await tap.consume({ ...batch, partition, beforeSequence });
      if (random.onceIn(4)) await tap.consume({ ...batch, partition, beforeSequence: 0 });
    }
    if (random.onceIn(10)) tap = await reopen();
  }
  expect(findings).toEqual([]);
  expect(await watermarks.watermarks()).toEqual(Array(PARTITIONS).fill(events.length));
  expect(await tap.watermarks()).toEqual(Array(PARTITIONS).fill(events.length));
  const stored = await readCheckedCounts(await TapDatabase.open(folder, PARTITIONS, () => {}));
  expect(stored.reduce((sum, { eventCount }) => sum + eventCount, 0)).toBe(events.length);
  const trades = events.filter(({ kind }) => kind === EventKind.FILLED).length;
  expect(stored.reduce((sum, { tradeCount }) => sum + tradeCount, 0)).toBe(trades);
});

test('watermarks of a tap that has never run are zeros', async () => {
  expect(await new ViewWatermarks(tapDatabasePath(temporaryFolder()), 3).watermarks()).toEqual([0, 0, 0]);
});

test('a batch that leaves a gap is not checked at all', async () => {
  const { tap, events } = await opened(20);
  const [batch] = wholeBatches(events, events.length);
  await expect(tap.consume({ ...batch!, beforeSequence: 1 })).rejects.toThrow(TapGapError);
  expect(await tap.watermarks()).toEqual(Array(PARTITIONS).fill(0));
});

test('a watermark is told once it is on disk', async () => {
  const { tap, events } = await opened(20);
  const [batch] = wholeBatches(events, events.length);
  const consumed = tap.consume(batch!);
  expect(await tap.watermarks()).toEqual(Array(PARTITIONS).fill(0));
  await consumed;
  expect(await tap.watermarks()).toEqual([events.length, ...Array(PARTITIONS - 1).fill(0)]);
});

test('of events that were retired before it came it asks for none, and nothing', async () => {
  const { tap, events, findings } = await opened(100, 50);
  expect(await tap.watermarks()).toEqual(Array(PARTITIONS).fill(50));
  for (const batch of wholeBatches(events.slice(50), events.length))
    await tap.consume({ ...batch, beforeSequence: 50 });
  expect(findings).toEqual([]);
  expect(await tap.watermarks()).toEqual(Array(PARTITIONS).fill(events.length));
});

describe('what must never be is found, stored and told', () => {
  const isFill = (event: ExchangeEvent): event is FilledEvent => event.kind === EventKind.FILLED;
  const late = (events: readonly ExchangeEvent[]): FilledEvent => events.filter(isFill)[3]!;
  test.each<[what: string, spoil: (events: readonly ExchangeEvent[]) => readonly ExchangeEvent[], finding: RegExp]>([
    ['an event that is nowhere', (events) => events.filter((event) => event !== late(events)), /came in no partition/],
    [
      'an event that came twice',
      (events) => events.flatMap((event) => (event === late(events) ? [event, event] : [event])),
      /came twice/,
    ],
    [
      'time that goes back',
      (events) => events.map((event) => (event === late(events) ? { ...event, timestampMs: 5 } : event)),
      /at 5 ms follows/,
    ],
    [
      'a fill that no rule can settle',
      (events) =>
        events.map((event) =>
          event === late(events)
            ? { ...late(events), instrumentId: late(events).instrumentId + 10 * PARTITIONS }
            : event,
        ),
      /instrument/,
    ],
  ])('%s', async (_what, spoil, finding) => {
    const { tap, folder, events, findings } = await opened();
    const spoiled = spoil(events);
    for (const batch of wholeBatches(spoiled, events.length)) await tap.consume(batch);
    expect(findings.length).toBeGreaterThan(0);
    expect(findings.map((found) => found.finding).join('\n')).toMatch(finding);
    const database = await TapDatabase.open(folder, PARTITIONS, () => {});
    expect(await countFindings(database)).toBe(findings.length);
    await database.close();
  });
});

test('an event that came in the batch of another partition is found there', async () => {
  const { tap, events, findings } = await opened();
  const stray = events.filter(({ kind }) => kind === EventKind.FILLED)[3]!;
  const own = partitionOf(stray, PARTITIONS);
  const other = (own + 1) % PARTITIONS;
  for (const batch of wholeBatches(events, events.length)) {
    const moved = batch.events.filter((event) => event !== stray);
    if (batch.partition === other) moved.push(stray);
    moved.sort((one, two) => one.eventSequence - two.eventSequence);
    await tap.consume({ ...batch, events: moved });
  }
  expect(findings).toContainEqual({
    partition: other,
    eventSequence: stray.eventSequence,
    finding: `event ${stray.eventSequence} of partition ${own} came in partition ${other}`,
  });
});

test('what was told in vain is told again by each start, of each partition once, until the alarm was raised', async () => {
  let canRaise = false;
  const { folder, tap, events, findings, reopen } = await opened(100, 0, () => canRaise);
  const fills = events.filter(({ kind }) => kind === EventKind.FILLED).slice(2, 5);
  const spoiled = events.flatMap((event) => (fills.includes(event) ? [event, event] : [event]));
  for (const batch of wholeBatches(spoiled, events.length)) await tap.consume(batch);
  const first = Map.groupBy(findings.splice(0), ({ partition }) => partition);
  const ofEachPartition = [...first.values()].map(([found]) => found);
  expect(ofEachPartition.length).toBeGreaterThan(0);
  for (const partition of first.values()) expect(partition.length).toBeGreaterThan(1); // came twice, and stands after itself
  const byPartition = (one: TapFinding, two: TapFinding) => one.partition - two.partition;
  for (const round of ['in vain', 'raised']) {
    canRaise = round === 'raised';
    await reopen();
    expect(findings.splice(0).sort(byPartition), round).toEqual(ofEachPartition.sort(byPartition));
  }
  const database = await TapDatabase.open(folder, PARTITIONS, () => {});
  await until(async () => (await readUntold(database)).length === 0);
  await database.close();
  await reopen();
  expect(findings).toEqual([]);
});

test('coverage forgets nothing but what every partition has passed, and bounds what it keeps', () => {
  const coverage = new SequenceCoverage(10);
  expect(coverage.see(9)).toBe(false);
  expect([coverage.see(12), coverage.see(12), coverage.see(13)]).toEqual([false, true, false]);
  expect(coverage.raise(12)).toEqual([11]);
  expect(coverage.raise(12)).toEqual([]);
  expect(coverage.raise(14)).toEqual([14]);
  for (let sequence = 20; sequence < 20 + 2 ** 20 + 2; sequence++) coverage.see(sequence);
  expect(coverage.raise(20 + 2 ** 20)).toEqual([]); // 15 … 19 are past the bound: nobody is told of them any more
});
