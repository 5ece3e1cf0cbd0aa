import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LargeMap } from '../../../gateway/orders/large-map.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`what a plain map holds, however many it takes to hold it (SEED=${seed})`, () => {
  const step = fc.record({ key: fc.nat(40), value: fc.nat(9), isRemoval: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), fc.array(step, { maxLength: 200 }), (maxEntries, steps) => {
      const large = new LargeMap<number, number>(maxEntries);
      const plain = new Map<number, number>();
      for (const { key, value, isRemoval } of steps) {
        if (isRemoval) {
          large.delete(key);
          plain.delete(key);
        } else {
          large.set(key, value);
          plain.set(key, value);
        }
        expect(large.size).toBe(plain.size);
        expect([large.get(key), large.has(key)]).toEqual([plain.get(key), plain.has(key)]);
      }
      for (let key = 0; key <= 40; key++) expect(large.get(key)).toBe(plain.get(key));
      expect([...large.values()].sort()).toEqual([...plain.values()].sort());
    }),
    { seed, numRuns: 300 },
  );
});
