import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { RecentRows } from '../../../workers/history/recent-rows.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`what was put longest ago is forgotten first, whatever is put again or removed (SEED=${seed})`, () => {
  const random = new RandomIntegers(seed);
  for (const capacity of [1, 2, 7, 50]) {
    const rows = new RecentRows<number, number>(capacity);
    const model: { key: number; row: number }[] = []; // oldest first
    for (let step = 0; step < 5_000; step++) {
      const key = random.below(3 * capacity);
      const at = model.findIndex((entry) => entry.key === key);
      if (at >= 0) model.splice(at, 1);
      if (random.onceIn(5)) {
        rows.remove(key);
      } else {
        rows.put(key, step);
        model.push({ key, row: step });
        if (model.length > capacity) model.shift();
      }
      const asked = random.below(3 * capacity);
      const expected = model.find((entry) => entry.key === asked)?.row;
      expect(rows.get(asked), `capacity ${capacity}, step ${step}, key ${asked}`).toBe(expected);
    }
  }
});

test('rows that come and go leave nothing behind', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const rows = new RecentRows<number, readonly number[]>(10_000);
  let next = 0;
  const heapAfter = (count: number): number => {
    for (const end = next + count; next < end; next++) {
      rows.put(next, [next]);
      rows.remove(next - 100);
    }
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = heapAfter(200_000);
  // What is kept of a million rows would be tens of megabytes.
  expect(heapAfter(1_000_000) - before).toBeLessThan(8 * 2 ** 20);
});
