import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JobRun } from '../../core/ports/jobs.ts';
import { ExchangeJobs } from '../../main/exchange-jobs.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';

let jobs: ExchangeJobs;
let errors: string[];
beforeEach(async () => {
  errors = [];
  const logger = pino({ level: 'error' }, { write: (line: string) => void errors.push(JSON.parse(line).err.message) });
  jobs = await ExchangeJobs.open({ dataFolder: temporaryFolder(), handlers: [], logger });
});
afterEach(() => jobs.close());

const RUN: JobRun = {
  runId: 1,
  jobId: 'job',
  scheduledMs: 0,
  cause: 'schedule',
  state: 'running',
  attempt: 1,
  dueMs: 0,
  startedMs: 0,
  endedMs: null,
  missedCount: 0,
  result: null,
  error: null,
};

test.each([
  ['a run has started', { type: 'started', run: RUN, lateMs: 0 }],
  ['it leads again', { type: 'leading', fencingToken: 2 }],
] as const)('trouble is logged once while it lasts, and anew when it comes back after %s', (_sign, event) => {
  const trouble = (message: string): void => jobs.events.emit({ type: 'trouble', error: new Error(message) });
  trouble('the disk is full');
  trouble('the disk is full');
  expect(errors).toEqual(['the disk is full']);
  jobs.events.emit(event);
  trouble('the disk is full');
  expect(errors).toEqual(['the disk is full', 'the disk is full']);
});
