import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { sendOnTime } from '../../../bench/support/open-loop.ts';

it('sends each request once, in the order of their intended times, no lane two at a time', async () => {
  const busy = new Set<number>();
  const intended: number[] = [];
  const { lateMs } = await sendOnTime({
    rate: 2_000,
    count: 101,
    lanes: 7,
    send: async (lane, intendedMs) => {
      expect(busy.has(lane)).toBe(false);
      busy.add(lane);
      intended.push(intendedMs);
      await sleep(lane);
      busy.delete(lane);
    },
  });
  expect(lateMs).toHaveLength(101);
  expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(0);
  expect(intended).toHaveLength(101);
  expect(intended).toEqual([...intended].sort((one, other) => one - other));
  expect(intended.at(-1)! - intended[0]!).toBeCloseTo(50, 3); // at the rate that was asked for, however late they went
});

it('keeps the intended times of what finds no free lane', async () => {
  const gate = Promise.withResolvers<void>();
  const intended: number[] = [];
  const running = sendOnTime({
    rate: 1_000,
    count: 10,
    lanes: 2,
    send: (_lane, intendedMs) => {
      intended.push(intendedMs);
      return gate.promise;
    },
  });
  const firstMs = performance.now();
  while (performance.now() - firstMs < 60) await sleep(5); // all ten are due by then
  expect(intended).toHaveLength(2);
  gate.resolve();
  const { waits } = await running;
  expect(waits).toBe(8);
  expect(intended.map((each) => Math.round(each - intended[0]!))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

it('ends with the error of a request that fails', async () => {
  const send = (): Promise<void> => Promise.reject(new Error('the connection broke'));
  await expect(sendOnTime({ rate: 1_000, count: 3, lanes: 1, send })).rejects.toThrow('the connection broke');
});
