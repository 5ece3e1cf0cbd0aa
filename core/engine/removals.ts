import { fail } from '../assert.ts';
import type { ExpiryQueue } from '../book/expiry-queue.ts';
import type { BookMemory } from '../book/order-book.ts';
import * as orderRecord from '../book/order-record.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as kinds from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import type { Market } from './market.ts';
import type { CommandContext, OrderEvents } from './order-events.ts';
import type { RestingOrders } from './resting-orders.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { ORDER, ORDER_NUMBERS, ORDER_WORDS, NIL, TERMS, TERMS_NUMBERS } = orderRecord;
const { COMMAND, MASS_CANCEL } = commandRecord;
const { CancelReason } = kinds;

/** @returns undefined for an instrument that is not defined */
export type MarketOf = (instrumentId: number) => Market | undefined;

/** Takes many orders away at once, each with an event of its own, and counts them in a last one. */
export class Removals {
  readonly #memory: BookMemory;
  readonly #expiries: ExpiryQueue;
  readonly #resting: RestingOrders;
  readonly #events: OrderEvents;
  readonly #context: CommandContext;
  readonly #marketOf: MarketOf;

  constructor(
    memory: BookMemory,
    expiries: ExpiryQueue,
    resting: RestingOrders,
    events: OrderEvents,
    context: CommandContext,
    marketOf: MarketOf,
  ) {
    this.#memory = memory;
    this.#expiries = expiries;
    this.#resting = resting;
    this.#events = events;
    this.#context = context;
    this.#marketOf = marketOf;
  }

  /**
   * Cancels every live order of the account, of one instrument and one key if the command says so, in the order of their
   * slots: it reads the slots ever used in one sweep, without a list per account to keep up with every order.
   */
  massCancel(command: RecordWindow, at: number): void {
    const { orders } = this.#memory;
    const { orderF64, orderI32, orderU32 } = orders;
    const accountId = command.u32[(at + COMMAND.ACCOUNT_ID) >> 2]!;
    const instrumentId = command.u16[(at + COMMAND.INSTRUMENT_ID) >> 1]!;
    const keyId = command.u32[(at + MASS_CANCEL.KEY_ID) >> 2]!;
    const end = orders.neverUsedSlot;
    let cancelledOrders = 0;
    for (let slot = 0; slot < end; slot++) {
      if (orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS] === 0) continue;
      if (accountId !== 0 && orderU32[slot * ORDER_WORDS + ORDER.ACCOUNT_ID] !== accountId) continue;
      const row = slot * ORDER_WORDS;
      if (instrumentId !== 0 && orderI32[row + ORDER.HEAD]! >>> 16 !== instrumentId) continue;
      if (keyId !== 0 && orderU32[row + ORDER.KEY_ID] !== keyId) continue;
      this.#events.restingCancelled(slot, CancelReason.MASS_CANCELLED);
      this.#resting.remove(this.#marketOfSlot(slot), slot);
      cancelledOrders += 1;
    }
    this.#events.massCancelled(command, at, cancelledOrders);
  }

  /** Ends every order whose expiry has come: the earliest first, at one time the lowest order id. */
  advanceTime(): void {
    const { terms } = this.#memory.orders;
    const { timestampMs } = this.#context;
    let expiredOrders = 0;
    for (let slot = this.#expiries.first(); slot !== NIL; slot = this.#expiries.first()) {
      if (terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS]! > timestampMs) break;
      this.#events.restingExpired(slot);
      this.#resting.remove(this.#marketOfSlot(slot), slot);
      expiredOrders += 1;
    }
    this.#events.timeAdvanced(expiredOrders);
  }

  #marketOfSlot(slot: number): Market {
    const instrumentId = this.#memory.orders.orderI32[slot * ORDER_WORDS + ORDER.HEAD]! >>> 16;
    return (
      this.#marketOf(instrumentId) ?? fail(`slot ${slot} rests in instrument ${instrumentId}, which is not defined`)
    );
  }
}
