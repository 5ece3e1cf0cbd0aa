/**
 * A scheduler in a process of its own: `node scheduling-process.ts`, with its orders as JSON in the first argument. Its one
 * handler, `write`, adds a line to a file when it begins and one when it ends, in between it waits for as many ms as its
 * arguments say. Prints what becomes of its lease. Ends in order on SIGTERM.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobHandler } from '../../core/ports/jobs.ts';
import { Scheduler } from '../../scheduler/scheduler.ts';
import { SystemTimekeeper } from '../../scheduler/timekeeper.ts';
import { SqliteJobStore } from '../../workers/storage/sqlite-job-store.ts';

export interface SchedulingOrders {
  readonly folder: string;
  readonly linesPath: string;
  readonly leaseMs: number;
}

/** What `write` tells of a run. */
export interface WrittenLine {
  readonly at: 'begin' | 'end';
  readonly jobId: string;
  readonly runId: number;
  readonly scheduledMs: number;
  readonly attempt: number;
  readonly fencingToken: number;
}

const { folder, linesPath, leaseMs } = JSON.parse(process.argv[2] ?? '{}') as SchedulingOrders;

const write: JobHandler = {
  name: 'write',
  about: 'writes a line',
  async run({ jobId, runId, scheduledMs, attempt, fencingToken, arguments: waitMs }) {
    const line = (at: 'begin' | 'end'): void => {
      const written: WrittenLine = { at, jobId, runId, scheduledMs, attempt, fencingToken };
      appendFileSync(linesPath, `${JSON.stringify(written)}\n`);
    };
    line('begin');
    await sleep(waitMs as number);
    line('end');
    return undefined;
  },
};

const store = await SqliteJobStore.open(folder);
const scheduler = new Scheduler({
  store,
  handlers: [write],
  time: new SystemTimekeeper(),
  leaseMs,
  beatMs: 100,
  onEvent: (event) => {
    if (['leading', 'standby', 'deposed', 'clock-moved', 'trouble'].includes(event.type))
      console.log(JSON.stringify(event.type === 'trouble' ? { ...event, error: String(event.error) } : event));
  },
});
process.on('SIGTERM', () => {
  scheduler.stop().then(
    async () => {
      await store.close();
      process.exit(0);
    },
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
await scheduler.start();
console.log('scheduling');
