import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { WorkQueue } from '../../../core/ports/work-queue.ts';
import { EmbeddedWorkQueue } from '../../../workers/queue/embedded/embedded-work-queue.ts';
import { DatabaseError } from '../../../workers/storage/sqlite-database.ts';
import { WorkDatabase } from '../../../workers/storage/work-database.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { Deliveries, type QueueLimits, type QueueUnderTest, SHORT_DELAYS_MS, TYPES } from './queue-under-test.ts';
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

test('jobs that can not be read for a while are done afterwards, and the trouble is told once', async () => {
  const work = await WorkDatabase.open(temporaryFolder(), () => {});
  const troubles: string[] = [];
  const onTrouble = ({ message }: Error): void => void troubles.push(message);
  const queue = await EmbeddedWorkQueue.open(work, { types: TYPES, clock: { nowMs: () => Date.now() }, onTrouble });
  let failures = 2;
  const reading = vi.spyOn(work.reader, 'all').mockImplementation(() => {
    failures -= 1;
    if (failures === 0) reading.mockRestore();
    return Promise.reject(new DatabaseError(work.reader.path, 'read', new Error('disk I/O error')));
  });
  const seen = new Deliveries();
  queue.consume('alpha', seen.take, { concurrency: 2 });
  await queue.enqueue({ type: 'alpha', id: 'a', payload: 1 });
  await waitUntil(() => queue.counts.done === 1, 'done in the end');
  expect(troubles).toEqual([expect.stringMatching(/alpha: jobs can't be read.*disk I\/O error/)]);
  await queue.stop();
  await work.close();
});
