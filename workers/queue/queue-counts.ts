import type { WorkQueueCounts } from '../../core/ports/work-queue.ts';
import type { Parking } from './job-fate.ts';

/** Counts of one queue of this process. */
export class QueueCounts implements WorkQueueCounts {
  enqueued = 0;
  done = 0;
  retried = 0;
  forwarded = 0;
  parked = 0;
  hopAlarms = 0;
  returned = 0;

  park({ cause }: Parking): void {
    this.parked += 1;
    if (cause === 'HOPS' || cause === 'LOOP') this.hopAlarms += 1;
  }
}
