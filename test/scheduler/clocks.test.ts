import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Trigger } from '../../core/ports/jobs.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';
import { NOON_MS, SimulatedSchedulers } from './support/simulated-schedulers.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 40 : 3;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const every = (everyMs: number): Trigger => ({ type: 'interval', everyMs });
const cron = (expression: string): Trigger => ({ type: 'cron', expression });

let simulated: SimulatedSchedulers;
beforeEach(async () => {
  simulated = await SimulatedSchedulers.open(temporaryFolder(), { startMs: NOON_MS + 5 * MINUTE });
});
afterEach(() => simulated.close());

/** Calls of a job, as monotonic seconds since the test began, which no clock step can bend. */
function pacesOf(jobId: string): number[] {
  const calls = simulated.calls.filter((call) => call.jobId === jobId);
  return calls.map(({ calledMonotonicMs }) => Math.round((calledMonotonicMs - 1_000) / 1_000));
}

async function expectEachOnce(): Promise<void> {
  const first = simulated.calls.filter(({ attempt }) => attempt === 1);
  expect(new Set(first.map(({ runId }) => runId)).size).toBe(first.length);
  expect(simulated.eventsOf('trouble')).toEqual([]);
}

test('the wall clock put forward by an hour: one run makes up for it, no burst, and the rhythm goes on', async () => {
  await simulated.start();
  await simulated.add('often', every(10 * SECOND));
  await simulated.add('half-past', cron('30 * * * *'));
  await simulated.pass(25 * SECOND);
  simulated.time.moveWallClock(HOUR);
  await simulated.pass(30 * SECOND);
  expect(pacesOf('often')).toEqual([10, 20, 26, 30, 40, 50]); // seen at the next beat
  expect(pacesOf('half-past')).toEqual([26]); // 12:30 is over by then: at once, and not again
  expect(simulated.eventsOf('clock-moved')).toEqual([{ type: 'clock-moved', byMs: HOUR }]);
  await simulated.pass(25 * MINUTE);
  expect(pacesOf('half-past')).toEqual([26, 25 * 60]); // 13:30 on the clock
  await expectEachOnce();
});

test('the wall clock put back by an hour: no silence; what runs once an hour or a day is not run twice', async () => {
  await simulated.close();
  simulated = await SimulatedSchedulers.open(temporaryFolder(), { startMs: NOON_MS + 5 * MINUTE, beatMs: 5 * SECOND });
  await simulated.start();
  await simulated.add('often', every(MINUTE));
  await simulated.add('ten-minutes', cron('*/10 * * * *'));
  await simulated.add('hourly', cron('3 * * * *'));
  await simulated.add('daily', { type: 'calendar', every: 1, unit: 'day', timeOfDay: '12:20' });
  await simulated.pass(HOUR); // 12:05 to 13:05
  simulated.time.moveWallClock(-HOUR);
  await simulated.pass(HOUR); // 12:05 to 13:05 once more
  const often = pacesOf('often');
  expect(often).toEqual(Array.from({ length: 120 }, (_, count) => 60 * (count + 1)));
  const wallMinutes = [5, 15, 25, 35, 45, 55].map((minute) => minute * 60);
  expect(pacesOf('ten-minutes')).toEqual([...wallMinutes, ...wallMinutes.map((paceSeconds) => paceSeconds + 3_600)]);
  expect(pacesOf('hourly')).toEqual([58 * 60]); // 13:03 came twice
  expect(pacesOf('daily')).toEqual([15 * 60]);
  await simulated.pass(HOUR);
  expect(pacesOf('hourly')).toEqual([58 * 60, 178 * 60]); // 14:03
  await expectEachOnce();
});

test("a chosen start that is still to come, and an interval's end, stay where they are when the wall clock is put back", async () => {
  const minutesFrom = (from: number, to: number) => ({
    ...every(MINUTE),
    startMs: NOON_MS + from * MINUTE,
    endMs: NOON_MS + to * MINUTE,
  });
  const minutesOf = (jobId: string) =>
    simulated.calls.filter((call) => call.jobId === jobId).map(({ calledMs }) => (calledMs - NOON_MS) / MINUTE);
  await simulated.close();
  simulated = await SimulatedSchedulers.open(temporaryFolder(), { startMs: NOON_MS + 5 * MINUTE, beatMs: 10 * SECOND });
  await simulated.start();
  await simulated.add('to-come', minutesFrom(30, 33));
  await simulated.add('begun', minutesFrom(6, 10));
  await simulated.add('new', every(2 * MINUTE)); // its start is not chosen
  await simulated.add('changed', every(HOUR));
  await simulated.pass(30 * SECOND);
  await simulated.desk.modify('changed', { trigger: every(90 * SECOND) });
  await simulated.pass(60 * SECOND);
  simulated.time.moveWallClock(-20 * MINUTE); // to 11:46:30
  await simulated.pass(HOUR);
  expect(minutesOf('to-come')).toEqual([30, 31, 32, 33]);
  expect(minutesOf('begun')).toEqual([6, ...Array.from({ length: 24 }, (_, count) => count - 13)]);
  expect(minutesOf('new').slice(0, 2)).toEqual([-13, -11]);
  expect(minutesOf('changed').slice(0, 2)).toEqual([-13, -11.5]);
});

test('the wall clock put back while no scheduler is there is noticed by the next one', async () => {
  const first = await simulated.start();
  await simulated.add('often', every(10 * SECOND));
  await simulated.pass(25 * SECOND);
  await first.stop();
  simulated.time.moveWallClock(-HOUR);
  await simulated.start();
  await simulated.pass(30 * SECOND);
  expect(pacesOf('often')).toEqual([10, 20, 30, 40, 50]);
  expect((await simulated.desk.status()).clockEpoch).toBe(1);
});

test('a clock that was put back under one scheduler is not put back again by the next', async () => {
  const first = await simulated.start();
  await simulated.start(); // stands by, and sees the clock move as well
  await simulated.add('all', every(MINUTE), { coalesce: 'all' });
  await simulated.pass(90 * SECOND);
  simulated.time.moveWallClock(-HOUR);
  await simulated.pass(MINUTE);
  await first.stop();
  await simulated.pass(2 * MINUTE);
  expect(pacesOf('all')).toEqual([60, 120, 180, 240]);
  expect((await simulated.desk.status()).clockEpoch).toBe(1);
  await expectEachOnce();
});

test('a host that sleeps for ten minutes, and a process that stands still for as long: one run each, then the rhythm', async () => {
  await simulated.start();
  await simulated.add('often', every(10 * SECOND));
  await simulated.add('all', every(MINUTE), { coalesce: 'all' });
  await simulated.pass(25 * SECOND);
  simulated.time.sleepHost(10 * MINUTE);
  await simulated.pass(25 * SECOND);
  simulated.time.freeze(10 * MINUTE);
  await simulated.pass(15 * SECOND);
  expect(pacesOf('often')).toEqual([10, 20, 26, 30, 40, 50, 650, 660]);
  // Whoever wants every time gets every one of them, each once, in order.
  const all = simulated.scheduledOf('all');
  expect(all).toEqual(Array.from({ length: all.length }, (_, count) => NOON_MS + (6 + count) * MINUTE));
  expect(all).toHaveLength(21);
  await expectEachOnce();
});

test(`clocks that are moved, hosts that sleep, processes that stand still: each time once, no burst, no silence (SEED=${seed})`, {
  timeout: ROUNDS * 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  for (let round = 0; round < ROUNDS; round++) {
    await simulated.close();
    simulated = await SimulatedSchedulers.open(temporaryFolder(), {
      startMs: NOON_MS + random.below(HOUR),
      beatMs: 5 * SECOND,
    });
    let scheduler = await simulated.start();
    const periodMs = random.between(5, 60) * SECOND;
    await simulated.add('interval', every(periodMs));
    await simulated.add('minutely', cron('* * * * *'));
    await simulated.add('daily', cron('0 13 * * *'));
    for (let step = 0; step < 20; step++) {
      const about = `round ${round} step ${step} (SEED=${seed})`;
      const before = simulated.calls.length;
      const spanMs = random.between(1, 300) * SECOND;
      const spans = { interval: periodMs, minutely: MINUTE } as const;
      switch (random.below(5)) {
        case 0:
          simulated.time.moveWallClock(
            random.oneOf([-1, 1]) * random.oneOf([HOUR, 17 * MINUTE, 3 * SECOND, 26 * HOUR]),
          );
          break;
        case 1:
          simulated.time.sleepHost(random.between(1, 1_200) * SECOND);
          break;
        case 2:
          simulated.time.freeze(random.between(1, 1_200) * SECOND);
          break;
        case 3:
          await scheduler.stop();
          simulated.time.freeze(random.below(100) * SECOND);
          scheduler = await simulated.start();
          break;
        default:
      }
      await simulated.pass(spanMs);
      const calls = simulated.calls.slice(before);
      for (const [jobId, period] of Object.entries(spans)) {
        const count = calls.filter((call) => call.jobId === jobId).length;
        expect(count, `a burst of ${jobId}, ${about}`).toBeLessThanOrEqual(spanMs / period + 2);
        expect(count, `silence of ${jobId}, ${about}`).toBeGreaterThanOrEqual(Math.floor(spanMs / period) - 2);
      }
    }
    await expectEachOnce();
    const times = simulated.calls.map(({ jobId, scheduledMs, clockEpoch }) => `${jobId} ${scheduledMs} ${clockEpoch}`);
    expect(new Set(times).size, `a time that was run twice (SEED=${seed})`).toBe(times.length);
  }
});
