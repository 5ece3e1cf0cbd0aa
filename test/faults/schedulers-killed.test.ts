import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { JobSettings } from '../../core/ports/jobs.ts';
import { DiskFaults } from '../support/disk-faults.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { SchedulingHost } from '../support/scheduling-host.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 100 : 4;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const EVERY_TIME: Partial<JobSettings> = { coalesce: 'all', onOverlap: 'queue' };

/** Periods that meet now and then, work that is sometimes under way when its process dies. */
const JOBS = [
  { jobId: 'quick', everyMs: 300, waitMs: 0, settings: EVERY_TIME },
  { jobId: 'slow', everyMs: 700, waitMs: 300, settings: EVERY_TIME },
  { jobId: 'crowded', everyMs: 500, waitMs: 700, settings: { ...EVERY_TIME, maxInstances: 3 } },
  { jobId: 'retried', everyMs: 900, waitMs: 400, settings: { ...EVERY_TIME, retries: 5, retryDelayMs: 10 } },
] as const;

test(`kill -9 and standstill of schedulers, two at once: every time is there once and run once, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: 120_000 + ROUNDS * 30_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const host = await SchedulingHost.open();
  try {
    const processes = [await host.start(), await host.start()];
    for (const { jobId, everyMs, waitMs, settings } of JOBS)
      await host.desk.add({
        jobId,
        handler: 'write',
        arguments: waitMs,
        trigger: { type: 'interval', everyMs },
        settings,
      });
    for (let round = 0; round < ROUNDS; round++) {
      const when = `round ${round} (SEED=${seed})`;
      const before = host.lines().length;
      await waitUntil(() => host.lines().length >= before + random.between(5, 20), `work goes on, ${when}`);
      await sleep(random.below(300));
      const { holder } = await host.desk.status();
      const leader = processes.findIndex(({ pid }) => holder?.endsWith(`/${pid}`));
      const victim = leader >= 0 && !random.onceIn(4) ? leader : random.below(2);
      if (random.onceIn(3)) {
        const { fencingToken } = await host.desk.status();
        processes[victim]!.freeze();
        // One that stands still amid a transaction keeps SQLite's lock, and nobody can take over before it wakes.
        const other = processes[1 - victim]!;
        const heard = other.output.length;
        if (victim === leader)
          await waitUntil(
            async () =>
              (await host.desk.status()).fencingToken > fencingToken ||
              other.output.slice(heard).includes('SQLITE_BUSY'),
            `it is succeeded, ${when}`,
          );
        processes[victim]!.wake();
      } else {
        await processes[victim]!.kill();
        processes[victim] = await host.start();
      }
    }
    const endMs = Date.now();
    for (const { jobId } of JOBS) {
      await waitUntil(
        async () => (await host.desk.show(jobId)).lastScheduledMs! > endMs,
        `${jobId} has caught up (SEED=${seed})`,
      );
      await host.desk.pause(jobId);
    }
    await waitUntil(
      async () => (await host.desk.status()).runningRuns === 0, // what is queued waits, since its job is paused
      `what began has ended (SEED=${seed})`,
    );
    for (const one of processes) expect(await one.stop(), one.output).toBe(0);

    const begun = host.lines().filter(({ at }) => at === 'begin');
    const attempts = begun.map(({ jobId, scheduledMs, attempt }) => `${jobId} ${scheduledMs} attempt ${attempt}`);
    expect(new Set(attempts).size, `no time was begun twice (SEED=${seed})`).toBe(attempts.length);
    for (const { jobId, everyMs, settings } of JOBS) {
      const runs = [...(await host.desk.history(jobId, 1_000))].sort((a, b) => a.scheduledMs - b.scheduledMs);
      const newest = runs.slice(-90); // older ones are forgotten
      for (const [index, { scheduledMs, state, runId }] of newest.entries()) {
        const about = `${jobId} ${scheduledMs} is ${state} (SEED=${seed})`;
        if (index > 0) expect(scheduledMs - newest[index - 1]!.scheduledMs, about).toBe(everyMs);
        const own = begun.filter((line) => line.runId === runId).length;
        if (state === 'succeeded') expect(own, about).toBeGreaterThanOrEqual(1);
        else expect(['lost', 'queued'], about).toContain(state);
        if (!('retries' in settings)) expect(own, about).toBeLessThanOrEqual(1);
        else expect(state, about).not.toBe('lost');
      }
    }
  } finally {
    await host.close();
  }
});

test('a leader that is stopped amid a transaction keeps the lock: the other one says whose it is, and goes on once it is ended', {
  timeout: 240_000,
}, async () => {
  const host = await SchedulingHost.open();
  const disk = new DiskFaults();
  try {
    const leader = await host.start(disk.environment);
    const standby = await host.start();
    await host.desk.add({
      jobId: 'often',
      handler: 'write',
      arguments: 0,
      trigger: { type: 'interval', everyMs: 300 },
    });
    await waitUntil(() => host.lines().length >= 3, 'work is under way');
    disk.stall('jobs', 'commit');
    await disk.met('jobs', 'commit');
    leader.freeze();
    await waitUntil(() => standby.output.includes('LeaseLockedError'), `the lock is met: ${standby.output}`);
    expect(standby.output).toContain(`end it (kill -9)`);
    expect(standby.output).toContain(`process ${leader.pid}`);
    expect(standby.output, 'nobody else leads meanwhile').not.toContain('"leading"');
    const before = host.lines().length;
    await leader.kill();
    await waitUntil(() => host.lines().length >= before + 3, `work goes on: ${standby.output}`);
    const runs = host.lines().filter(({ at }) => at === 'begin');
    expect(new Set(runs.map(({ runId }) => runId)).size, 'each once').toBe(runs.length);
    expect(await standby.stop()).toBe(0);
  } finally {
    await host.close();
    disk.remove();
  }
});
