import { describe, expect, test } from 'vitest';
import type { Instrument } from '../../../core/money/instrument.ts';
import { baseUnits, notionalUnits } from '../../../core/money/instrument.ts';
import { needUnits, splitBuyFill } from '../../../core/money/need.ts';
import type { AcceptedEvent, ExchangeEvent, FilledEvent } from '../../../core/protocol/event-decoder.ts';
import { EventKind, Side } from '../../../core/protocol/kinds.ts';
import { CommandStream, STREAM_INSTRUMENTS } from '../../support/command-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';

const seedCount = process.env.RINGBOOK_TEST_LONG === undefined ? 40 : 1_000;
const seeds =
  process.env.SEED === undefined
    ? Array.from({ length: seedCount }, (_, index) => index + 1)
    : [Number(process.env.SEED)];

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

class OrderLife {
  readonly #order: AcceptedEvent;
  readonly #instrument: Instrument;
  #remainingLots: number;
  #heldUnits: bigint;

  constructor(order: AcceptedEvent) {
    this.#order = order;
    this.#instrument = STREAM_INSTRUMENTS.find((instrument) => instrument.instrumentId === order.instrumentId)!;
    this.#remainingLots = order.quantityLots;
    this.#heldUnits = this.#need(order.quantityLots);
    expect(this.#heldUnits > 0n).toBe(true);
  }

  fill(event: FilledEvent, ratePpm: number, remainingAfterLots: number): void {
    const { priceTicks, quantityLots } = event;
    const paidUnits = notionalUnits(this.#instrument, priceTicks, quantityLots);
    const before = this.#need(this.#remainingLots);
    this.#remainingLots -= quantityLots;
    expect(this.#remainingLots).toBe(remainingAfterLots);
    if (this.#order.side === Side.BUY) {
      expect(priceTicks).toBeLessThanOrEqual(this.#order.priceTicks);
      const split = splitBuyFill(before, this.#need(this.#remainingLots), paidUnits, ratePpm);
      for (const [part, units] of Object.entries(split)) if (units < 0n) expect.fail(`${part} ${units}`);
      this.#heldUnits -= split.paidUnits + split.feeUnits + split.releasedUnits;
    } else {
      expect(priceTicks).toBeGreaterThanOrEqual(this.#order.priceTicks);
      this.#heldUnits -= baseUnits(this.#instrument, quantityLots);
    }
    this.#expectHeldIsNeed();
  }

  cancel(remainingBeforeLots: number): void {
    expect(this.#remainingLots).toBe(remainingBeforeLots);
    this.#heldUnits -= this.#need(remainingBeforeLots);
    this.#remainingLots = 0;
    this.#expectHeldIsNeed();
  }

  get isClosed(): boolean {
    return this.#remainingLots === 0;
  }

  /** Of a closed order this is: nothing is held any more, to the unit. */
  #expectHeldIsNeed(): void {
    if (this.#heldUnits < 0n) expect.fail(`order ${this.#order.orderId} holds ${this.#heldUnits}`);
    expect(this.#heldUnits).toBe(this.#need(this.#remainingLots));
  }

  #need(remainingLots: number): bigint {
    return needUnits(this.#instrument, this.#order.side, this.#order.priceTicks, remainingLots, this.#order);
  }
}

class OrderLives {
  readonly #open = new Map<number, OrderLife>();
  closedOrders = 0;

  get openOrders(): number {
    return this.#open.size;
  }

  add(event: ExchangeEvent): void {
    if (event.kind === EventKind.ACCEPTED) {
      this.#open.set(event.orderId, new OrderLife(event));
    } else if (event.kind === EventKind.FILLED) {
      this.#life(event.makerOrderId).fill(event, event.makerMakerRatePpm, event.makerRemainingLots);
      this.#life(event.takerOrderId).fill(event, event.takerTakerRatePpm, event.takerRemainingLots);
      this.#closeIfDone(event.makerOrderId);
      this.#closeIfDone(event.takerOrderId);
    } else if (event.kind === EventKind.CANCELLED) {
      this.#life(event.orderId).cancel(event.remainingBeforeLots);
      this.#closeIfDone(event.orderId);
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
