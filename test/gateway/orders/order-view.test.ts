import { describe, expect, test } from 'vitest';
import {
  type AcceptedEvent,
  type ExchangeEvent,
  type FilledEvent,
  isByBudget,
} from '../../../core/protocol/event-decoder.ts';
import { CancelReason, EventKind } from '../../../core/protocol/kinds.ts';
import { repeatKey } from '../../../gateway/orders/order.ts';
import { OrderView } from '../../../gateway/orders/order-view.ts';
import { CommandStream } from '../../support/command-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';
import { PlainRestingOrders } from '../../support/plain-resting-orders.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const seeds =
  process.env.SEED === undefined ? Array.from({ length: 8 }, (_, index) => 9_000 + index) : [Number(process.env.SEED)];

function fills(events: readonly ExchangeEvent[], orderId: number): FilledEvent[] {
  return events.filter(
    (event) => event.kind === EventKind.FILLED && (event.makerOrderId === orderId || event.takerOrderId === orderId),
  ) as FilledEvent[];
}

/** What an order lost to self-trade prevention without being cancelled. */
function decrementedLots(events: readonly ExchangeEvent[], orderId: number): number {
  return events.reduce(
    (lots, event) =>
      event.kind === EventKind.REDUCED && event.orderId === orderId
        ? lots + event.remainingBeforeLots - event.remainingAfterLots
        : lots,
    0,
  );
}

/** What an order asks for after its amends; by budget, what it has bought. */
function quantityAfter(events: readonly ExchangeEvent[], accepted: AcceptedEvent): number {
  if (isByBudget(accepted.flags))
    return fills(events, accepted.orderId).reduce((sum, { quantityLots }) => sum + quantityLots, 0);
  let lots = accepted.quantityLots;
  for (const event of events) {
    if (event.kind === EventKind.AMENDED && event.orderId === accepted.orderId) lots = event.totalLots;
  }
  return lots;
}

describe('the view of random trading equals what all events together say', () => {
  for (const seed of seeds) {
    test(`SEED=${seed}`, () => {
      const stream = new CommandStream(seed);
      const harness = new EngineHarness({ limits: stream.limits });
      const view = new OrderView();
      const resting = new PlainRestingOrders();
      const all: ExchangeEvent[] = [];
      for (let step = 0; step < 600; step++) {
        const events = harness.apply(stream.next());
        stream.observe(events);
        for (const event of events) {
          view.onEvent(event);
          resting.observe(event);
          all.push(event);
        }
      }
      expect(view.restingCount).toBe(resting.orders.size + resting.waitingOrderIds.size);
      const accepted = all.filter((event) => event.kind === EventKind.ACCEPTED) as AcceptedEvent[];
      expect(accepted.length).toBeGreaterThan(20);
      for (const event of accepted) {
        const where = `SEED=${seed} order=${event.orderId}`;
        const order = view.order(event.orderId)!;
        const trades = fills(all, event.orderId);
        expect(order.executedLots, where).toBe(trades.reduce((sum, trade) => sum + trade.quantityLots, 0));
        expect(order.executedTickLots, where).toBe(
          trades.reduce((sum, trade) => sum + BigInt(trade.priceTicks) * BigInt(trade.quantityLots), 0n),
        );
        expect(order.quantityLots, where).toBe(quantityAfter(all, event));
        expect(order.remainingLots, where).toBe(
          order.quantityLots - order.executedLots - decrementedLots(all, event.orderId),
        );
        const cancelled = all.find((each) => each.kind === EventKind.CANCELLED && each.orderId === event.orderId);
        expect(order.cancelReason, where).toBe(cancelled?.kind === EventKind.CANCELLED ? cancelled.reason : null);
        const isResting = resting.orders.has(event.orderId);
        const isWaiting = resting.waitingOrderIds.has(event.orderId);
        const isExpired = all.some((each) => each.kind === EventKind.EXPIRED && each.orderId === event.orderId);
        const closed = cancelled ? 'CANCELLED' : isExpired ? 'EXPIRED' : 'FILLED';
        expect(order.status, where).toBe(isResting ? 'RESTING' : isWaiting ? 'WAITING' : closed);
        expect(view.restingOrders(event.accountId).includes(order), where).toBe(isResting || isWaiting);
      }
      for (const event of all.filter((each) => each.kind === EventKind.REJECTED))
        expect('orderId' in event && view.order(event.orderId), `SEED=${seed}`).toBeUndefined();
    });
  }
});

const FIELDS = {
  commandSequence: 1,
  isLastOfCommand: false,
  instrumentId: 1,
  accountId: 101,
  side: 0,
  keyId: 7,
  orderType: 0,
  timeInForce: 0,
  selfTradePrevention: 0,
  flags: 0,
  priceTicks: 100,
  stopPriceTicks: 0,
  makerRatePpm: 0,
  takerRatePpm: 0,
} as const;

function accepted(orderId: number, clientOrderId: string, timestampMs: number, quantityLots = 10): AcceptedEvent {
  const order = { quantityLots, budgetUnits: 0n, expiresAtMs: 0, clientOrderId };
  return { ...FIELDS, ...order, kind: EventKind.ACCEPTED, eventSequence: orderId, timestampMs, orderId };
}

function cancelled(orderId: number, lots = 10): ExchangeEvent {
  return {
    ...FIELDS,
    kind: EventKind.CANCELLED,
    eventSequence: orderId + 1,
    timestampMs: 0,
    orderId,
    remainingAfterLots: 0,
    remainingAfterUnits: 0n,
    remainingBeforeLots: lots,
    remainingBeforeUnits: 0n,
    slot: -1,
    generation: 0,
    commandId: orderId,
    reason: CancelReason.IMMEDIATE_OR_CANCEL,
  };
}

test('a repeat is the same key, the same fields and less than 24 hours later', () => {
  const view = new OrderView();
  const first = accepted(1, 'c-17', 1_000);
  view.onEvent(first);
  const found = (event: AcceptedEvent, nowMs: number) => view.repeatedOrder(repeatKey(event), nowMs)?.orderId;
  expect(found(first, 1_000)).toBe(1);
  expect(found(first, 1_000 + DAY_MS - 1)).toBe(1);
  expect(found(first, 1_000 + DAY_MS)).toBeUndefined();
  expect(found({ ...first, makerRatePpm: 5 }, 1_000)).toBe(1); // fees are the exchange's, not the client's
  for (const other of [
    { ...first, keyId: 8 },
    { ...first, clientOrderId: 'c-18' },
    { ...first, priceTicks: 101 },
    { ...first, quantityLots: 11 },
    { ...first, instrumentId: 2 },
    { ...first, side: 1 as const },
    { ...first, flags: 1 },
    { ...first, timeInForce: 1 as const },
  ])
    expect(found(other, 1_000), JSON.stringify(other.clientOrderId)).toBeUndefined();
});

test('an id that is used again for another order: both stay repeatable, the newest is found by the id', () => {
  const view = new OrderView();
  const first = accepted(1, 'c', 1_000, 10);
  const second = accepted(2, 'c', 1_001, 20);
  view.onEvent(first);
  view.onEvent(second);
  expect(view.repeatedOrder(repeatKey(first), 2_000)?.orderId).toBe(1);
  expect(view.repeatedOrder(repeatKey(second), 2_000)?.orderId).toBe(2);
  expect(view.byClientOrderId(7, 'c')?.orderId).toBe(2);
  expect(view.byClientOrderId(8, 'c')).toBeUndefined();
});

test('texts of key and client order id never run into each other', () => {
  const view = new OrderView();
  view.onEvent({ ...accepted(1, '2 c', 0), keyId: 1 });
  expect(view.byClientOrderId(1, '2 c')?.orderId).toBe(1);
  expect(view.byClientOrderId(12, 'c')).toBeUndefined();
  expect(repeatKey({ ...accepted(1, '0 c', 0) })).not.toBe(repeatKey({ ...accepted(1, 'c', 0) }));
});

test('closed orders are forgotten oldest first, and live ones never', () => {
  const view = new OrderView(3);
  view.onEvent(accepted(1, 'live', 0));
  for (let orderId = 10; orderId < 20; orderId++) {
    const event = accepted(orderId, `c-${orderId}`, 0);
    view.onEvent(event);
    view.onEvent(cancelled(orderId));
    const kept = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19].filter((id) => view.order(id) !== undefined);
    expect(kept).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19].filter((id) => id <= orderId && id > orderId - 3));
  }
  expect(view.order(1)).toBeDefined();
  expect(view.byClientOrderId(7, 'c-12')).toBeUndefined();
  expect(view.repeatedOrder(repeatKey(accepted(12, 'c-12', 0)), 1)).toBeUndefined();
  expect(view.byClientOrderId(7, 'c-19')?.status).toBe('CANCELLED');
});

test('an event of an order that was never accepted, or is closed, is a broken fact', () => {
  const view = new OrderView();
  expect(() => view.onEvent(cancelled(5))).toThrow('never accepted');
  view.onEvent(accepted(5, '', 0));
  view.onEvent(cancelled(5));
  expect(() => view.onEvent(cancelled(5))).toThrow('closed order 5');
});
