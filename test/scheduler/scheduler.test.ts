import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Trigger } from '../../core/ports/jobs.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';
import { NOON_MS, SimulatedSchedulers } from './support/simulated-schedulers.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const every = (everyMs: number): Trigger => ({ type: 'interval', everyMs });
const cron = (expression: string): Trigger => ({ type: 'cron', expression });
const seconds = (times: readonly number[]): number[] => times.map((time) => (time - NOON_MS) / 1_000);

let simulated: SimulatedSchedulers;
beforeEach(async () => {
  simulated = await SimulatedSchedulers.open(temporaryFolder());
});
afterEach(() => simulated.close());

test('interval, cron, date and calendar jobs run at their times, each once', async () => {
  await simulated.start();
  await simulated.add('interval', every(10 * MINUTE));
  await simulated.add('cron', cron('5,35 * * * *'));
  await simulated.add('date', { type: 'date', atMs: NOON_MS + 1_234 });
  await simulated.add('calendar', { type: 'calendar', every: 1, unit: 'day', timeOfDay: '12:30' });
  await simulated.pass(HOUR);
  expect(seconds(simulated.scheduledOf('interval'))).toEqual([600, 1_200, 1_800, 2_400, 3_000, 3_600]);
  expect(seconds(simulated.scheduledOf('cron'))).toEqual([300, 2_100]);
  expect(seconds(simulated.scheduledOf('date'))).toEqual([1.234]);
  expect(seconds(simulated.scheduledOf('calendar'))).toEqual([1_800]);
  for (const { calledMs, scheduledMs } of simulated.calls) expect(calledMs).toBe(scheduledMs);
  expect(await simulated.desk.show('date')).toMatchObject({ nextMs: null });
  expect(simulated.eventsOf('exhausted')).toEqual([{ type: 'exhausted', jobId: 'date' }]);
  expect(simulated.eventsOf('trouble')).toEqual([]);
});

test('jobs, next times and arguments are there after a restart, and what was missed meanwhile is made up for once', async () => {
  const first = await simulated.start();
  await simulated.add('kept', every(10 * SECOND), { args: { text: 'é', list: [1, null] } });
  await simulated.pass(25 * SECOND);
  await first.stop();
  simulated.time.freeze(MINUTE); // nobody is there for a minute: 30, 40 … 80 go by
  await simulated.start();
  await simulated.pass(10 * SECOND);
  expect(seconds(simulated.scheduledOf('kept'))).toEqual([10, 20, 80, 90]);
  expect(simulated.calls[0]!.arguments).toEqual({ text: 'é', list: [1, null] });
  expect(simulated.eventsOf('missed')).toEqual([
    { type: 'missed', jobId: 'kept', scheduledMs: NOON_MS + 80_000, count: 5 },
  ]);
});

test.each([
  ['latest', [40]],
  ['earliest', [10]],
  ['all', [10, 20, 30, 40]],
] as const)('of times that were missed, coalesce %s runs %j', async (coalesce, expected) => {
  await simulated.add('job', every(10 * SECOND), { coalesce });
  simulated.time.freeze(45 * SECOND);
  await simulated.start();
  await simulated.pass(SECOND);
  expect(seconds(simulated.scheduledOf('job'))).toEqual(expected);
  await simulated.pass(5 * SECOND);
  expect(seconds(simulated.scheduledOf('job'))).toEqual([...expected, 50]);
});

test('a time that is missed by more than the grace is not run, and told; within the grace it is', async () => {
  await simulated.add('strict', cron('1 12 * * *'), { misfireGraceMs: 30 * SECOND });
  await simulated.add('lenient', cron('1 12 * * *'), { misfireGraceMs: 5 * MINUTE });
  await simulated.add('partly', every(10 * SECOND), { misfireGraceMs: 15 * SECOND, coalesce: 'all' });
  simulated.time.freeze(2 * MINUTE + 5 * SECOND);
  await simulated.start();
  await simulated.pass(SECOND);
  expect(await simulated.story('strict')).toEqual(['missed@60']);
  expect(await simulated.story('lenient')).toEqual(['succeeded@60']);
  expect(await simulated.story('partly')).toEqual(['succeeded@110', 'succeeded@120']);
  expect(simulated.eventsOf('missed')).toContainEqual({
    type: 'missed',
    jobId: 'strict',
    scheduledMs: NOON_MS + MINUTE,
    count: 1,
  });
  expect(simulated.eventsOf('missed')).toContainEqual({
    type: 'missed',
    jobId: 'partly',
    scheduledMs: NOON_MS + 110_000,
    count: 10,
  });
});

test('a job that is still at work skips its next times by default', async () => {
  await simulated.start();
  await simulated.add('slow', every(10 * SECOND), { handler: 'slow', args: 25_000 });
  await simulated.pass(45 * SECOND);
  expect(await simulated.story('slow')).toEqual(['succeeded@10', 'skipped@20', 'skipped@30', 'running@40']);
  expect(simulated.eventsOf('skipped')).toHaveLength(2);
});

test('more instances run side by side, never more than may', async () => {
  await simulated.start();
  await simulated.add('slow', every(10 * SECOND), { handler: 'slow', args: 25_000, maxInstances: 2 });
  await simulated.pass(44 * SECOND);
  expect(await simulated.story('slow')).toEqual(['succeeded@10', 'running@20', 'skipped@30', 'running@40']);
});

test('queued runs wait for one another', async () => {
  await simulated.start();
  await simulated.add('slow', { ...every(10 * SECOND), endMs: NOON_MS + 30 * SECOND } as Trigger, {
    handler: 'slow',
    args: 25_000,
    onOverlap: 'queue',
  });
  await simulated.pass(40 * SECOND);
  expect(await simulated.story('slow')).toEqual(['succeeded@10', 'running@20', 'queued@30']);
  await simulated.pass(50 * SECOND);
  expect(await simulated.story('slow')).toEqual(['succeeded@10', 'succeeded@20', 'succeeded@30']);
  expect(seconds(simulated.calls.map(({ calledMs }) => calledMs))).toEqual([10, 35, 60]);
});

test('a later run replaces the one at work, which is told to end first', async () => {
  await simulated.start();
  await simulated.add('job', every(10 * SECOND), { handler: 'abortable', args: 15_000, onOverlap: 'replace' });
  await simulated.pass(35 * SECOND);
  expect(await simulated.story('job')).toEqual(['aborted@10', 'aborted@20', 'running@30']);
});

test('a run that does not end when it is replaced holds up its own job only, and the scheduler rests meanwhile', async () => {
  await simulated.start();
  await simulated.add('deaf', every(SECOND), { handler: 'slow', args: HOUR, onOverlap: 'replace' });
  await simulated.add('other', every(10 * SECOND));
  await simulated.pass(MINUTE); // more times by then than runs may be at work
  expect(seconds(simulated.scheduledOf('other'))).toEqual([10, 20, 30, 40, 50, 60]);
  expect(simulated.scheduledOf('deaf')).toHaveLength(1);
});

test('runs that wait for room keep nobody behind them waiting', async () => {
  await simulated.start();
  for (let job = 0; job < 31; job++)
    await simulated.add(`deaf-${job}`, every(10 * SECOND), { handler: 'slow', args: HOUR, onOverlap: 'replace' });
  await simulated.add('other', every(10 * SECOND)); // behind them, for the one run that may still begin
  await simulated.pass(35 * SECOND);
  expect(
    simulated.calls.filter(({ jobId }) => jobId === 'other').map(({ calledMs }) => seconds([calledMs])[0]),
  ).toEqual([10, 20, 30]);
});

test('a run that takes too long is told by its signal, and has failed', async () => {
  await simulated.start();
  await simulated.add(
    'job',
    { type: 'date', atMs: NOON_MS + SECOND },
    { handler: 'abortable', args: MINUTE, timeoutMs: 5_000 },
  );
  await simulated.pass(10 * SECOND);
  const [run] = await simulated.desk.history('job', 10);
  expect(run).toMatchObject({
    state: 'timeout',
    endedMs: NOON_MS + 6_000,
    error: 'JobTimeoutError: it took longer than 5000 ms',
  });
});

test('a run that failed is tried again, with pauses that double, as often as it may', async () => {
  await simulated.start();
  const once: Trigger = { type: 'date', atMs: NOON_MS + SECOND };
  await simulated.add('heals', once, { handler: 'fail', args: 2, retries: 3, retryDelayMs: 4_000 });
  await simulated.add('never', once, { handler: 'fail', args: 99, retries: 2, retryDelayMs: 4_000 });
  await simulated.pass(MINUTE);
  const callsOf = (jobId: string) => simulated.calls.filter((call) => call.jobId === jobId);
  expect(seconds(callsOf('heals').map(({ calledMs }) => calledMs))).toEqual([1, 5, 13]);
  expect(callsOf('never').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect((await simulated.desk.history('heals', 1))[0]).toMatchObject({ state: 'succeeded', attempt: 3, result: 3 });
  expect((await simulated.desk.history('never', 1))[0]).toMatchObject({
    state: 'failed',
    attempt: 3,
    error: 'Error: attempt 3',
  });
});

test('a retry that waits is there after a restart', async () => {
  const first = await simulated.start();
  await simulated.add(
    'heals',
    { type: 'date', atMs: NOON_MS + SECOND },
    { handler: 'fail', args: 1, retries: 1, retryDelayMs: MINUTE },
  );
  await simulated.pass(10 * SECOND);
  await first.stop();
  await simulated.start();
  await simulated.pass(MINUTE);
  expect(simulated.calls.map(({ attempt, calledMs }) => [attempt, calledMs - NOON_MS])).toEqual([
    [1, SECOND],
    [2, SECOND + MINUTE],
  ]);
});

test.each([
  ['only after it has failed', 10],
  ['while it is at work', 1],
])('a job that is removed is not tried again, nor by another one that gets its id %s', async (_when, afterSeconds) => {
  await simulated.start();
  const failing = {
    handler: 'abortable',
    args: HOUR,
    timeoutMs: 5_000,
    retries: 5,
    retryDelayMs: 20_000,
  };
  await simulated.add('job', { type: 'date', atMs: NOON_MS + SECOND }, failing);
  await simulated.pass(2 * SECOND);
  await simulated.desk.remove('job');
  await simulated.pass(afterSeconds * SECOND);
  await simulated.add('job', { type: 'date', atMs: NOON_MS + 45 * SECOND });
  await simulated.pass(MINUTE);
  expect(seconds(simulated.calls.map(({ calledMs }) => calledMs))).toEqual([1, 45]);
  expect(await simulated.story('job')).toEqual(['cancelled@1', 'succeeded@45']);
});

test('jitter puts a run off, the occurrence keeps its time', async () => {
  await simulated.start();
  await simulated.add('job', every(10 * SECOND), { jitterMs: 4_000 });
  await simulated.pass(25 * SECOND);
  expect(simulated.calls.map(({ scheduledMs, calledMs }) => seconds([scheduledMs, calledMs]))).toEqual([
    [10, 12],
    [20, 22],
  ]);
});

test('a job is paused, resumed without what was due meanwhile, modified, run at once and removed', async () => {
  await simulated.start();
  await simulated.add('job', every(10 * SECOND));
  await simulated.pass(15 * SECOND);
  await simulated.desk.pause('job');
  await simulated.pass(30 * SECOND);
  expect((await simulated.desk.runNow('job')).cause).toBe('operator'); // paused jobs can be run by hand
  await simulated.pass(SECOND);
  await simulated.desk.resume('job');
  await simulated.pass(5 * SECOND);
  await simulated.desk.modify('job', { trigger: every(3 * SECOND), arguments: 'new' });
  await simulated.pass(7 * SECOND);
  await simulated.desk.remove('job');
  await simulated.pass(MINUTE);
  expect(simulated.calls.map(({ calledMs }) => (calledMs - NOON_MS) / 1_000)).toEqual([10, 45, 50, 54, 57]);
  expect(simulated.calls.at(-1)!.arguments).toBe('new');
  expect(
    simulated.events.map(({ type }) => type).filter((type) => /ed$/.test(type) && !/start|submit|succeed/.test(type)),
  ).toEqual(['added', 'paused', 'resumed', 'modified', 'removed']);
  await expect(simulated.desk.show('job')).rejects.toMatchObject({ code: 'UNKNOWN_JOB' });
});

test('a job whose members seldom meet shows as many times as a bounded search finds; one that needs longer is refused', async () => {
  const and = (...triggers: Trigger[]): Trigger => ({ type: 'and', triggers, toleranceMs: 0 });
  const offset = { type: 'interval', everyMs: 1_000, startMs: NOON_MS + 1 } as const;
  await expect(simulated.add('never', and({ ...offset, startMs: NOON_MS }, offset))).rejects.toMatchObject({
    code: 'INVALID_JOB',
    message: expect.stringContaining('asked too often'),
  });
  const together = (everyMs: number): Trigger => ({ type: 'interval', everyMs, startMs: NOON_MS });
  await simulated.add('seldom', and(together(997), together(1_009)));
  const shown = await simulated.desk.preview('seldom', 1_000);
  expect(shown.slice(0, 2)).toEqual([NOON_MS + 997 * 1_009, NOON_MS + 2 * 997 * 1_009]);
  expect(shown.length).toBeLessThan(10);
});

test("a job's error, also one that is thrown at once or is no Error, stops nothing else", async () => {
  const throwing = {
    name: 'throw',
    about: '',
    run: () => {
      throw 'text';
    },
  };
  await simulated.close();
  simulated = await SimulatedSchedulers.open(temporaryFolder(), { handlers: [throwing] });
  await simulated.start();
  await simulated.add('bad', every(SECOND), { handler: 'throw' });
  await simulated.add('good', every(SECOND));
  await simulated.pass(3 * SECOND);
  expect(simulated.scheduledOf('good')).toHaveLength(3);
  expect(await simulated.story('bad')).toEqual(['failed@1', 'failed@2', 'failed@3']);
  expect((await simulated.desk.history('bad', 1))[0]!.error).toBe('Error: text');
});

test('an orderly end lets runs end, keeps what became of them, and starts none', async () => {
  const scheduler = await simulated.start();
  await simulated.add('slow', every(10 * SECOND), { handler: 'slow', args: 5_000 });
  await simulated.pass(12 * SECOND);
  const stopped = scheduler.stop();
  await simulated.pass(20 * SECOND);
  await stopped;
  expect(await simulated.story('slow')).toEqual(['succeeded@10']);
  expect(await simulated.desk.status()).toMatchObject({ holder: null, runningRuns: 0 });
});

test('an orderly end amid a step lets the runs end that it begins', async () => {
  const scheduler = await simulated.start();
  const step = simulated.store.step.bind(simulated.store);
  let stopped: Promise<void> | null = null;
  simulated.store.step = async (wanted) => {
    const done = await step(wanted);
    if (done.started.length > 0) stopped ??= scheduler.stop();
    return done;
  };
  await simulated.add('slow', { type: 'date', atMs: NOON_MS + SECOND }, { handler: 'slow', args: 5_000 });
  await simulated.pass(20 * SECOND);
  await stopped;
  expect(await simulated.story('slow')).toEqual(['succeeded@1']);
});

test('a run that does not end in time is told to; with retries left the next scheduler tries it again', async () => {
  const scheduler = await simulated.start();
  const once: Trigger = { type: 'date', atMs: NOON_MS + SECOND };
  await simulated.add('long', once, { handler: 'abortable', args: HOUR });
  await simulated.add('again', once, { handler: 'abortable', args: 30_000, retries: 1 });
  await simulated.pass(2 * SECOND);
  const stopped = scheduler.stop(3_000);
  await simulated.pass(10 * SECOND);
  await stopped;
  expect(await simulated.story('long')).toEqual(['aborted@1']);
  await simulated.start();
  await simulated.pass(MINUTE);
  expect(await simulated.story('again')).toEqual(['succeeded@1']);
  expect(simulated.calls.filter(({ jobId }) => jobId === 'again').map(({ attempt }) => attempt)).toEqual([1, 2]);
});

test('no more runs than allowed are at work at once, whatever is due; all of them run in the end', async () => {
  await simulated.start();
  for (let job = 0; job < 100; job++)
    await simulated.add(`job-${job}`, { type: 'date', atMs: NOON_MS + SECOND }, { handler: 'slow', args: 1_000 });
  await simulated.pass(1_500);
  expect((await simulated.desk.status()).runningRuns).toBe(32);
  await simulated.pass(10 * SECOND);
  expect(new Set(simulated.calls.map(({ jobId }) => jobId)).size).toBe(100);
  expect(simulated.calls).toHaveLength(100);
});
