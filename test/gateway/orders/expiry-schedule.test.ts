import pino from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { CommandKind, EventKind, TimeInForce } from '../../../core/protocol/kinds.ts';
import { ExpirySchedule } from '../../../gateway/orders/expiry-schedule.ts';
import { OrderView } from '../../../gateway/orders/order-view.ts';
import { CommandStream } from '../../support/command-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';

const START_MS = 1_000_000;
const DAY_MS = 86_400_000;

let view: OrderView;
let schedule: ExpirySchedule;
let sequence: number;
let told: number[]; // moments at which the core was told the time
let clockMs: () => number;
let refusals: number; // of the next attempts
let logged: string[];

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
  view = new OrderView();
  clockMs = () => Date.now();
  logged = [];
  const logger = pino({}, { write: (line: string) => void logged.push(line) });
  schedule = new ExpirySchedule(view, { nowMs: () => clockMs() }, logger);
  sequence = 0;
  told = [];
  refusals = 0;
});
afterEach(() => {
  schedule.stop();
  vi.useRealTimers();
});

const ORDER = {
  ...{ commandSequence: 1, isLastOfCommand: false, timestampMs: START_MS, instrumentId: 1, accountId: 101 },
  ...{ side: 0, keyId: 7, orderType: 0, timeInForce: TimeInForce.GTD, selfTradePrevention: 0, flags: 0 },
  ...{ priceTicks: 100, stopPriceTicks: 0, makerRatePpm: 0, takerRatePpm: 0 },
} as const;
const STATE = {
  ...{ remainingAfterLots: 10, remainingAfterUnits: 0n, remainingBeforeLots: 10, remainingBeforeUnits: 0n },
  ...{ slot: 3, generation: 1, commandId: 1 },
};

function happen(body: object): void {
  sequence += 1;
  const event = { ...ORDER, ...STATE, eventSequence: sequence, ...body } as unknown as ExchangeEvent;
  view.onEvent(event);
  schedule.onEvent(event);
  schedule.onTurnEnd();
}

function rest(orderId: number, expiresAtMs: number): void {
  schedule.orders.add(orderId, expiresAtMs); // as the publisher does
  recover(orderId, expiresAtMs);
}

/** An order that rests since before the start. */
function recover(orderId: number, expiresAtMs: number): void {
  happen({ kind: EventKind.ACCEPTED, orderId, quantityLots: 10, budgetUnits: 0n, expiresAtMs, clientOrderId: '' });
  happen({ kind: EventKind.BOOKED, orderId });
}

/** What the core does with a TIME command, as far as the view knows of it. */
async function advanceTime(): Promise<void> {
  if (refusals > 0) {
    refusals -= 1;
    throw new Error('the ring is full');
  }
  told.push(Date.now() - START_MS);
  for (const order of [...view.liveOrders()])
    if (order.expiresAtMs !== 0 && order.expiresAtMs <= clockMs())
      happen({ kind: EventKind.EXPIRED, orderId: order.orderId });
}

test('the time is told when the next order is due, once for all that are, and never otherwise', async () => {
  await schedule.start(advanceTime);
  expect(vi.getTimerCount()).toBe(0);
  rest(1, START_MS + 5_000);
  rest(2, START_MS + 1_000);
  rest(3, START_MS + 1_000);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(999);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual([1_000]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual([1_000, 5_000]);
  expect(vi.getTimerCount()).toBe(0);
});

test('orders that are gone by then make no timer fire', async () => {
  await schedule.start(advanceTime);
  rest(1, START_MS + 1_000);
  rest(2, START_MS + 2_000);
  happen({ kind: EventKind.CANCELLED, orderId: 1, reason: 1 });
  await vi.advanceTimersByTimeAsync(1_999);
  expect(told).toEqual([]);
  happen({ kind: EventKind.CANCELLED, orderId: 2, reason: 1 });
  expect(vi.getTimerCount()).toBe(0);
});

test('what expired before the start is gone when the start is over', async () => {
  recover(1, START_MS - 5);
  recover(2, START_MS + 5);
  await schedule.start(advanceTime);
  expect(told).toEqual([0]);
  expect(view.order(1)?.status).toBe('EXPIRED');
  await vi.advanceTimersByTimeAsync(5);
  expect(told).toEqual([0, 5]);
});

test('an order beyond the longest timer, a clock that runs behind the timers, and no room at first', async () => {
  await schedule.start(advanceTime);
  rest(1, START_MS + DAY_MS);
  clockMs = () => Date.now() - 7; // each timer fires early
  refusals = 2;
  await vi.advanceTimersByTimeAsync(DAY_MS);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toEqual([DAY_MS + 7 + 100]); // two refusals, 50 ms each
  expect(logged).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
});

test('a host that slept past an expiry, whose timers stood still: it is told within a minute of the wake', async () => {
  await schedule.start(advanceTime);
  rest(1, START_MS + DAY_MS);
  clockMs = () => Date.now() + DAY_MS;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(view.order(1)?.status).toBe('EXPIRED');
});

test('after the end nothing is told', async () => {
  await schedule.start(advanceTime);
  rest(1, START_MS + 1_000);
  schedule.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told).toEqual([]);
});

/** Through random lives of orders of every kind: it waits for exactly the earliest of those that live. */
for (const seed of process.env.SEED === undefined ? [9_100, 9_101, 9_102, 9_103] : [Number(process.env.SEED)])
  test(`the timer stands at the earliest expiry of all live orders (SEED=${seed})`, async () => {
    const stream = new CommandStream(seed);
    const harness = new EngineHarness({ limits: stream.limits });
    clockMs = () => 0; // the stream tells the time itself
    const timers = vi.spyOn(globalThis, 'setTimeout');
    await schedule.start(advanceTime);
    let seen = 0;
    for (let step = 0; step < 1_500; step++) {
      const command = stream.next();
      if (command.kind === CommandKind.NEW_ORDER && command.order.timeInForce === TimeInForce.GTD)
        schedule.orders.add(command.header.commandId, command.order.expiresAtMs);
      const events = harness.apply(command);
      stream.observe(events);
      for (const event of events) {
        view.onEvent(event);
        schedule.onEvent(event);
      }
      timers.mockClear();
      schedule.onTurnEnd();
      const live = [...view.liveOrders()].filter(({ timeInForce }) => timeInForce === TimeInForce.GTD);
      expect(vi.getTimerCount(), `SEED=${seed} step=${step}`).toBe(live.length === 0 ? 0 : 1);
      const [call] = timers.mock.calls;
      if (call === undefined) continue;
      const earliest = Math.min(...live.map(({ expiresAtMs }) => expiresAtMs));
      expect(call[1], `SEED=${seed} step=${step}`).toBe(Math.min(earliest, 60_000));
      seen += 1;
    }
    expect(seen).toBeGreaterThan(10);
    timers.mockRestore();
  });
