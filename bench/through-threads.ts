import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EVENT, EVENT_LAST_BIT } from '../core/protocol/event-record.ts';
import { SLOT_BYTES } from '../core/protocol/record-window.ts';
import { DoorbellLoop } from '../core/ring/doorbell.ts';
import { RingReader, RingWriter } from '../core/ring/ring.ts';
import { ExchangeThreads } from '../core/threads/exchange-threads.ts';
import { EVENT_READER, releaseEvents } from '../core/threads/ring-readers.ts';
import { CONTROL, isReached, ringDoorbell } from '../core/threads/shared-control.ts';
import { BENCH_LIMITS, type CommandMix } from './support/command-mix.ts';
import { type PairedResult, type Run, runPairs } from './support/pairs.ts';

const GROUP_BYTES = 256 * 1_024;

/**
 * The same commands through command ring, journal (every group synced), engine and event ring until this thread has
 * read each command's last event; against the bytes that this disk takes in sequence when every 256 KiB are synced.
 */
export async function benchThroughThreads(mix: CommandMix, pairs: number): Promise<PairedResult> {
  return runPairs(
    pairs,
    async () => syncedWrites(mix),
    () => throughThreads(mix),
  );
}

async function throughThreads(mix: CommandMix): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
  const threads = new ExchangeThreads();
  const control = new Int32Array(threads.control);
  const writer = new RingWriter(threads.commandRing);
  const reader = new RingReader(threads.eventRing, EVENT_READER.GATEWAY);
  let published = 0;
  let answered = 0;
  let lastEventSequence = 0;
  let goal = 0;
  let reached = Promise.withResolvers<void>();
  const loop = new DoorbellLoop(control, CONTROL.GATEWAY_DOORBELL, () => {
    const { u8, f64 } = reader.window;
    let slots = 0;
    for (const available = reader.available(); slots < available; slots++) {
      const at = reader.offsetAt(slots);
      if (!isReached(control, CONTROL.DURABLE_COMMAND, f64[(at + EVENT.COMMAND_SEQUENCE) >> 3]!)) break;
      if ((u8[at + EVENT.SIDE]! & EVENT_LAST_BIT) === 0) continue;
      answered += 1;
      lastEventSequence = f64[(at + EVENT.EVENT_SEQUENCE) >> 3]!;
    }
    if (slots > 0) releaseEvents(reader, slots, control);
    publish();
    if (answered === goal) reached.resolve();
    return false;
  });
  const publish = (): void => {
    const count = Math.min(writer.freeSlots(goal - published), goal - published);
    if (count === 0) return;
    for (let index = 0; index < count; index++) {
      const from = (published + index) * SLOT_BYTES;
      writer.window.u8.set(mix.window.u8.subarray(from, from + SLOT_BYTES), writer.offsetAt(index));
    }
    writer.publish(count);
    published += count;
    ringDoorbell(control, CONTROL.JOURNAL_DOORBELL);
    ringDoorbell(control, CONTROL.ENGINE_DOORBELL);
  };
  const run = async (through: number): Promise<void> => {
    goal = through;
    reached = Promise.withResolvers();
    ringDoorbell(control, CONTROL.GATEWAY_DOORBELL);
    await reached.promise;
  };
  try {
    await threads.start({ folder, limits: BENCH_LIMITS }, () => undefined);
    loop.start();
    await run(mix.setupCount);
    const start = performance.now();
    await run(mix.count);
    const seconds = (performance.now() - start) / 1_000;
    if (lastEventSequence !== mix.lastEventSequence)
      throw new Error(`the threads made ${lastEventSequence} events, the bare core ${mix.lastEventSequence}`);
    return { seconds, operations: mix.count - mix.setupCount };
  } finally {
    await threads.stop();
    loop.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes the measured commands' bytes to a preallocated file, syncing each group: what a journal can't beat. */
function syncedWrites(mix: CommandMix): Run {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
  try {
    const file = openSync(join(folder, 'synced'), 'w');
    const bytes = Buffer.from(
      mix.window.u8.buffer,
      mix.setupCount * SLOT_BYTES,
      (mix.count - mix.setupCount) * SLOT_BYTES,
    );
    const zeros = Buffer.alloc(GROUP_BYTES);
    for (let at = 0; at < bytes.length; at += GROUP_BYTES) writeSync(file, zeros, 0, GROUP_BYTES, at);
    fdatasyncSync(file);
    const start = performance.now();
    for (let at = 0; at < bytes.length; at += GROUP_BYTES) {
      writeSync(file, bytes, at, Math.min(GROUP_BYTES, bytes.length - at), at);
      fdatasyncSync(file);
    }
    const seconds = (performance.now() - start) / 1_000;
    closeSync(file);
    return { seconds, operations: mix.count - mix.setupCount };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
