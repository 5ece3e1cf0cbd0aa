/** What a worker process may be, one process each: each is the only writer of what it keeps. */
export const WORKER_ROLES = ['settlement', 'history', 'audit-tap', 'klines'] as const;
export type WorkerRole = (typeof WORKER_ROLES)[number];
