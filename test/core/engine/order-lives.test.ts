import { describe, expect, test } from 'vitest';
import type { Instrument } from '../../../core/money/instrument.ts';
import { baseUnits, notionalUnits } from '../../../core/money/instrument.ts';
import { amendHoldUnits, budgetNeedUnits, needUnits, splitBuyFill } from '../../../core/money/need.ts';
import type {
  AcceptedEvent,
  AmendedEvent,
  ExchangeEvent,
  FilledEvent,
  ReducedEvent,
} from '../../../core/protocol/event-decoder.ts';
import { EventKind, OrderFlag, Side } from '../../../core/protocol/kinds.ts';
import { CommandStream, STREAM_INSTRUMENTS } from '../../support/command-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';

const seedCount = process.env.RINGBOOK_TEST_LONG === undefined ? 40 : 1_000;
const seeds =
  process.env.SEED === undefined
    ? Array.from({ length: seedCount }, (_, index) => index + 1)
    : [Number(process.env.SEED)];

/** Kinds of changes that any seed has met. */
const met = new Set<string>();

describe('every order life gives back, pays and is charged exactly what was held', () => {
  for (const seed of seeds) {
    test(`SEED=${seed}`, () => {
      const stream = new CommandStream(seed);
      const harness = new EngineHarness({ limits: stream.limits });
      const lives = new OrderLives();
      for (let step = 0; step < 2_000; step++) {
        const events = harness.apply(stream.next());
        stream.observe(events);
        for (const event of events) lives.add(event);
      }
      expect(lives.openOrders).toBe(harness.engine.restingOrders);
      expect(lives.closedOrders).toBeGreaterThan(0);
    });
  }
});

if (process.env.SEED === undefined)
  test('the lives met every way in which a need changes', () => {
    expect([...met].sort()).toEqual([
      'amended larger at a higher limit',
      'amended larger at a lower limit',
      'amended larger at the same limit',
      'amended smaller at a higher limit',
      'amended smaller at a lower limit',
      'amended smaller at the same limit',
      'closed by budget',
      'closed in lots',
      'filled by budget',
      'filled in lots',
      'reduced by budget',
      'reduced in lots',
    ]);
  });

/** Lots, or of an order by budget quote units. */
type Remaining = bigint;

class OrderLife {
  readonly #order: AcceptedEvent;
  readonly #instrument: Instrument;
  readonly #unit: 'in lots' | 'by budget';
  #limitTicks: number;
  #remaining: Remaining;
  #total: number;
  #heldUnits: bigint;

  constructor(order: AcceptedEvent) {
    this.#order = order;
    this.#instrument = STREAM_INSTRUMENTS.find((instrument) => instrument.instrumentId === order.instrumentId)!;
    this.#unit = (order.flags & OrderFlag.BY_BUDGET) === 0 ? 'in lots' : 'by budget';
    this.#limitTicks = order.priceTicks;
    this.#remaining = this.#unit === 'in lots' ? BigInt(order.quantityLots) : order.budgetUnits;
    this.#total = order.quantityLots;
    this.#heldUnits = this.#need(this.#remaining);
    expect(this.#heldUnits > 0n).toBe(true);
  }

  fill(event: FilledEvent, ratePpm: number, afterLots: number, afterUnits: bigint): void {
    const { priceTicks, quantityLots } = event;
    const paidUnits = notionalUnits(this.#instrument, priceTicks, quantityLots);
    const before = this.#need(this.#remaining);
    this.#remaining -= this.#unit === 'in lots' ? BigInt(quantityLots) : paidUnits;
    this.#expectRemaining(afterLots, afterUnits);
    if (this.#order.side === Side.BUY) {
      expect(priceTicks).toBeLessThanOrEqual(this.#limitTicks);
      const split = splitBuyFill(before, this.#need(this.#remaining), paidUnits, ratePpm);
      for (const [part, units] of Object.entries(split)) if (units < 0n) expect.fail(`${part} ${units}`);
      this.#heldUnits -= split.paidUnits + split.feeUnits + split.releasedUnits;
    } else {
      expect(priceTicks).toBeGreaterThanOrEqual(this.#limitTicks);
      this.#heldUnits -= baseUnits(this.#instrument, quantityLots);
    }
    met.add(`filled ${this.#unit}`);
    this.#expectHeldIsNeed();
  }

  reduce(event: ReducedEvent): void {
    this.#expectRemaining(event.remainingBeforeLots, event.remainingBeforeUnits);
    const before = this.#need(this.#remaining);
    this.#remaining = this.#unit === 'in lots' ? BigInt(event.remainingAfterLots) : event.remainingAfterUnits;
    const released = before - this.#need(this.#remaining);
    if (released < 0n) expect.fail(`a reduction releases ${released}`);
    this.#heldUnits -= released;
    met.add(`reduced ${this.#unit}`);
    this.#expectHeldIsNeed();
  }

  /** The hold is computed from what a gateway may have last seen: the order as it was before anything happened to it. */
  amend(event: AmendedEvent): void {
    const { side } = this.#order;
    expect(event.priceTicksBefore).toBe(this.#limitTicks);
    this.#expectRemaining(event.remainingBeforeLots, 0n);
    const seen = { limitTicks: this.#limitTicks, totalLots: this.#total };
    const holds = [this.#total, Number(this.#remaining)].map((remainingLots) =>
      amendHoldUnits(
        this.#instrument,
        side,
        { ...seen, remainingLots },
        event.priceTicks,
        event.totalLots,
        this.#order,
      ),
    );
    const before = this.#need(this.#remaining);
    this.#noteAmendment(event);
    this.#remaining += BigInt(event.totalLots - this.#total);
    this.#limitTicks = event.priceTicks;
    this.#total = event.totalLots;
    expect(this.#remaining).toBe(BigInt(event.remainingAfterLots));
    const after = this.#need(this.#remaining);
    for (const held of holds) if (before + held - after < 0n) expect.fail(`an amend that held ${held} lacks funds`);
    this.#heldUnits += after - before;
  }

  close(remainingBeforeLots: number, remainingBeforeUnits: bigint): void {
    this.#expectRemaining(remainingBeforeLots, remainingBeforeUnits);
    this.#heldUnits -= this.#need(this.#remaining);
    this.#remaining = 0n;
    met.add(`closed ${this.#unit}`);
    this.#expectHeldIsNeed();
  }

  get isClosed(): boolean {
    return this.#remaining === 0n;
  }

  #noteAmendment({ totalLots, priceTicks }: AmendedEvent): void {
    if (totalLots === this.#total || this.#order.side === Side.SELL) return;
    const size = totalLots > this.#total ? 'larger' : 'smaller';
    const limit = priceTicks > this.#limitTicks ? 'a higher' : priceTicks < this.#limitTicks ? 'a lower' : 'the same';
    met.add(`amended ${size} at ${limit} limit`);
  }

  #expectRemaining(lots: number, units: bigint): void {
    expect(this.#remaining).toBe(this.#unit === 'in lots' ? BigInt(lots) : units);
  }

  /** Of a closed order this is: nothing is held any more, to the unit. */
  #expectHeldIsNeed(): void {
    if (this.#heldUnits < 0n) expect.fail(`order ${this.#order.orderId} holds ${this.#heldUnits}`);
    expect(this.#heldUnits).toBe(this.#need(this.#remaining));
  }

  #need(remaining: Remaining): bigint {
    if (this.#unit === 'by budget') return budgetNeedUnits(remaining, this.#order);
    return needUnits(this.#instrument, this.#order.side, this.#limitTicks, Number(remaining), this.#order);
  }
}

class OrderLives {
  readonly #open = new Map<number, OrderLife>();
  closedOrders = 0;

  get openOrders(): number {
    return this.#open.size;
  }

  add(event: ExchangeEvent): void {
    switch (event.kind) {
      case EventKind.ACCEPTED:
        this.#open.set(event.orderId, new OrderLife(event));
        break;
      case EventKind.FILLED:
        this.#life(event.makerOrderId).fill(event, event.makerMakerRatePpm, event.makerRemainingLots, 0n);
        this.#life(event.takerOrderId).fill(
          event,
          event.takerTakerRatePpm,
          event.takerRemainingLots,
          event.takerRemainingUnits,
        );
        this.#closeIfDone(event.makerOrderId);
        this.#closeIfDone(event.takerOrderId);
        break;
      case EventKind.REDUCED:
        this.#life(event.orderId).reduce(event);
        break;
      case EventKind.AMENDED:
        this.#life(event.orderId).amend(event);
        break;
      case EventKind.CANCELLED:
      case EventKind.EXPIRED:
        this.#life(event.orderId).close(event.remainingBeforeLots, event.remainingBeforeUnits);
        this.#closeIfDone(event.orderId);
        break;
      default: // no money moves
    }
  }

  #life(orderId: number): OrderLife {
    const life = this.#open.get(orderId);
    if (life === undefined) throw new Error(`an event of order ${orderId}, which is closed or was never accepted`);
    return life;
  }

  #closeIfDone(orderId: number): void {
    if (!this.#life(orderId).isClosed) return;
    this.#open.delete(orderId);
    this.closedOrders += 1;
  }
}
