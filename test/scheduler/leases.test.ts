import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Trigger } from '../../core/ports/jobs.ts';
import { StoredJobDesk } from '../../scheduler/stored-job-desk.ts';
import { SqliteJobStore } from '../../workers/storage/sqlite-job-store.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';
import { NOON_MS, SimulatedSchedulers } from './support/simulated-schedulers.ts';
import { SimulatedTime } from './support/simulated-time.ts';

const SECOND = 1_000;
const every = (everyMs: number): Trigger => ({ type: 'interval', everyMs });
const seconds = (times: readonly number[]): number[] => times.map((time) => (time - NOON_MS) / 1_000);

let simulated: SimulatedSchedulers;
beforeEach(async () => {
  simulated = await SimulatedSchedulers.open(temporaryFolder());
});
afterEach(() => simulated.close());

test('of two schedulers one leads; when it ends in order the other one goes on at once', async () => {
  const first = await simulated.start();
  const second = await simulated.start();
  expect([first.isLeading, second.isLeading]).toEqual([true, false]);
  await simulated.add('job', every(5 * SECOND));
  await simulated.pass(12 * SECOND);
  await first.stop();
  await simulated.pass(2 * SECOND);
  expect([first.isLeading, second.isLeading]).toEqual([false, true]);
  await simulated.pass(8 * SECOND);
  expect(seconds(simulated.scheduledOf('job'))).toEqual([5, 10, 15, 20]);
  expect(simulated.calls.map(({ fencingToken }) => fencingToken)).toEqual([1, 1, 2, 2]);
});

test('a leader that stands still is succeeded after its lease; when it wakes it is refused, and tells its runs to end', async () => {
  const frozenTime = new SimulatedTime(NOON_MS);
  const frozen = await simulated.start(frozenTime);
  const second = await simulated.start();
  await simulated.add('job', every(5 * SECOND));
  await simulated.add(
    'long',
    { type: 'date', atMs: NOON_MS + SECOND },
    { handler: 'abortable', args: 60_000, retries: 1 },
  );
  const settle = () => simulated.settled();
  await frozenTime.pass(2 * SECOND, settle);
  await simulated.pass(2 * SECOND);
  expect(simulated.calls.map(({ jobId }) => jobId)).toEqual(['long']);
  await simulated.pass(20 * SECOND); // the first one stands still meanwhile
  expect([frozen.isLeading, second.isLeading]).toEqual([true, true]); // it does not know yet
  expect(await simulated.desk.status()).toMatchObject({ fencingToken: 2 });
  frozenTime.freeze(20 * SECOND);
  await frozenTime.pass(SECOND, settle);
  expect(frozen.isLeading).toBe(false);
  expect(simulated.calls[0]!.signal.aborted).toBe(true);
  await simulated.pass(10 * SECOND);
  await frozenTime.pass(10 * SECOND, settle);
  // What was at work is tried again by the one that took over; what the first one made of it counts no more.
  expect(
    simulated.calls.filter(({ jobId }) => jobId === 'long').map(({ attempt, fencingToken }) => [attempt, fencingToken]),
  ).toEqual([
    [1, 1],
    [2, 2],
  ]);
  const scheduled = seconds(simulated.scheduledOf('job'));
  expect(scheduled).toEqual([...new Set(scheduled)]);
  expect(scheduled.at(-1)).toBe(30);
  expect(simulated.eventsOf('deposed')).toEqual([{ type: 'deposed', fencingToken: 1 }]);
  await simulated.pass(60 * SECOND);
  expect(await simulated.story('long')).toEqual(['succeeded@1']);
});

test('runs of a scheduler that died are lost, or tried again where they may be; none is run twice without', async () => {
  const dead = new SimulatedTime(NOON_MS); // never goes on after this
  await simulated.start(dead);
  const once: Trigger = { type: 'date', atMs: NOON_MS + SECOND };
  await simulated.add('lost', once, { handler: 'abortable', args: 5_000 });
  await simulated.add('retried', once, { handler: 'abortable', args: 5_000, retries: 1 });
  await dead.pass(2 * SECOND, () => simulated.settled());
  await simulated.start();
  await simulated.pass(30 * SECOND);
  expect(await simulated.story('lost')).toEqual(['lost@1']);
  expect(await simulated.story('retried')).toEqual(['succeeded@1']);
  expect(simulated.eventsOf('lost')).toEqual([
    { type: 'lost', jobId: 'lost', scheduledMs: NOON_MS + SECOND, willRetry: false },
    { type: 'lost', jobId: 'retried', scheduledMs: NOON_MS + SECOND, willRetry: true },
  ]);
  expect(simulated.calls.map(({ jobId, attempt }) => [jobId, attempt])).toEqual([
    ['lost', 1],
    ['retried', 1],
    ['retried', 2],
  ]);
});

test('no step of the wall clock ends a lease', async () => {
  const first = await simulated.start();
  const second = await simulated.start();
  for (const moveMs of [3_600_000, -3_600_000, 86_400_000]) {
    simulated.time.moveWallClock(moveMs);
    await simulated.pass(30 * SECOND);
  }
  expect([first.isLeading, second.isLeading]).toEqual([true, false]);
});

test('what another process changes is noticed within a beat', async () => {
  await simulated.start();
  await simulated.pass(5 * SECOND);
  await simulated.desk.status();
  const elsewhere = await SqliteJobStore.open(simulated.folder);
  const desk = new StoredJobDesk({ store: elsewhere, wallMs: () => simulated.time.wallMs() });
  await desk.add({ jobId: 'far', handler: 'note', arguments: null, trigger: { type: 'date', atMs: NOON_MS + 9_000 } });
  await desk.runNow('far');
  await elsewhere.close();
  await simulated.pass(6 * SECOND);
  expect(simulated.calls.map(({ calledMs }) => calledMs - NOON_MS)).toEqual([6_000, 9_000]);
});
