import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SchedulingHost, type SchedulingProcess } from '../support/scheduling-host.ts';
import { waitUntil } from '../support/wait-until.ts';

const HOUR_MS = 3_600_000;
const PRELOAD = new URL('../support/preload/moved-clock.ts', import.meta.url).href;

let host: SchedulingHost;
let scheduler: SchedulingProcess;
let movedMs = 0;
beforeEach(async () => {
  host = await SchedulingHost.open();
  move(0);
  scheduler = await host.start({
    NODE_OPTIONS: `--import=${PRELOAD}`,
    RINGBOOK_TEST_CLOCK: join(host.folder, 'clock'),
  });
  await host.desk.add({ jobId: 'often', handler: 'write', arguments: 0, trigger: { type: 'interval', everyMs: 300 } });
  await host.desk.add({
    jobId: 'seconds',
    handler: 'write',
    arguments: 0,
    trigger: { type: 'cron', expression: '* * * * * *' },
  });
  await runsMore(3, 'at the beginning');
});
afterEach(() => host.close());

/** Sets the wall clock of the scheduler's process; its monotonic clock goes on. */
function move(milliseconds: number): void {
  movedMs = milliseconds;
  const path = join(host.folder, 'clock');
  writeFileSync(`${path}.new`, `${milliseconds}`);
  renameSync(`${path}.new`, path);
}

const begun = (jobId: string) => host.lines().filter((line) => line.jobId === jobId && line.at === 'begin');

/** @returns once both jobs have run so often again: one that fell silent for as long as the clock was moved never does */
async function runsMore(count: number, when: string): Promise<void> {
  for (const jobId of ['often', 'seconds']) {
    const before = begun(jobId).length;
    await waitUntil(() => begun(jobId).length >= before + count, `${jobId} goes on ${when}: ${scheduler.output}`);
  }
}

/** Times within a span that nobody was there for, or that no clock has shown. */
function runsWithin(jobId: string, fromMs: number, untilMs: number): number {
  return begun(jobId).filter(({ scheduledMs }) => scheduledMs > fromMs && scheduledMs < untilMs).length;
}

function expectEachOnce(): void {
  const ids = [...begun('often'), ...begun('seconds')].map(({ runId, attempt }) => `${runId} ${attempt}`);
  expect(new Set(ids).size).toBe(ids.length);
  expect(scheduler.output).not.toContain('trouble');
}

test('the wall clock of a running scheduler is put forward and back by an hour: neither a burst nor silence', async () => {
  const forwardMs = Date.now();
  move(HOUR_MS);
  await runsMore(4, 'an hour later');
  for (const jobId of ['often', 'seconds'])
    expect(runsWithin(jobId, forwardMs + 60_000, forwardMs + HOUR_MS - 10_000), `a burst of ${jobId}`).toBe(0);
  move(0);
  await runsMore(6, 'an hour earlier');
  expect(scheduler.output).toContain('clock-moved');
  expect(await host.desk.status()).toMatchObject({ clockEpoch: 1 });
  expectEachOnce();
  expect(await scheduler.stop()).toBe(0);
});

test('a scheduler that stands still while ten minutes pass makes up for them with one run of each job', async () => {
  scheduler.freeze();
  const asleepMs = Date.now() + movedMs;
  move(600_000); // as a host's clock does that has slept
  scheduler.wake();
  await runsMore(5, 'after ten minutes');
  for (const jobId of ['often', 'seconds'])
    expect(runsWithin(jobId, asleepMs + 60_000, asleepMs + 590_000), `a burst of ${jobId}`).toBeLessThanOrEqual(1);
  const missed = (await host.desk.history('often', 200)).find(({ missedCount }) => missedCount > 1_000);
  expect(missed, 'the run that makes up for two thousand times').toBeDefined();
  expectEachOnce();
});
