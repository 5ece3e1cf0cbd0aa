import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExpiryHeap } from '../../../gateway/orders/expiry-heap.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`the earliest of a plain list, whatever comes and goes (SEED=${seed})`, () => {
  const kind = fc.constantFrom('add', 'add', 'add', 'remove', 'remove', 'through');
  const step = fc.record({ orderId: fc.nat(60), expiresAtMs: fc.nat(40), kind });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const heap = new ExpiryHeap();
      const plain = new Map<number, number>();
      for (const { orderId, expiresAtMs, kind } of steps) {
        if (kind === 'through') {
          heap.removeThrough(expiresAtMs - 20);
          for (const [due, dueMs] of plain) if (dueMs <= expiresAtMs - 20) plain.delete(due);
        } else if (kind === 'remove') {
          heap.remove(orderId);
          plain.delete(orderId);
        } else if (!plain.has(orderId)) {
          heap.add(orderId, expiresAtMs);
          plain.set(orderId, expiresAtMs);
        }
        expect(heap.size).toBe(plain.size);
        expect(heap.firstMs).toBe(plain.size === 0 ? undefined : Math.min(...plain.values()));
      }
    }),
    { seed, numRuns: 300 },
  );
});

test('an order that is in it already is a broken fact', () => {
  const heap = new ExpiryHeap();
  heap.add(1, 5);
  expect(() => heap.add(1, 6)).toThrow('expires twice');
});
