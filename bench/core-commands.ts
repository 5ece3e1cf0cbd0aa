import { Engine } from '../core/engine/engine.ts';
import { EventWriter } from '../core/engine/event-writer.ts';
import { COMMAND } from '../core/protocol/command-record.ts';
import { SLOT_BYTES } from '../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../core/ring/ring.ts';
import { BENCH_LIMITS, type CommandMix, recordCryptoMix } from './support/command-mix.ts';
import { type PairedResult, type Run, runPairs } from './support/pairs.ts';

const BATCH = 64;

/**
 * The bare core against an empty loop over the same records, which reads every record's kind and sequence and nothing
 * else: the most that any core reading them one by one could do here.
 */
export async function benchCoreCommands(
  seed: number,
  measured: number,
  pairs: number,
): Promise<{ mix: CommandMix; result: PairedResult; stateHash: string }> {
  const mix = recordCryptoMix(seed, 10_000, 5_000, measured);
  const first = applyMix(mix);
  const second = applyMix(mix);
  if (first.stateHash !== second.stateHash) throw new Error('the same commands gave two states: nothing to measure');
  const result = await runPairs(
    pairs,
    async () => emptyLoop(mix),
    async () => applyMix(mix),
  );
  return { mix, result, stateHash: first.stateHash };
}

/** @returns time of the measured part, and the state hash at its end */
export function applyMix(mix: CommandMix): Run & { stateHash: string } {
  const ring = createRing(2 ** 12, 1);
  const reader = new RingReader(ring, 0);
  const release = (): void => reader.release(reader.available());
  const writer = new EventWriter(new RingWriter(ring), release);
  const engine = new Engine(BENCH_LIMITS, writer);
  for (let index = 0; index < mix.setupCount; index++) engine.apply(mix.window, index * SLOT_BYTES, 0);
  const start = performance.now();
  for (let index = mix.setupCount; index < mix.count; ) {
    const end = Math.min(index + BATCH, mix.count);
    for (; index < end; index++) engine.apply(mix.window, index * SLOT_BYTES, 0);
    writer.flush();
    release();
  }
  const seconds = (performance.now() - start) / 1_000;
  return { seconds, operations: mix.count - mix.setupCount, stateHash: engine.stateHash() };
}

function emptyLoop(mix: CommandMix): Run {
  const { u8, f64 } = mix.window;
  let sum = 0;
  const start = performance.now();
  for (let index = mix.setupCount; index < mix.count; index++) {
    const at = index * SLOT_BYTES;
    sum += u8[at]! + f64[(at + COMMAND.COMMAND_SEQUENCE) >> 3]!;
  }
  const seconds = (performance.now() - start) / 1_000;
  if (sum === 0) throw new Error('empty records');
  return { seconds, operations: mix.count - mix.setupCount };
}
