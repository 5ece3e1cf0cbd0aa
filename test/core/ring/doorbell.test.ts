import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import { DoorbellLoop, waitOnDoorbell } from '../../../core/ring/doorbell.ts';
import { CONTROL, createSharedControl, ringDoorbell } from '../../../core/threads/shared-control.ts';

const WORD = CONTROL.GATEWAY_DOORBELL;

function newLoop(onRing: () => boolean) {
  const control = new Int32Array(createSharedControl());
  const loop = new DoorbellLoop(control, WORD, onRing);
  return { control, loop };
}

test('it looks once at the start, then once for each time it rings, and rests in between', async () => {
  let calls = 0;
  const { control, loop } = newLoop(() => {
    calls += 1;
    return false;
  });
  loop.start();
  expect(calls).toBe(1);
  await delay(60);
  expect(calls).toBe(1);
  for (let ring = 2; ring <= 4; ring++) {
    ringDoorbell(control, WORD);
    await delay(20);
    expect(calls).toBe(ring);
  }
  loop.stop();
});

test('what rings while it looks is looked at again', async () => {
  let calls = 0;
  const { control, loop } = newLoop(() => {
    calls += 1;
    if (calls <= 3) ringDoorbell(control, WORD);
    return false;
  });
  loop.start();
  await delay(30);
  expect(calls).toBe(4);
  loop.stop();
});

test('work left over is taken up in the next turn, after others had theirs', async () => {
  let calls = 0;
  let timerRanAfterCalls = 0;
  const { loop } = newLoop(() => ++calls < 1_000);
  setTimeout(() => {
    timerRanAfterCalls = calls;
  }, 0);
  loop.start();
  await vi.waitFor(() => expect(calls).toBe(1_000), { timeout: 30_000 });
  expect(timerRanAfterCalls).toBeLessThan(1_000);
  loop.stop();
});

test('a stopped loop looks no more, also when it is stopped while it looks', async () => {
  let calls = 0;
  const { control, loop } = newLoop(() => {
    calls += 1;
    if (calls === 2) loop.stop();
    return true;
  });
  loop.start();
  await delay(20);
  expect(calls).toBe(2);
  ringDoorbell(control, WORD);
  await delay(20);
  expect(calls).toBe(2);
});

test('a loop started again rings once each time, though its first wait was still pending', async () => {
  let calls = 0;
  const { control, loop } = newLoop(() => {
    calls += 1;
    return false;
  });
  loop.start();
  loop.start();
  loop.stop();
  loop.stop();
  loop.start();
  await delay(20);
  calls = 0;
  ringDoorbell(control, WORD);
  await delay(20);
  expect(calls).toBe(1);
  loop.stop();
});

test('another thread wakes the loop', async () => {
  const rung = Promise.withResolvers<void>();
  let calls = 0;
  const { control, loop } = newLoop(() => {
    calls += 1;
    if (calls === 2) rung.resolve();
    return false;
  });
  loop.start();
  const ringer = `
    const { workerData } = require('node:worker_threads');
    Atomics.add(workerData, ${WORD}, 1);
    Atomics.notify(workerData, ${WORD});
  `;
  const worker = new Worker(ringer, { eval: true, workerData: control });
  await rung.promise;
  loop.stop();
  await worker.terminate();
});

test('a resting loop uses no processor time', async () => {
  const { loop } = newLoop(() => false);
  loop.start();
  await delay(50);
  const before = process.cpuUsage();
  await delay(500);
  const { user, system } = process.cpuUsage(before);
  loop.stop();
  expect((user + system) / 1_000).toBeLessThan(100); // of 500 ms; a loop that polls takes all of them
});

test('a thread does not wait for a doorbell that rang since it was read, and waits no longer than told', () => {
  const control = new Int32Array(createSharedControl());
  const seenValue = Atomics.load(control, WORD);
  ringDoorbell(control, WORD);
  const before = performance.now();
  waitOnDoorbell(control, WORD, seenValue);
  expect(performance.now() - before).toBeLessThan(50);
  waitOnDoorbell(control, WORD, seenValue + 1, 30);
  expect(performance.now() - before).toBeGreaterThanOrEqual(29);
});
