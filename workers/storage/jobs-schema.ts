/**
 * Schema of `jobs.sqlite`, one step per version: what is to be done periodically, what became of it, and which scheduler is
 * at work. Written by the scheduler and, when operators change something, by the process with the admin port.
 */
export const JOBS_SCHEMA: readonly string[] = [
  `
  CREATE TABLE jobs (
    job_id TEXT PRIMARY KEY,
    handler TEXT NOT NULL,
    arguments TEXT NOT NULL,           -- JSON, as are trigger and settings
    trigger TEXT NOT NULL,
    settings TEXT NOT NULL,
    shift_ms INTEGER NOT NULL,
    next_ms INTEGER,                   -- null: never again
    last_scheduled_ms INTEGER,
    is_paused INTEGER NOT NULL,
    standing TEXT,                     -- what the program defined it as, JSON; null for jobs of operators
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX jobs_by_time ON jobs (next_ms) WHERE is_paused = 0 AND next_ms IS NOT NULL;

  CREATE TABLE runs (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL,
    clock_epoch INTEGER NOT NULL,      -- rises when the wall clock goes back: its times come again
    scheduled_ms INTEGER NOT NULL,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    token INTEGER,                     -- of the scheduler that started it
    started_ms INTEGER,
    ended_ms INTEGER,
    missed_count INTEGER NOT NULL,
    result TEXT NOT NULL,              -- JSON
    error TEXT
  ) STRICT;
  CREATE UNIQUE INDEX one_run_per_time ON runs (job_id, clock_epoch, scheduled_ms) WHERE cause = 'schedule';
  CREATE INDEX runs_by_job ON runs (job_id, run_id);
  CREATE INDEX queued_runs ON runs (due_ms, run_id) WHERE state = 'queued';
  CREATE INDEX queued_runs_by_job ON runs (job_id) WHERE state = 'queued';
  CREATE INDEX running_runs ON runs (run_id) WHERE state = 'running';

  CREATE TABLE handlers (name TEXT PRIMARY KEY, about TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    token INTEGER NOT NULL,
    beat INTEGER NOT NULL,
    holder TEXT,                       -- null: nobody
    pid INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    clock_epoch INTEGER NOT NULL
  ) STRICT;
  INSERT INTO lease VALUES (1, 0, 0, NULL, 0, 0, 0);
  `,
];
