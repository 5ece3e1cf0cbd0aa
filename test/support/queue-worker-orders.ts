interface EmbeddedOrders {
  readonly kind: 'embedded';
  readonly folder: string;
}

interface RabbitmqOrders {
  readonly kind: 'rabbitmq';
  readonly url: string;
  readonly redisUrl: string;
  readonly prefix: string;
  readonly isUnlimited?: boolean; // no limit of hops
  readonly losesHops?: boolean; // what it sends on carries no count
}

/** What a worker process (queue-worker-process.ts) is told. */
export interface QueueWorkerOrders {
  readonly queue: EmbeddedOrders | RabbitmqOrders;
  readonly consumes: (typeof WORKER_JOB_TYPES)[number];
  readonly passesTo?: (typeof WORKER_JOB_TYPES)[number]; // rather than doing it
  /** Jobs whose number is a multiple of it can't be done. */
  readonly poisonEvery?: number;
  /** How long a job takes. */
  readonly jobMs?: number;
}

export const WORKER_JOB_TYPES = ['alpha', 'beta'] as const;
export const WORKER_RETRY_DELAYS_MS = [10, 20, 30, 40];
/** Jobs that a worker has in hand at most. */
export const WORKER_CONCURRENCY = 16;
