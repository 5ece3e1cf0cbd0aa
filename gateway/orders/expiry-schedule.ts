import type { Logger } from 'pino';
import type { Clock } from '../../core/ports/clock.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind, TimeInForce } from '../../core/protocol/kinds.ts';
import type { EventListener } from './event-reader.ts';
import { ExpiryHeap } from './expiry-heap.ts';
import type { OrderView } from './order-view.ts';

/** Timers stand still while the host sleeps: whoever waits longer looks again. */
const LONGEST_TIMER_MS = 60_000;
/** After which the time is told again when there was no room for it. */
const RETRY_MS = 50;

/**
 * Tells the core the time when the next good-til-date order is due, and only then: nothing in the core reads a clock, and
 * an exchange at rest stays at rest. What may trade before the timer fires tells it first (command-publisher.ts).
 */
export class ExpirySchedule implements EventListener {
  readonly #view: OrderView;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Orders that live or are on their way, each from its publication on; the publisher adds them. */
  readonly orders = new ExpiryHeap();
  #advanceTime: (() => Promise<void>) | null = null; // null before the start and after the end
  #isAdvancing = false;
  #timer: NodeJS.Timeout | null = null;
  #timerDueMs = 0; // what the timer was set for

  constructor(view: OrderView, clock: Clock, logger: Logger) {
    this.#view = view;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Begins with the orders that live now. Once, when the core has recovered.
   * @param advanceTime publishes a TIME command; resolves when its events have passed
   * @returns when the orders are gone whose time came while nobody was there to say so
   */
  async start(advanceTime: () => Promise<void>): Promise<void> {
    for (const order of this.#view.liveOrders())
      if (order.timeInForce === TimeInForce.GTD) this.orders.add(order.orderId, order.expiresAtMs);
    this.#advanceTime = advanceTime;
    if (this.#isDue()) await this.#advance();
    this.#setTimer();
  }

  stop(): void {
    this.#advanceTime = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  onEvent(event: ExchangeEvent): void {
    switch (event.kind) {
      case EventKind.REJECTED:
      case EventKind.CANCELLED:
      case EventKind.EXPIRED:
        this.orders.remove(event.orderId);
        break;
      case EventKind.FILLED:
        if (event.makerRemainingLots === 0) this.orders.remove(event.makerOrderId);
        if (event.takerRemainingLots === 0) this.orders.remove(event.takerOrderId);
        break;
      default: // nothing else ends an order
    }
  }

  onTurnEnd(): void {
    this.#setTimer();
  }

  /** One timer at most, for the earliest expiry. */
  #setTimer(): void {
    if (this.#advanceTime === null || this.#isAdvancing) return;
    const dueMs = this.orders.firstMs;
    if (this.#timer !== null) {
      if (dueMs === this.#timerDueMs) return;
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    if (dueMs === undefined) return;
    this.#timerDueMs = dueMs;
    const waitMs = Math.max(1, Math.min(dueMs - this.#clock.nowMs(), LONGEST_TIMER_MS));
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#isDue()) void this.#advance().then(() => this.#setTimer());
      else this.#setTimer(); // it came a little early, or the expiry is farther away
    }, waitMs);
  }

  #isDue(): boolean {
    const dueMs = this.orders.firstMs;
    return dueMs !== undefined && dueMs <= this.#clock.nowMs();
  }

  /** Tries until it is told, or nobody wants to hear it any more. */
  async #advance(): Promise<void> {
    this.#isAdvancing = true;
    let isWarned = false;
    while (this.#advanceTime !== null) {
      try {
        await this.#advanceTime();
        break;
      } catch (error) {
        if (!isWarned)
          this.#logger.warn({ err: error }, 'the core could not be told the time; orders that are due wait for it');
        isWarned = true; // a stalled disk may take a thousand tries
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.#isAdvancing = false;
  }
}
