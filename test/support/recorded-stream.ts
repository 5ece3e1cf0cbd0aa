import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { EngineLimits } from '../../core/engine/engine.ts';

export interface StreamRequest {
  readonly seed: number;
  readonly count: number; // commands
  /** From this command on only what a running exchange does all the time. */
  readonly steadyFrom: number;
}

/** Commands of every kind as bytes: command n in slots 2n and 2n + 1. */
export interface RecordedStream {
  readonly limits: EngineLimits;
  readonly slots: SharedArrayBuffer;
  readonly lastEventSequence: number; // whoever applies them all must end there too
}

/** Made in a thread of its own, since a second engine in one thread slows both. */
export async function recordStream(request: StreamRequest): Promise<RecordedStream> {
  const worker = new Worker(fileURLToPath(new URL('record-stream.ts', import.meta.url)), { workerData: request });
  const [recorded] = (await once(worker, 'message')) as [RecordedStream];
  await worker.terminate();
  return recorded;
}
