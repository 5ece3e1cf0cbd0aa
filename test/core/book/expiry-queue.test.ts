import { expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import { ExpiryQueue } from '../../../core/book/expiry-queue.ts';
import { ORDER, ORDER_NUMBERS, OrderPool, TERMS, TERMS_NUMBERS } from '../../../core/book/order-pool.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`orders leave by time, then by id, whatever came and went in between (SEED=${seed})`, () => {
  const random = new RandomIntegers(seed);
  const pool = new OrderPool(300);
  const queue = new ExpiryQueue(pool);
  const inside = new Map<number, { readonly time: number; readonly orderId: number }>();
  for (let step = 0; step < 5_000; step++) {
    if (!pool.isFull && random.below(100) < 55) {
      const slot = pool.allocate();
      const order = { time: 1 + random.below(40), orderId: 1_000_000 - step };
      pool.orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS] = 1;
      pool.orderF64[slot * ORDER_NUMBERS + ORDER.ORDER_ID] = order.orderId;
      pool.terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS] = order.time;
      queue.add(slot);
      inside.set(slot, order);
    } else if (inside.size > 0) {
      const slot = random.onceIn(2) ? queue.first() : random.oneOf([...inside.keys()]);
      queue.remove(slot);
      pool.free(slot);
      inside.delete(slot);
    }
    const [first] = [...inside].sort(([, one], [, other]) => one.time - other.time || one.orderId - other.orderId);
    expect(queue.first(), `SEED=${seed} step=${step}`).toBe(first === undefined ? -1 : first[0]);
    expect(queue.count).toBe(inside.size);
    if (step % 100 === 0) queue.verifyInvariants();
  }
});

test('a slot that is not in it can not be removed', () => {
  const pool = new OrderPool(4);
  const queue = new ExpiryQueue(pool);
  expect(() => queue.remove(0)).toThrow(InvariantError);
  const slot = pool.allocate();
  pool.orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS] = 1;
  pool.terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS] = 5;
  queue.add(slot);
  queue.remove(slot);
  expect(() => queue.remove(slot)).toThrow(InvariantError);
});

test('an order that expires and is not in it is noticed', () => {
  const pool = new OrderPool(4);
  const queue = new ExpiryQueue(pool);
  const slot = pool.allocate();
  pool.orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS] = 1;
  pool.terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS] = 5;
  expect(() => queue.verifyInvariants()).toThrow(/0 slots, 1 live orders expire/);
  queue.rebuild();
  queue.verifyInvariants();
  expect(queue.first()).toBe(slot);
});
