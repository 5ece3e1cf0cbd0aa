import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { SnapshotRefusedError, StorageError } from '../../../core/journal/journal-errors.ts';
import {
  listSnapshots,
  peekSnapshot,
  snapshotFolder,
  snapshotPath,
  tidySnapshotFolder,
} from '../../../core/journal/snapshot-files.ts';
import { SNAPSHOT_HEADER } from '../../../core/journal/snapshot-format.ts';
import { SnapshotReader } from '../../../core/journal/snapshot-reader.ts';
import { SnapshotWriter } from '../../../core/journal/snapshot-writer.ts';
import { NOT_RESTING } from '../../../core/protocol/event-record.ts';
import { EventKind, InstrumentState, TimeInForce } from '../../../core/protocol/kinds.ts';
import { STREAM_INSTRUMENTS } from '../../support/command-stream.ts';
import { STREAM_ASSETS } from '../../support/definition-stream.ts';
import { FaultyFiles, systemError } from './faulty-files.ts';
import { recordTape, temporaryFolder } from './record-tape.ts';
import { flipBit, stateAfter, writeSnapshot } from './snapshot-tape.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const TAPE = recordTape(seed, 400);
const STATES = [100, 200, 300, 400].map((count) => stateAfter(TAPE, count));
const [FIRST, SECOND, THIRD] = STATES;

/** Events that name an order without changing it. */
const REJECTIONS: readonly EventKind[] = Object.entries(EventKind)
  .filter(([name]) => name.endsWith('REJECTED'))
  .map(([, kind]) => kind);

function refusal(path: string): string {
  try {
    new SnapshotReader(path);
  } catch (error) {
    expect(error).toBeInstanceOf(SnapshotRefusedError);
    return (error as SnapshotRefusedError).reason;
  }
  throw new Error(`${path} was taken`);
}

test(`a snapshot reads as it was written, and is named by its command (SEED=${seed})`, () => {
  const folder = temporaryFolder();
  for (const state of STATES.slice(0, 2)) {
    const path = writeSnapshot(folder, state);
    expect(path).toBe(snapshotPath(folder, state.commandSequence));
    expect(new SnapshotReader(path).state).toEqual(state);
    const { sections: _, ...header } = state;
    expect(peekSnapshot({ path, commandSequence: state.commandSequence })).toMatchObject(header);
  }
  expect(readdirSync(snapshotFolder(folder))).toEqual(['0000000000000100.snapshot', '0000000000000200.snapshot']);
});

test('a state without a hash is written and read as such', () => {
  const path = writeSnapshot(temporaryFolder(), { ...FIRST!, stateHash: null });
  expect(new SnapshotReader(path).state).toEqual({ ...FIRST!, stateHash: null });
});

test('a state with empty sections, as it comes from another thread, is whole', () => {
  const state = structuredClone(stateAfter(TAPE, 1));
  expect(state.sections.some(({ bytes }) => bytes.byteLength === 0)).toBe(true);
  expect(new SnapshotReader(writeSnapshot(temporaryFolder(), state)).state).toEqual(state);
});

test('the newest two are kept, and foreign files with them', () => {
  const folder = temporaryFolder();
  tidySnapshotFolder(new FaultyFiles(), folder);
  writeFileSync(`${snapshotFolder(folder)}/notes.txt`, 'mine');
  for (const state of STATES) writeSnapshot(folder, state);
  expect(listSnapshots(folder).map(({ commandSequence }) => commandSequence)).toEqual([400, 300]);
  expect(readdirSync(snapshotFolder(folder))).toContain('notes.txt');
});

test(`definitions and resting orders come out as objects (SEED=${seed})`, () => {
  const reader = new SnapshotReader(writeSnapshot(temporaryFolder(), STATES[3]!));
  const defined = TAPE.decodedEvents.filter(
    ({ kind }) => kind === EventKind.ASSET_DEFINED || kind === EventKind.INSTRUMENT_DEFINED,
  );
  const none = { eventSequence: 0, commandSequence: 0, timestampMs: 0, commandId: 0, isLastOfCommand: false };
  expect(reader.definitions()).toEqual(defined.map((event) => ({ ...event, ...none })));
  expect(defined.length).toBeGreaterThanOrEqual(STREAM_ASSETS.length + STREAM_INSTRUMENTS.length);

  const live = new Map<number, { orderId: number }>();
  const expiries = new Map<number, number>();
  for (const event of TAPE.decodedEvents)
    if (event.kind === EventKind.ACCEPTED) {
      expiries.set(event.orderId, event.timeInForce === TimeInForce.GTD ? event.expiresAtMs : 0);
    } else if (event.kind === EventKind.FILLED) {
      const { makerOrderId: orderId, makerRemainingLots: remainingLots } = event;
      if (live.has(orderId)) live.set(orderId, { ...live.get(orderId)!, ...{ remainingLots } });
      if (remainingLots === 0) live.delete(orderId);
    } else if ('remainingAfterLots' in event && !REJECTIONS.includes(event.kind)) {
      const { instrumentId, accountId, keyId, orderId, side, orderType, timeInForce, flags } = event;
      const { selfTradePrevention, priceTicks, stopPriceTicks, makerRatePpm, takerRatePpm, slot, generation } = event;
      const named = { instrumentId, accountId, keyId, orderId, side, orderType, timeInForce, flags, slot, generation };
      const more = { selfTradePrevention, priceTicks, stopPriceTicks, makerRatePpm, takerRatePpm };
      const remainingLots = event.remainingAfterLots;
      const rests = slot !== NOT_RESTING && remainingLots > 0 && event.kind !== EventKind.TRIGGERED;
      if (rests) live.set(orderId, { ...named, ...more, ...{ remainingLots, expiresAtMs: expiries.get(orderId) } });
      else live.delete(orderId);
    }
  const found = [...reader.restingOrders()];
  expect(found.length).toBe(STATES[3]!.restingOrders);
  const byId = (left: { orderId: number }, right: { orderId: number }): number => left.orderId - right.orderId;
  expect(found.sort(byId)).toMatchObject([...live.values()].sort(byId));
  for (const { totalLots, remainingLots } of found) expect(totalLots).toBeGreaterThanOrEqual(remainingLots);
});

test(`what changed of an instrument since its definition comes out too (SEED=${seed})`, () => {
  const reader = new SnapshotReader(writeSnapshot(temporaryFolder(), STATES[3]!));
  const markets = new Map<number, object>();
  const change = (instrumentId: number, fields: object): unknown =>
    markets.set(instrumentId, { ...markets.get(instrumentId), ...fields });
  for (const event of TAPE.decodedEvents)
    if (event.kind === EventKind.INSTRUMENT_DEFINED) {
      const { instrumentId, minQuantityLots, maxQuantityLots, makerRatePpm, takerRatePpm } = event.definition;
      const untouched = { state: InstrumentState.TRADING, lastTradeTicks: 0, priceBandPpm: 0, referencePriceTicks: 0 };
      change(instrumentId, { ...untouched, minQuantityLots, maxQuantityLots, makerRatePpm, takerRatePpm });
    } else if (event.kind === EventKind.INSTRUMENT_UPDATED) {
      const { instrumentId, referencePriceTicks, priceBandPpm, minQuantityLots, maxQuantityLots } = event;
      const { makerRatePpm, takerRatePpm } = event;
      const limits = { minQuantityLots, maxQuantityLots, makerRatePpm, takerRatePpm };
      change(instrumentId, { ...limits, referencePriceTicks, priceBandPpm });
    } else if (event.kind === EventKind.INSTRUMENT_STATE_CHANGED) {
      change(event.instrumentId, { state: event.state });
    } else if (event.kind === EventKind.FILLED) {
      change(event.instrumentId, { lastTradeTicks: event.priceTicks });
    }
  expect(reader.markets()).toEqual([...markets].map(([instrumentId, fields]) => ({ instrumentId, ...fields })));
});

test('an empty, zero-filled, cut or longer file is never trusted', () => {
  const folder = temporaryFolder();
  const path = writeSnapshot(folder, FIRST!);
  const whole = readFileSync(path);
  const file = { path, commandSequence: 100 };
  writeFileSync(path, '');
  expect(refusal(path)).toBe('it is empty');
  expect(peekSnapshot(file)).toBe('it is empty');
  writeFileSync(path, Buffer.alloc(whole.length));
  expect(refusal(path)).toContain('does not begin');
  const cuts = [1, 127, 128, 129, 160, 200, Math.floor(whole.length / 2), whole.length - 33, whole.length - 1];
  for (const cut of cuts) {
    writeFileSync(path, whole.subarray(0, cut));
    expect(typeof refusal(path), `cut at ${cut}`).toBe('string');
    expect(typeof peekSnapshot(file), `cut at ${cut}`).toBe('string');
    const filled = Buffer.alloc(whole.length);
    whole.copy(filled, 0, 0, cut);
    writeFileSync(path, filled);
    expect(typeof refusal(path), `zeros from ${cut}`).toBe('string');
  }
  writeFileSync(path, Buffer.concat([whole, Buffer.alloc(8)]));
  expect(refusal(path)).toContain('trailer');
});

test('a flipped bit anywhere is noticed', () => {
  const folder = temporaryFolder();
  const path = writeSnapshot(folder, FIRST!);
  const { length } = readFileSync(path);
  const step = Math.max(1, Math.floor(length / 400));
  const bytes = [
    ...Array(128).keys(),
    ...Array.from({ length: 400 }, (_, index) => index * step),
    length - 32,
    length - 1,
  ];
  for (const byte of bytes.filter((at) => at < length)) {
    flipBit(path, byte);
    expect(typeof refusal(path), `byte ${byte}`).toBe('string');
    flipBit(path, byte);
  }
  expect(new SnapshotReader(path).state).toEqual(FIRST);
});

test('a snapshot of a newer program, or under a wrong name, is refused', () => {
  const folder = temporaryFolder();
  const path = writeSnapshot(folder, FIRST!);
  const newer = (at: number, version: number): void => {
    const bytes = readFileSync(path);
    bytes.writeUInt16LE(version, at);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, SNAPSHOT_HEADER.CRC)), SNAPSHOT_HEADER.CRC);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
    writeFileSync(path, bytes);
  };
  newer(SNAPSHOT_HEADER.FORMAT_VERSION, 9);
  expect(refusal(path)).toMatch(/format version 9, this program knows versions 1 to 1/);
  newer(SNAPSHOT_HEADER.FORMAT_VERSION, 1);
  newer(SNAPSHOT_HEADER.BEHAVIOUR_VERSION, 77);
  expect(refusal(path)).toMatch(/behaviour version 77/);
  newer(SNAPSHOT_HEADER.BEHAVIOUR_VERSION, 1);
  expect(new SnapshotReader(path).state).toEqual(FIRST);
  const elsewhere = snapshotPath(folder, 101);
  writeFileSync(elsewhere, readFileSync(path));
  expect(peekSnapshot({ path: elsewhere, commandSequence: 101 })).toContain('not where its name says');
});

test('the new name is durable before an older snapshot goes', () => {
  const folder = temporaryFolder();
  writeSnapshot(folder, FIRST!);
  writeSnapshot(folder, SECOND!);
  const files = new FaultyFiles();
  writeSnapshot(folder, THIRD!, files);
  const acts = files.calls.map(({ operation, path }) => `${operation} ${path}`);
  const renamed = acts.indexOf(`rename ${snapshotPath(folder, 300)}`);
  const synced = acts.indexOf(`fsync ${snapshotFolder(folder)}`, renamed);
  const removed = acts.indexOf(`unlink ${snapshotPath(folder, 100)}`);
  expect(renamed).toBeGreaterThan(0);
  expect(synced).toBeGreaterThan(renamed);
  expect(removed).toBeGreaterThan(synced);
});

test('a crash at any file operation leaves the snapshots before it, or the new one whole', () => {
  const counting = new FaultyFiles();
  const sample = temporaryFolder();
  writeSnapshot(sample, FIRST!);
  writeSnapshot(sample, SECOND!);
  writeSnapshot(sample, THIRD!, counting);
  expect(counting.calls.length).toBeGreaterThan(8);
  for (let crashAt = 1; crashAt <= counting.calls.length; crashAt++) {
    const folder = temporaryFolder();
    writeSnapshot(folder, FIRST!);
    writeSnapshot(folder, SECOND!);
    const files = new FaultyFiles();
    files.before = () => {
      if (files.calls.length >= crashAt) throw systemError('EIO');
    };
    expect(() => writeSnapshot(folder, THIRD!, files), `operation ${crashAt}`).toThrow();
    const found = listSnapshots(folder).map(({ path }) => new SnapshotReader(path).state); // all of them are good
    expect(found.length).toBeGreaterThanOrEqual(2);
    expect([SECOND, THIRD]).toContainEqual(found[0]);
    writeSnapshot(folder, THIRD!); // the next start tidies and goes on
    expect(readdirSync(snapshotFolder(folder)).sort()).toEqual([
      '0000000000000200.snapshot',
      '0000000000000300.snapshot',
    ]);
  }
});

test('an act that the disk cuts short, byte by byte, is whole in the end', () => {
  const folder = temporaryFolder();
  const files = new FaultyFiles();
  files.maxWriteBytes = 1_000;
  const path = writeSnapshot(folder, FIRST!, files);
  expect(new SnapshotReader(path).state).toEqual(FIRST);
});

test('a full disk is an answer, and what was written is removed', () => {
  for (const operation of ['open', 'write', 'rename'] as const) {
    const folder = temporaryFolder();
    writeSnapshot(folder, FIRST!);
    const files = new FaultyFiles();
    files.before = (call) => {
      if (call.operation === operation && call.path.startsWith(snapshotFolder(folder))) throw systemError('ENOSPC');
    };
    const writer = new SnapshotWriter(folder, SECOND!, files);
    const outcome = writer.step() === 'DISK_FULL' ? 'DISK_FULL' : writer.place();
    expect(outcome, operation).toBe('DISK_FULL');
    writer.abandon();
    expect(readdirSync(snapshotFolder(folder))).toEqual(['0000000000000100.snapshot']);
    files.before = () => {};
    writeSnapshot(folder, SECOND!);
    expect(listSnapshots(folder).length).toBe(2);
  }
});

test('a snapshot is written in steps, each of them synced', () => {
  const big = { ...FIRST!, sections: [{ id: 3, version: 1, bytes: new ArrayBuffer(2 ** 21) }] };
  const folder = temporaryFolder();
  tidySnapshotFolder(new FaultyFiles(), folder);
  const files = new FaultyFiles();
  const writer = new SnapshotWriter(folder, big, files);
  let steps = 0;
  while (!writer.isWhole) {
    files.calls.length = 0;
    writer.step();
    steps += 1;
    const written = files.calls.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    expect(written).toBeLessThanOrEqual(512 * 1024 + 64);
    expect(files.calls.at(-1)!.operation).toMatch(/sync/);
  }
  expect(steps).toBe(5);
  writer.place();
  rmSync(folder, { recursive: true });
  expect(() => new SnapshotReader(writer.path)).toThrow(StorageError);
});
