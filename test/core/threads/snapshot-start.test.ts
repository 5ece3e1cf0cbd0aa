import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Engine } from '../../../core/engine/engine.ts';
import type { EngineLimits } from '../../../core/engine/engine-state.ts';
import { EventWriter } from '../../../core/engine/event-writer.ts';
import { EventLogCursor } from '../../../core/journal/event-log-cursor.ts';
import { LogKind } from '../../../core/journal/frame.ts';
import { JournalLossError } from '../../../core/journal/journal-errors.ts';
import { scanEventLog, scanJournal } from '../../../core/journal/log-scan.ts';
import { archiveFolder, listSegments, logFolder } from '../../../core/journal/segment-files.ts';
import { listSnapshots, snapshotFolder, snapshotPath } from '../../../core/journal/snapshot-files.ts';
import { SnapshotReader } from '../../../core/journal/snapshot-reader.ts';
import { createRing, RingWriter } from '../../../core/ring/ring.ts';
import type { ThreadFailure } from '../../../core/threads/managed-thread.ts';
import { startFromSnapshot } from '../../../core/threads/snapshot-start.ts';
import type { SnapshotReport } from '../../../core/threads/thread-messages.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { temporaryFolder } from '../journal/record-tape.ts';
import { flipBit, stateAfter, writeSnapshot } from '../journal/snapshot-tape.ts';
import {
  type Exchange,
  newExchange,
  SEGMENT_BYTES,
  seed,
  startExchange,
  stopExchange,
  TAPE,
} from './running-exchange.ts';

/** Many starts of an exchange, each of which takes seconds on a loaded machine. */
const LOADED_MACHINE_MS = 240_000;

const WITH_SNAPSHOTS = { useSnapshots: true };
const eventsThrough = (commandSequence: number): number =>
  TAPE.decodedEvents.filter((event) => event.commandSequence <= commandSequence).length;

/** An exchange that tells what became of its snapshots. */
async function startWithReports(
  folder: string,
  settings = {},
): Promise<{ exchange: Exchange; reports: SnapshotReport[] }> {
  const exchange = await startExchange(folder, 256, { ...WITH_SNAPSHOTS, ...settings });
  const reports: SnapshotReport[] = [];
  exchange.threads.onSnapshot((report) => reports.push(report));
  return { exchange, reports };
}

/** Runs the tape's commands up to each of the counts, with an orderly stop, hence a snapshot, after each. */
async function runInParts(folder: string, counts: readonly number[]): Promise<void> {
  for (const count of counts) {
    const exchange = await startExchange(folder, 256, WITH_SNAPSHOTS);
    const { lastCommandSequence } = exchange.recovered.replayed;
    await exchange.gateway.publish(TAPE.commands.slice(lastCommandSequence, count));
    await stopExchange(exchange);
  }
}

function loggedEvents(folder: string, after = 0) {
  const { lastSequence } = scanEventLog(folder, () => {});
  const cursor = new EventLogCursor(folder, after);
  const events = cursor.next(lastSequence, Infinity);
  cursor.close();
  return events;
}

test(
  `a start from a snapshot and the journal behind it equals a start from the beginning (SEED=${seed})`,
  async () => {
    const folder = temporaryFolder();
    await runInParts(folder, [1_000]);
    const plain = await startExchange(folder); // no snapshots: one is left behind
    await plain.gateway.publish(TAPE.commands.slice(1_000, 1_700));
    await plain.gateway.untilEvents(eventsThrough(1_700));
    await stopExchange(plain);
    expect(listSnapshots(folder).map(({ commandSequence }) => commandSequence)).toEqual([1_000]);

    const { exchange, reports } = await startWithReports(folder);
    const { replayed } = exchange.recovered;
    const atSnapshot = { commandSequence: 1_000, eventSequence: eventsThrough(1_000) };
    expect(replayed.snapshot).toMatchObject({ ...atSnapshot, path: snapshotPath(folder, 1_000) });
    expect(replayed).toMatchObject({
      refusedSnapshots: [],
      lastCommandSequence: 1_700,
      lastEventSequence: eventsThrough(1_700),
      stateHash: stateAfter(TAPE, 1_700).stateHash,
    });
    await exchange.gateway.publish(TAPE.commands.slice(1_700));
    await exchange.gateway.untilEvents(TAPE.events.length - atSnapshot.eventSequence);
    expect(exchange.gateway.events).toEqual(TAPE.decodedEvents.slice(atSnapshot.eventSequence));
    await stopExchange(exchange);
    expect(reports).toMatchObject([
      { type: 'snapshot-placed', commandSequence: 3_000, eventSequence: TAPE.events.length, stateHash: TAPE.stateHash },
    ]);
    expect(loggedEvents(folder)).toEqual(TAPE.decodedEvents);

    const last = await startExchange(folder, 256, WITH_SNAPSHOTS);
    expect(last.recovered.replayed).toMatchObject({ stateHash: TAPE.stateHash, snapshot: { commandSequence: 3_000 } });
    await stopExchange(last);
    expect(last.gateway.events).toEqual([]);
    const whole = await startExchange(folder);
    expect(whole.recovered.replayed).toMatchObject({ stateHash: TAPE.stateHash, snapshot: null });
    await stopExchange(whole);
  },
  LOADED_MACHINE_MS,
);

test('snapshots come every so many commands and when asked for, two are kept, trading goes on', async () => {
  const folder = temporaryFolder();
  const { exchange, reports } = await startWithReports(folder, { snapshotEveryCommands: 500 });
  await exchange.gateway.publish(TAPE.commands.slice(0, 1_600));
  await exchange.gateway.untilEvents(eventsThrough(1_600));
  exchange.threads.requestSnapshot();
  while (!reports.some((report) => 'commandSequence' in report && report.commandSequence === 1_600)) await delay(2);
  await exchange.gateway.publish(TAPE.commands.slice(1_600, 1_601));
  await stopExchange(exchange);
  expect(reports.length).toBeGreaterThanOrEqual(3);
  expect(reports.map(({ type }) => type)).toEqual(reports.map(() => 'snapshot-placed'));
  const sequences = reports.map((report) => ('commandSequence' in report ? report.commandSequence : 0));
  expect(sequences.slice(-2)).toEqual([1_600, 1_601]);
  for (const [index, sequence] of sequences.slice(0, -2).entries())
    expect(sequence - (sequences[index - 1] ?? 0)).toBeGreaterThanOrEqual(500);
  expect(listSnapshots(folder).map(({ commandSequence }) => commandSequence)).toEqual([1_601, 1_600]);
  for (const { path, commandSequence } of listSnapshots(folder))
    expect(new SnapshotReader(path).state.sections).toEqual(stateAfter(TAPE, commandSequence).sections);
});

test('the snapshot of an orderly stop carries the state hash, one taken amid trading does not', async () => {
  const folder = temporaryFolder();
  const { exchange, reports } = await startWithReports(folder, { snapshotEveryCommands: 10_000 });
  await exchange.gateway.publish(TAPE.commands.slice(0, 300));
  await exchange.gateway.untilEvents(eventsThrough(300));
  exchange.threads.requestSnapshot();
  while (reports.length === 0) await delay(2);
  await exchange.gateway.publish(TAPE.commands.slice(300, 301));
  await stopExchange(exchange);
  const hashes = listSnapshots(folder).map(({ path }) => new SnapshotReader(path).state.stateHash);
  expect(hashes).toEqual([stateAfter(TAPE, 301).stateHash, null]);
});

test('a snapshot that is asked for where the newest one stands is not taken twice', async () => {
  const folder = temporaryFolder();
  const { exchange, reports } = await startWithReports(folder, { snapshotEveryCommands: 10_000 });
  await exchange.gateway.publish(TAPE.commands.slice(0, 300));
  await exchange.gateway.untilEvents(eventsThrough(300));
  exchange.threads.requestSnapshot();
  while (reports.length === 0) await delay(2);
  exchange.threads.requestSnapshot();
  await stopExchange(exchange);
  expect(reports).toHaveLength(1);
  expect(listSnapshots(folder).map(({ commandSequence }) => commandSequence)).toEqual([300]);
});

test(
  `killed again and again amid snapshots, it ends in the same state and log (SEED=${seed})`,
  async () => {
    const folder = temporaryFolder();
    const random = new RandomIntegers(seed);
    for (let round = 0; round < 6; round++) {
      const settings = { ...WITH_SNAPSHOTS, snapshotEveryCommands: random.oneOf([1, 7, 60]) };
      const { threads, gateway, recovered } = await startExchange(folder, random.oneOf([16, 64, 512]), settings);
      const { lastCommandSequence, stateHash, refusedSnapshots } = recovered.replayed;
      expect(refusedSnapshots).toEqual([]);
      if (lastCommandSequence > 0) expect(stateHash).toBe(stateAfter(TAPE, lastCommandSequence).stateHash);
      const upTo = lastCommandSequence + random.between(1, 300);
      const published = gateway.publish(TAPE.commands.slice(lastCommandSequence, upTo));
      await Promise.race([published, delay(random.below(40))]);
      await threads.terminate();
      gateway.stop();
    }
    await runInParts(folder, [3_000]);
    const exchange = await startExchange(folder, 256, WITH_SNAPSHOTS);
    expect(exchange.recovered.replayed.stateHash).toBe(TAPE.stateHash);
    await stopExchange(exchange);
    expect(loggedEvents(folder)).toEqual(TAPE.decodedEvents);
  },
  LOADED_MACHINE_MS,
);

test('a damaged snapshot is passed over: the previous one serves, then the whole journal, and the start says so', async () => {
  const folder = temporaryFolder();
  await runInParts(folder, [800, 1_200]);
  const [newer, older] = listSnapshots(folder);
  const middle = Math.floor(readFileSync(newer!.path).length / 2);
  flipBit(newer!.path, middle);
  const first = await startExchange(folder, 256, WITH_SNAPSHOTS);
  expect(first.recovered.replayed).toMatchObject({
    snapshot: { commandSequence: 800 },
    refusedSnapshots: [{ path: newer!.path, reason: 'its checksum is wrong' }],
    stateHash: stateAfter(TAPE, 1_200).stateHash,
  });
  await first.threads.terminate();
  writeFileSync(older!.path, '');
  const second = await startExchange(folder, 256, WITH_SNAPSHOTS);
  expect(second.recovered.replayed).toMatchObject({
    snapshot: null,
    refusedSnapshots: [{ path: newer!.path }, { path: older!.path, reason: 'it is empty' }],
    stateHash: stateAfter(TAPE, 1_200).stateHash,
  });
  await stopExchange(second); // and writes the newest one anew
  expect(new SnapshotReader(newer!.path).state.stateHash).toBe(stateAfter(TAPE, 1_200).stateHash);
});

test('a snapshot of other limits is passed over, one ahead of the journal never', () => {
  const folder = temporaryFolder();
  writeSnapshot(folder, stateAfter(TAPE, 70));
  const ring = new RingWriter(createRing(1_024, 1));
  const start = (limits: EngineLimits, lastCommandSequence = 70) =>
    startFromSnapshot(
      folder,
      limits,
      { lastCommandSequence, lastEventSequence: eventsThrough(70) },
      () => new Engine(limits, new EventWriter(ring, () => {})),
    );
  expect(start(TAPE.limits).engine.lastCommandSequence).toBe(70);
  for (const limit of ['maxOrders', 'maxLevels', 'maxInstruments'] as const) {
    const other = start({ ...TAPE.limits, [limit]: TAPE.limits[limit] + 1 });
    expect(other.snapshot).toBeNull();
    expect(other.engine.lastCommandSequence).toBe(0);
    expect(other.refusedSnapshots[0]!.reason).toContain('was made with room for');
  }
  expect(() => start(TAPE.limits, 69)).toThrow(JournalLossError);
});

test('a snapshot that the event log does not reach is passed over: the log is written again from the start', async () => {
  const folder = temporaryFolder();
  await runInParts(folder, [700]);
  renameSync(logFolder(folder, LogKind.EVENTS), join(folder, 'moved'));
  const exchange = await startExchange(folder, 256, WITH_SNAPSHOTS);
  expect(exchange.recovered.replayed.refusedSnapshots[0]!.reason).toContain('the event log ends at 0');
  await stopExchange(exchange);
  expect(loggedEvents(folder)).toEqual(TAPE.decodedEvents.slice(0, eventsThrough(700)));
});

test('a snapshot ahead of the journal is loss: the start refuses and changes nothing', async () => {
  const folder = temporaryFolder();
  await runInParts(folder, [60]);
  const older = join(temporaryFolder(), 'copy');
  cpSync(folder, older, { recursive: true });
  await runInParts(folder, [90]);
  for (const kind of [LogKind.JOURNAL, LogKind.EVENTS]) {
    rmSync(logFolder(folder, kind), { recursive: true });
    cpSync(logFolder(older, kind), logFolder(folder, kind), { recursive: true });
  }
  const before = readFileSync(listSegments(folder, LogKind.JOURNAL)[0]!.path);
  const { threads, gateway } = newExchange(256);
  gateway.start();
  const settings = { folder, limits: TAPE.limits, segmentBytes: SEGMENT_BYTES, ...WITH_SNAPSHOTS };
  const failure = await threads
    .start(settings, () => {})
    .then(
      () => expect.unreachable(),
      (error: ThreadFailure) => error,
    );
  expect(failure).toMatchObject({ thread: 'journal', code: 'JOURNAL_LOSS' });
  expect(failure.message).toContain(
    `ends at command 60, but the snapshot ${snapshotPath(folder, 90)} knows command 90`,
  );
  expect(readFileSync(listSegments(folder, LogKind.JOURNAL)[0]!.path).equals(before)).toBe(true);
});

test('an interrupted snapshot is cleared away, and a torn group behind a good one is dropped', async () => {
  const folder = temporaryFolder();
  await runInParts(folder, [500]);
  const plain = await startExchange(folder);
  await plain.gateway.publish(TAPE.commands.slice(500, 540));
  await stopExchange(plain);
  writeFileSync(join(snapshotFolder(folder), 'next.temporary'), 'half a snapshot');
  const { segment, validBytes } = scanJournal(folder, () => {}).lastSegment!;
  const bytes = readFileSync(segment.path);
  bytes.fill(7, validBytes, validBytes + 100);
  writeFileSync(segment.path, bytes);
  const exchange = await startExchange(folder, 256, WITH_SNAPSHOTS);
  expect(exchange.recovered.journal).toMatchObject({ tornFrames: 1, tornBytes: 100 });
  expect(exchange.recovered.replayed).toMatchObject({
    snapshot: { commandSequence: 500 },
    lastCommandSequence: 540,
    stateHash: stateAfter(TAPE, 540).stateHash,
  });
  await stopExchange(exchange);
  expect(readdirSync(snapshotFolder(folder))).toEqual(['0000000000000500.snapshot', '0000000000000540.snapshot']);
});

test('segments that two snapshots cover and consumers are past go to the archive; every start still works', async () => {
  const folder = temporaryFolder();
  await runInParts(folder, [1_200]);
  const journalBefore = listSegments(folder, LogKind.JOURNAL).length;
  const { exchange, reports } = await startWithReports(folder);
  exchange.threads.consumedThrough(eventsThrough(1_000));
  await exchange.gateway.publish(TAPE.commands.slice(1_200, 2_400));
  await stopExchange(exchange); // the second snapshot: now the first one covers
  const retired = reports.find((report) => report.type === 'segments-retired');
  expect(retired!.journalSegments.length).toBeGreaterThan(0);
  expect(retired!.eventSegments.length).toBeGreaterThan(0);
  expect(readdirSync(archiveFolder(folder, LogKind.JOURNAL)).length).toBe(retired!.journalSegments.length);
  expect(retired!.journalSegments.length).toBeLessThan(journalBefore);
  expect(listSegments(folder, LogKind.JOURNAL)[0]!.firstSequence).toBeGreaterThan(1);
  expect(listSegments(folder, LogKind.EVENTS)[0]!.firstSequence).toBeLessThanOrEqual(eventsThrough(1_000) + 1);
  expect(loggedEvents(folder, eventsThrough(1_000))).toEqual(
    TAPE.decodedEvents.slice(eventsThrough(1_000), eventsThrough(2_400)),
  );
  expect(loggedEvents(folder)).toEqual(TAPE.decodedEvents.slice(0, eventsThrough(2_400))); // through the archive

  for (const settings of [WITH_SNAPSHOTS, {}]) {
    const again = await startExchange(folder, 256, settings);
    expect(again.recovered.replayed.stateHash).toBe(stateAfter(TAPE, 2_400).stateHash);
    await again.threads.terminate();
    again.gateway.stop();
  }
  rmSync(join(folder, 'archive'), { recursive: true });
  for (const { path } of listSnapshots(folder).slice(0, 1)) flipBit(path, 200);
  const previous = await startExchange(folder, 256, WITH_SNAPSHOTS);
  expect(previous.recovered.replayed).toMatchObject({
    snapshot: { commandSequence: 1_200 },
    lastCommandSequence: 2_400,
  });
  await previous.gateway.publish(TAPE.commands.slice(2_400));
  await stopExchange(previous);
  const end = await startExchange(folder, 256, WITH_SNAPSHOTS);
  expect(end.recovered.replayed.stateHash).toBe(TAPE.stateHash);
  await stopExchange(end);

  const { threads, gateway } = newExchange(256);
  gateway.start();
  const settings = { folder, limits: TAPE.limits, segmentBytes: SEGMENT_BYTES };
  const failure = await threads
    .start(settings, () => {})
    .then(
      () => expect.unreachable(),
      (error: ThreadFailure) => error,
    );
  expect(failure).toMatchObject({ thread: 'engine', code: 'LOG_RANGE' });
  expect(failure.message).toContain('but 1 is needed: bring the older segments back');
});

test('without snapshots nothing of the kind is read or written', async () => {
  const folder = temporaryFolder();
  const exchange = await startExchange(folder);
  exchange.threads.requestSnapshot();
  await exchange.gateway.publish(TAPE.commands.slice(0, 100));
  await stopExchange(exchange);
  expect(readdirSync(folder).sort()).toEqual(['events', 'journal']);
});
