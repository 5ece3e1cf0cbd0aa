import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { startStrippedWorker } from '../../core/threads/stripped-worker.ts';
import type { ArmAnswer, ArmTask, ArmThreadData } from './arm-tasks.ts';
import type { Workload } from './workload-recorder.ts';

const ENTRY = new URL('./engine-arm-thread.ts', import.meta.url);

/**
 * An engine's arm in a thread of its own, as the exchange runs its engine: alone there, which is when the compiler takes
 * its memory for constants. It warms up by its own first commands, since a second engine would end that.
 */
export class ThreadedArm {
  readonly #worker: Worker;

  constructor({ limits, window, setupCount, count }: Pick<Workload, 'limits' | 'window' | 'setupCount' | 'count'>) {
    const records = window.u8.buffer as SharedArrayBuffer;
    this.#worker = startStrippedWorker(ENTRY, {
      workerData: { limits, records, setupCount, count } satisfies ArmThreadData,
    });
  }

  async run(task: ArmTask): Promise<ArmAnswer> {
    this.#worker.postMessage(task);
    const [answer] = (await once(this.#worker, 'message')) as [ArmAnswer];
    return answer;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** @returns how many of a workload's commands are applied when the engine is warm: a third of those to be measured */
export function warmEnd({ setupCount, count }: Workload): number {
  return setupCount + Math.floor((count - setupCount) / 3);
}

/** Applies all of a workload by a new arm, timed from `warmEnd` on. */
export async function runWhole(workload: Workload): Promise<ArmAnswer & { operations: number }> {
  const arm = new ThreadedArm(workload);
  try {
    const start = warmEnd(workload);
    await arm.run({ way: 'full speed', end: start });
    return { ...(await arm.run({ way: 'full speed', end: workload.count })), operations: workload.count - start };
  } finally {
    await arm.end();
  }
}
