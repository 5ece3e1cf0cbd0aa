import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, type JobHandler, WorkQueueUnavailableError } from '../../../core/ports/work-queue.ts';
import type { PublishTarget } from '../../bus/confirmed-publish.ts';
import type { HopCounter } from '../hop-counter.ts';
import { type FateRules, fateOf, type Parking, parking } from '../job-fate.ts';
import type { QueueCounts } from '../queue-counts.ts';
import type { Delivery } from './job-channel.ts';
import { jobMessage, parkedMessage, type ReadMessage, readMessage } from './job-message.ts';
import type { JobPublisher } from './job-publisher.ts';
import { jobExchange, parkingExchange, retryExchange } from './queue-topology.ts';

export interface JobSettlingParts {
  readonly prefix: string;
  readonly rules: FateRules;
  readonly publisher: JobPublisher;
  readonly hopCounter: HopCounter;
  readonly counts: QueueCounts;
  readonly nowMs: () => number;
}

/** Between tries to send a job on that nobody takes. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Does delivered jobs, and sends each where it belongs: first it is safe there, then it is acknowledged here. A crash in
 * between leaves it twice, never not at all. Where it is not taken it stays at its source, unacknowledged, and is sent
 * again: neighbours go on with the rest of the prefetch.
 */
export class JobSettling {
  readonly #parts: JobSettlingParts;

  constructor(parts: JobSettlingParts) {
    this.#parts = parts;
  }

  async settle(type: string, handler: JobHandler, delivery: Delivery): Promise<void> {
    const { rules, counts, nowMs, prefix } = this.#parts;
    const read = readMessage(delivery.message, type, nowMs());
    const fate = read.malformed ?? (await fateOf(read.job, handler, rules));
    if (!delivery.isOurs()) return; // it comes again, and whoever gets it does and decides the same
    switch (fate.act) {
      case 'done':
        delivery.acknowledge();
        counts.done += 1;
        return;
      case 'retry':
        if (await this.#hop(delivery, read, fate.job, read.payloadText, retryTarget(prefix, type, fate.delayMs)))
          counts.retried += 1;
        return;
      case 'forward':
        if (await this.#hop(delivery, read, fate.job, fate.payloadText, jobTarget(prefix, fate.job.type)))
          counts.forwarded += 1;
        return;
      case 'park':
        await this.#park(delivery, read, fate);
    }
  }

  /** @returns whether the job went on; else it is parked, or stays where it is */
  async #hop(
    delivery: Delivery,
    read: ReadMessage,
    job: Job,
    payloadText: string,
    target: PublishTarget,
  ): Promise<boolean> {
    const { hopCounter, publisher, rules } = this.#parts;
    const outcome = await this.#stubbornly(delivery, async () => {
      const count = await hopCounter.count(job.id);
      if (count > rules.hopLimit)
        return parking(
          'LOOP',
          `sent on ${count - 1} times within a minute, though it carries the count ${read.job.hops}`,
        );
      try {
        await publisher.publish(target, jobMessage(job, payloadText));
      } catch (error) {
        await hopCounter.uncount(job.id);
        throw error;
      }
      delivery.acknowledge();
      return 'sent';
    });
    if (outcome === 'sent') return true;
    if (outcome !== null) await this.#park(delivery, read, outcome);
    return false;
  }

  async #park(delivery: Delivery, read: ReadMessage, why: Parking): Promise<void> {
    const { publisher, counts, nowMs, prefix } = this.#parts;
    const message = parkedMessage(delivery.message, read, why, nowMs());
    const target = { exchange: parkingExchange(prefix), routingKey: read.job.type };
    const parked = await this.#stubbornly(delivery, async () => {
      await publisher.publish(target, message);
      delivery.acknowledge();
      return 'parked';
    });
    if (parked !== null) counts.park(why);
  }

  /**
   * @param act acknowledges the delivery once it is safe elsewhere; done again where the work queue is not available
   * @returns its outcome; null when the delivery stays with the broker
   */
  async #stubbornly<Outcome>(delivery: Delivery, act: () => Promise<Outcome>): Promise<Outcome | null> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof WorkQueueUnavailableError)) throw error;
        await sleep(pauseMs, undefined, { signal: delivery.stopping, ref: false }).catch(() => undefined);
        if (delivery.stopping.aborted || !delivery.isOurs()) return null;
      }
    }
  }
}

export function jobTarget(prefix: string, type: string): PublishTarget {
  return { exchange: jobExchange(prefix), routingKey: type };
}

function retryTarget(prefix: string, type: string, delayMs: number): PublishTarget {
  return { exchange: retryExchange(prefix, delayMs), routingKey: type };
}
