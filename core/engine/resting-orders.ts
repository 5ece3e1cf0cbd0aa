import type { ExpiryQueue } from '../book/expiry-queue.ts';
import type { BookMemory } from '../book/order-book.ts';
import * as orderRecord from '../book/order-record.ts';
import { sideOfHead } from '../book/order-record.ts';
import * as commandRecord from '../protocol/command-record.ts';
import type { Side } from '../protocol/kinds.ts';
import * as kinds from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import type { Market } from './market.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { ORDER, ORDER_NUMBERS, ORDER_WORDS, TERMS, TERMS_NUMBERS } = orderRecord;
const { COMMAND, NEW_ORDER } = commandRecord;
const { OrderFlag, TimeInForce } = kinds;

/** The flag within the word of bytes 44 … 47 of the order fields. */
const UNTRIGGERED_IN_WORD = OrderFlag.UNTRIGGERED << 24;

/**
 * Puts orders where they rest or wait, and takes them out again: pool, books and expiry queue stay in step here and only
 * here. Orders come as records with the fields of NEW_ORDER whose command id is the order's id, and go as such.
 */
export class RestingOrders {
  readonly #memory: BookMemory;
  readonly #expiries: ExpiryQueue;

  /** Of the order to be rested. A field, since an argument beyond small integers costs an object. */
  lots = 0;

  constructor(memory: BookMemory, expiries: ExpiryQueue) {
    this.#memory = memory;
    this.#expiries = expiries;
  }

  /**
   * Rests `lots` of an order in the book, which has room for it.
   * @returns its slot
   */
  rest(market: Market, order: RecordWindow, at: number): number {
    const slot = this.#fill(order, at);
    market.book.rest(order.u8[at + COMMAND.SIDE] as Side, order.i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!, slot);
    return slot;
  }

  /** Lets a stop wait for its price; there is room. @returns its slot */
  wait(market: Market, order: RecordWindow, at: number, quantityLots: number): number {
    this.lots = quantityLots;
    const slot = this.#fill(order, at);
    const { orderU32 } = this.#memory.orders;
    const typeWord = slot * ORDER_WORDS + ORDER.TYPE_WORD;
    orderU32[typeWord] = orderU32[typeWord]! | UNTRIGGERED_IN_WORD;
    const stopTicks = order.i32[(at + NEW_ORDER.STOP_PRICE_TICKS) >> 2]!;
    market.stopBook(this.#memory).add(order.u8[at + COMMAND.SIDE] as Side, stopTicks, slot);
    return slot;
  }

  /** Puts a slot of an imported pool at the end of its queue. The expiry queue is rebuilt afterwards. */
  restore(market: Market, slot: number): void {
    const { orderI32 } = this.#memory.orders;
    const row = slot * ORDER_WORDS;
    const side = sideOfHead(orderI32[row + ORDER.HEAD]!);
    if (this.isUntriggered(slot)) {
      market.stopBook(this.#memory).add(side, orderI32[row + ORDER.STOP_PRICE_TICKS]!, slot);
    } else {
      market.book.rest(side, orderI32[row + ORDER.LIMIT_TICKS]!, slot);
    }
  }

  isUntriggered(slot: number): boolean {
    return (this.#memory.orders.orderU32[slot * ORDER_WORDS + ORDER.TYPE_WORD]! & UNTRIGGERED_IN_WORD) !== 0;
  }

  /** Takes a live order out, wherever it is; its slot is free afterwards. */
  remove(market: Market, slot: number): void {
    const { orderI32 } = this.#memory.orders;
    const row = slot * ORDER_WORDS;
    const typeWord = orderI32[row + ORDER.TYPE_WORD]!;
    const side = sideOfHead(orderI32[row + ORDER.HEAD]!);
    if (((typeWord >>> 8) & 0xff) === TimeInForce.GTD) this.#expiries.remove(slot);
    if ((typeWord & UNTRIGGERED_IN_WORD) !== 0) market.stopBook(this.#memory).remove(side, slot);
    else market.book.remove(side, slot);
  }

  /** Writes a live order as the record that it came as, with its total for its quantity; triggered, if it was a stop. */
  describe(slot: number, record: RecordWindow): void {
    const { orderF64, orderU32, terms } = this.#memory.orders;
    const row = slot * ORDER_WORDS;
    const { u32, f64 } = record;
    u32[COMMAND.KIND >> 2] = orderU32[row + ORDER.HEAD]!; // side and instrument too
    u32[COMMAND.ACCOUNT_ID >> 2] = orderU32[slot * ORDER_WORDS + ORDER.ACCOUNT_ID]!;
    f64[COMMAND.COMMAND_ID >> 3] = orderF64[slot * ORDER_NUMBERS + ORDER.ORDER_ID]!;
    u32[NEW_ORDER.KEY_ID >> 2] = orderU32[row + ORDER.KEY_ID]!;
    u32[NEW_ORDER.ORDER_TYPE >> 2] = orderU32[row + ORDER.TYPE_WORD]! & ~UNTRIGGERED_IN_WORD;
    u32[NEW_ORDER.PRICE_TICKS >> 2] = orderU32[row + ORDER.LIMIT_TICKS]!;
    u32[NEW_ORDER.STOP_PRICE_TICKS >> 2] = orderU32[row + ORDER.STOP_PRICE_TICKS]!;
    f64[NEW_ORDER.QUANTITY_LOTS >> 3] = terms[slot * TERMS_NUMBERS + TERMS.TOTAL_LOTS]!;
    f64[NEW_ORDER.EXPIRES_AT_MS >> 3] = terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS]!;
    u32[NEW_ORDER.MAKER_RATE_PPM >> 2] = orderU32[row + ORDER.MAKER_RATE_PPM]!;
    u32[NEW_ORDER.TAKER_RATE_PPM >> 2] = orderU32[row + ORDER.TAKER_RATE_PPM]!;
  }

  #fill(order: RecordWindow, at: number): number {
    const slot = this.#memory.orders.allocate();
    this.#memory.orders.orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS] = this.lots;
    this.#fillFields(order, at, slot);
    return slot;
  }

  /** All of an order's records but what rests of it and where. */
  #fillFields(order: RecordWindow, at: number, slot: number): void {
    const { orderF64, orderI32, orderI64, terms } = this.#memory.orders;
    const { u8, f64, i64 } = order;
    const number = at >> 3;
    orderF64[slot * ORDER_NUMBERS + ORDER.ORDER_ID] = f64[number + (COMMAND.COMMAND_ID >> 3)]!;
    orderI32[slot * ORDER_WORDS + ORDER.ACCOUNT_ID] = order.i32[(at >> 2) + (COMMAND.ACCOUNT_ID >> 2)]!;
    const row = slot * ORDER_WORDS;
    const pair = row >> 1; // key and type, limit and stop price, both rates: two words at a time
    orderI64[pair + (ORDER.KEY_ID >> 1)] = i64[number + (NEW_ORDER.KEY_ID >> 3)]!;
    orderI64[pair + (ORDER.LIMIT_TICKS >> 1)] = i64[number + (NEW_ORDER.PRICE_TICKS >> 3)]!;
    orderI64[pair + (ORDER.MAKER_RATE_PPM >> 1)] = i64[number + (NEW_ORDER.MAKER_RATE_PPM >> 3)]!;
    orderI32[row + ORDER.HEAD] = order.i32[at >> 2]! & ~0xff; // its first byte is the record's kind
    const term = slot * TERMS_NUMBERS;
    terms[term + TERMS.TOTAL_LOTS] = f64[number + (NEW_ORDER.QUANTITY_LOTS >> 3)]!;
    if (u8[at + NEW_ORDER.TIME_IN_FORCE] === TimeInForce.GTD) {
      terms[term + TERMS.EXPIRES_AT_MS] = f64[number + (NEW_ORDER.EXPIRES_AT_MS >> 3)]!;
      this.#expiries.add(slot);
    } else {
      terms[term + TERMS.EXPIRES_AT_MS] = 0;
    }
  }
}
