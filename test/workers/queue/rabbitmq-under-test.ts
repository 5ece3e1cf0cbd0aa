import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { WorkQueue } from '../../../core/ports/work-queue.ts';
import { type HopCounter, LocalHopCounter } from '../../../workers/queue/hop-counter.ts';
import { RabbitmqWorkQueue } from '../../../workers/queue/rabbitmq/rabbitmq-work-queue.ts';
import { WorkDatabase } from '../../../workers/storage/work-database.ts';
import { CuttingProxy } from '../../support/servers/cutting-proxy.ts';
import { type QueueLimits, type QueueUnderTest, SHORT_DELAYS_MS, TYPES } from './queue-under-test.ts';

const clock = { nowMs: () => Date.now() };

/** Queues on one broker, each test under a prefix of its own, with a folder for what is parked. */
export class RabbitmqUnderTest implements QueueUnderTest {
  readonly name = 'RabbitMQ';
  readonly #url: () => string;
  readonly #hopCounter: () => HopCounter;
  #prefixNumber = 0;
  #folder: string | null = null;
  readonly #opened = new Map<WorkQueue, { readonly work: WorkDatabase; readonly proxy: CuttingProxy }>();

  constructor(url: () => string, hopCounter: () => HopCounter = () => new LocalHopCounter()) {
    this.#url = url;
    this.#hopCounter = hopCounter;
    afterAll(() => this.reset());
  }

  get prefix(): string {
    return `test-${this.#prefixNumber}`;
  }

  async open(limits: QueueLimits = {}): Promise<RabbitmqWorkQueue> {
    await this.#closeAll();
    this.#folder ??= mkdtempSync(join(tmpdir(), 'ringbook-queue-'));
    const work = await WorkDatabase.open(this.#folder, () => {});
    const proxy = await CuttingProxy.start(Number(new URL(this.#url()).port));
    const queue = await RabbitmqWorkQueue.open({
      url: `amqp://${new URL(proxy.url).host}`,
      types: TYPES,
      clock,
      retryDelaysMs: SHORT_DELAYS_MS,
      hopCounter: this.#hopCounter(),
      work,
      prefix: this.prefix,
      ...limits,
    });
    this.#opened.set(queue, { work, proxy });
    await queue.connected;
    return queue;
  }

  /** Its connections break, and no new ones come. */
  async abandon(queue: WorkQueue): Promise<void> {
    const { work, proxy } = this.#opened.get(queue)!;
    this.#opened.delete(queue);
    proxy.close();
    await work.close();
  }

  async reset(): Promise<void> {
    await this.#closeAll();
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = null;
    this.#prefixNumber += 1;
  }

  async #closeAll(): Promise<void> {
    for (const [queue, { work, proxy }] of this.#opened) {
      this.#opened.delete(queue);
      await queue.stop();
      await work.close();
      proxy.close();
    }
  }
}
