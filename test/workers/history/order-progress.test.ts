import { expect, test } from 'vitest';
import { Catalogue } from '../../../core/money/catalogue.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import {
  CancelReason,
  EventKind,
  OrderType,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../../core/protocol/kinds.ts';
import { OpenOrders } from '../../../workers/audit/open-orders.ts';
import { define } from '../../../workers/definitions/define.ts';
import { advanceOrders, changedOrderIds, type MutableOrder } from '../../../workers/history/order-progress.ts';
import { CommandStream } from '../../support/command-stream.ts';
import { defaultCatalogue } from '../../support/default-catalogue.ts';
import { EngineHarness } from '../../support/engine-harness.ts';

const HEADER = {
  commandSequence: 1,
  isLastOfCommand: false,
  instrumentId: 1,
  accountId: 100,
  orderId: 5,
  side: Side.BUY,
  keyId: 3,
  orderType: OrderType.LIMIT,
  timeInForce: TimeInForce.GTC,
  selfTradePrevention: SelfTradePrevention.DECREMENT,
  flags: 0,
  priceTicks: 1_000,
  stopPriceTicks: 0,
  makerRatePpm: 0,
  takerRatePpm: 0,
} as const;
const ACCEPTED = { quantityLots: 10, budgetUnits: 0n, expiresAtMs: 0, clientOrderId: '' };

/** What an order's events say beside the shared fields. */
function state(remainingBeforeLots: number, remainingAfterLots: number, slot = -1) {
  const units = { remainingBeforeUnits: 0n, remainingAfterUnits: 0n };
  return { remainingBeforeLots, remainingAfterLots, ...units, slot, generation: slot === -1 ? 0 : 4, commandId: 9 };
}

/** @returns the order after each event */
function progress(...bodies: readonly object[]): MutableOrder[] {
  const orders = new Map<number, MutableOrder>();
  return bodies.map((body, index) => {
    const event = { ...HEADER, eventSequence: index + 1, timestampMs: 1_000 + index, ...body } as ExchangeEvent;
    if (event.kind !== EventKind.ACCEPTED) expect(changedOrderIds(event)).toEqual([5]);
    advanceOrders(orders, event, defaultCatalogue());
    return { ...orders.get(5)! };
  });
}

test('a stop waits at its slot, acts when triggered, and rests', () => {
  const stop = { orderType: OrderType.STOP_LIMIT, stopPriceTicks: 990 };
  const [, placed, triggered, booked] = progress(
    { kind: EventKind.ACCEPTED, ...stop, ...ACCEPTED },
    { kind: EventKind.STOP_PLACED, ...stop, ...state(10, 10, 7) },
    { kind: EventKind.TRIGGERED, ...stop, ...state(10, 10) },
    { kind: EventKind.BOOKED, ...stop, ...state(10, 10, 8) },
  );
  expect(placed).toMatchObject({ status: 'WAITING', slot: 7, generation: 4, closedMs: null });
  expect(triggered).toMatchObject({ status: 'ARRIVING', slot: -1, generation: 0, lastSequence: 3 });
  expect(booked).toMatchObject({ status: 'RESTING', slot: 8, remainingLots: 10, stopPriceTicks: 990 });
});

test('an amend sets total and limit; the order keeps its place, or acts anew', () => {
  const [, , smaller, dearer, booked] = progress(
    { kind: EventKind.ACCEPTED, ...ACCEPTED },
    { kind: EventKind.BOOKED, ...state(10, 10, 7) },
    { kind: EventKind.AMENDED, ...state(10, 6, 7), totalLots: 6, heldUnits: 0n, priceTicksBefore: 1_000 },
    {
      kind: EventKind.AMENDED,
      ...state(6, 8),
      totalLots: 8,
      heldUnits: 5n,
      priceTicksBefore: 1_000,
      priceTicks: 1_100,
    },
    { kind: EventKind.BOOKED, ...state(8, 8, 9), priceTicks: 1_100 },
  );
  expect(smaller).toMatchObject({ quantityLots: 6, remainingLots: 6, status: 'RESTING', slot: 7, priceTicks: 1_000 });
  expect(dearer).toMatchObject({ quantityLots: 8, remainingLots: 8, status: 'ARRIVING', slot: -1, priceTicks: 1_100 });
  expect(booked).toMatchObject({ status: 'RESTING', slot: 9, createdMs: 1_000, lastSequence: 5 });
});

test('an order that is reduced lives on; one that expires is closed with what remained', () => {
  const [, , reduced, expired] = progress(
    { kind: EventKind.ACCEPTED, ...ACCEPTED },
    { kind: EventKind.BOOKED, ...state(10, 10, 7) },
    { kind: EventKind.REDUCED, ...state(10, 4, 7), reason: CancelReason.SELF_TRADE },
    { kind: EventKind.EXPIRED, ...state(4, 0, 7) },
  );
  expect(reduced).toMatchObject({ status: 'RESTING', remainingLots: 4, executedLots: 0, quantityLots: 10 });
  expect(expired).toMatchObject({ status: 'EXPIRED', remainingLots: 4, closedMs: 1_003, slot: -1, cancelReason: null });
});

test('events that contradict those before them are refused by name', () => {
  expect(() => progress({ kind: EventKind.BOOKED, ...state(10, 10, 7) })).toThrow('event 1 changes order 5');
  const accepted = { kind: EventKind.ACCEPTED, ...ACCEPTED };
  expect(() => progress(accepted, accepted)).toThrow('event 2 accepts order 5 again');
  const cancelled = { kind: EventKind.CANCELLED, ...state(10, 0), reason: CancelReason.REQUESTED };
  expect(() => progress(accepted, cancelled, cancelled)).toThrow('event 3 changes order 5, which is CANCELLED');
});

test('a kind without a rule is refused, not ignored', () => {
  const unknown = { kind: 77, eventSequence: 8 } as unknown as ExchangeEvent;
  expect(() => changedOrderIds(unknown)).toThrow('no rule for kind 77');
  expect(() => advanceOrders(new Map(), unknown, defaultCatalogue())).toThrow('event 8');
});

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test.each([0, 1, 2, 3])(`orders that live are those that the core holds (SEED=${seed} + %i)`, (offset) => {
  const stream = new CommandStream(seed + offset);
  const { limits } = stream;
  const harness = new EngineHarness({ limits });
  const catalogue = new Catalogue();
  const orders = new Map<number, MutableOrder>();
  const openOrders = new OpenOrders();
  for (let command = 0; command < 1_500; command++) {
    const events = harness.apply(stream.next());
    stream.observe(events);
    for (const event of events) {
      define(catalogue, event);
      advanceOrders(orders, event, catalogue);
      expect(openOrders.apply(event)).toBeNull();
    }
    const live = [...orders.values()].filter(({ closedMs }) => closedMs === null);
    expect(live.length).toBe(harness.engine.restingOrders);
    expect(openOrders.count).toBe(live.length);
    expect(new Set(live.map(({ slot }) => slot)).size).toBe(live.length);
    for (const { status, slot } of live) if (slot < 0 || status === 'ARRIVING') expect({ slot, status }).toBe(null);
    for (const order of orders.values()) if (order.closedMs !== null) orders.delete(order.orderId);
  }
});
