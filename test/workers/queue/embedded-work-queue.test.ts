import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { WorkQueue } from '../../../core/ports/work-queue.ts';
import { EmbeddedWorkQueue } from '../../../workers/queue/embedded/embedded-work-queue.ts';
import { WorkDatabase } from '../../../workers/storage/work-database.ts';
import { type QueueLimits, type QueueUnderTest, SHORT_DELAYS_MS, TYPES } from './queue-under-test.ts';
import { workQueueContract } from './work-queue-contract.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // brokers and processes start slowly on a busy machine

const clock = { nowMs: () => Date.now() };

class EmbeddedUnderTest implements QueueUnderTest {
  readonly name = 'embedded';
  #folder: string | null = null;
  readonly #opened = new Map<WorkQueue, WorkDatabase>();

  async open(limits: QueueLimits = {}): Promise<WorkQueue> {
    await this.#closeAll(); // one process at a time
    this.#folder ??= mkdtempSync(join(tmpdir(), 'ringbook-queue-'));
    const work = await WorkDatabase.open(this.#folder, () => {});
    const settings = { types: TYPES, clock, retryDelaysMs: SHORT_DELAYS_MS, ...limits };
    const queue = await EmbeddedWorkQueue.open(work, settings);
    this.#opened.set(queue, work);
    return queue;
  }

  /** The database goes while handlers hold their jobs. */
  async abandon(queue: WorkQueue): Promise<void> {
    const work = this.#opened.get(queue)!;
    this.#opened.delete(queue);
    await work.close();
  }

  async reset(): Promise<void> {
    await this.#closeAll();
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = null;
  }

  async #closeAll(): Promise<void> {
    for (const [queue, work] of this.#opened) {
      this.#opened.delete(queue);
      await queue.stop();
      await work.close();
    }
  }
}

workQueueContract(new EmbeddedUnderTest());
