/**
 * Schema of `work.sqlite`, one step per version: jobs and parked jobs of the embedded work queue, and the notices that
 * operators read. No money is here: every job is a wake-up for something whose truth stands elsewhere.
 */
export const WORK_SCHEMA: readonly string[] = [
  `
  CREATE TABLE jobs (
    job_sequence INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    payload TEXT NOT NULL,        -- JSON
    attempt INTEGER NOT NULL,
    hops INTEGER NOT NULL,
    enqueued_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL       -- not before; 0 for at once
  ) STRICT;
  CREATE INDEX jobs_due ON jobs (type, due_ms, job_sequence);

  CREATE TABLE parked_jobs (
    parked_id TEXT PRIMARY KEY,
    parked_sequence INTEGER NOT NULL, -- the order in which they were parked
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    hops INTEGER NOT NULL,
    enqueued_ms INTEGER NOT NULL,
    parked_ms INTEGER NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX parked_jobs_in_order ON parked_jobs (parked_sequence);

  CREATE TABLE notices (
    notice_id TEXT PRIMARY KEY,   -- of its job: told twice it is one
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    facts TEXT NOT NULL,          -- a JSON object
    raised_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX notices_by_time ON notices (raised_ms);
  `,
];
