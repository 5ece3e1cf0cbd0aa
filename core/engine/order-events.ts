import type { OrderPool } from '../book/order-pool.ts';
import * as orderRecord from '../book/order-record.ts';
import { sideOfHead } from '../book/order-record.ts';
import * as clientOrderId from '../protocol/client-order-id.ts';
import { copyContinuation, slotsForClientOrderId } from '../protocol/client-order-id.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as eventRecord from '../protocol/event-record.ts';
import type { CancelReason, RejectReason, Side } from '../protocol/kinds.ts';
import * as kinds from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import * as recordWindow from '../protocol/record-window.ts';
import type { EventWriter } from './event-writer.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { ORDER, ORDER_NUMBERS, ORDER_WORDS } = orderRecord;
const { CLIENT_ORDER_ID } = clientOrderId;
const { AMEND_ORDER, CANCEL_ORDER, COMMAND, MASS_CANCEL, NEW_ORDER } = commandRecord;
const { AMENDED, EVENT, FILLED, MASS_CANCELLED, NOT_RESTING, ORDER_STATE, TIME_ADVANCED } = eventRecord;
const { EventKind, OrderFlag } = kinds;
type EventKind = kinds.EventKind;
const { SLOT_BYTES } = recordWindow;

/** The command that is being applied: what every event of it repeats. One object for the engine's life. */
export interface CommandContext {
  commandSequence: number;
  commandId: number;
  timestampMs: number;
  eventSequence: number; // of the newest event written
  /** Whether a command has used what the first program did not have: until then the state hash is what it was there. */
  usesLaterRules: boolean;
}

/**
 * Writers of the order events, one per kind, straight into the event ring. They write all sixteen 8-byte words of a
 * slot, so that nothing of the record that lay there before remains.
 */
export class OrderEvents {
  readonly #writer: EventWriter;
  readonly #context: CommandContext;
  readonly #orders: OrderPool;
  // The ring's windows, one load away: three loads a field is what a record would cost through the writer.
  readonly #i32: Int32Array;
  readonly #u32: Uint32Array;
  /** The event ring's, for quantities that callers of `filled` write themselves. */
  readonly f64: Float64Array;
  readonly #f64: Float64Array;
  readonly #i64: BigInt64Array; // for copies only: eight bytes at a time, whatever they mean

  constructor(writer: EventWriter, context: CommandContext, orders: OrderPool) {
    this.#writer = writer;
    this.#context = context;
    this.#orders = orders;
    this.#i32 = writer.ring.window.i32;
    this.#u32 = writer.ring.window.u32;
    this.#f64 = writer.ring.window.f64;
    this.f64 = this.#f64;
    this.#i64 = writer.ring.window.i64;
  }

  /** Starts a record of one slot: bytes 0 … 31. The rest of the slot is the caller's to fill. */
  #begin(kind: EventKind, side: Side, instrumentId: number, accountId: number): number {
    const at = this.#writer.claim();
    this.#head(at, kind, side, instrumentId, accountId);
    return at;
  }

  /** Writes bytes 0 … 39 of an event and gives it the next sequence. */
  header(at: number, kind: EventKind, side: Side, instrumentId: number, accountId: number, orderId: number): void {
    this.#head(at, kind, side, instrumentId, accountId);
    this.#f64[(at >> 3) + (EVENT.ORDER_ID >> 3)] = orderId;
  }

  /** All of it but the order id: an argument beyond small integers costs an object wherever a call is not inlined. */
  #head(at: number, kind: EventKind, side: Side, instrumentId: number, accountId: number): void {
    const word = at >> 2;
    const i32 = this.#i32;
    i32[word] = kind | (side << 8) | (instrumentId << 16);
    i32[word + (EVENT.ACCOUNT_ID >> 2)] = accountId;
    const f64 = this.#f64;
    const context = this.#context;
    context.eventSequence += 1;
    const number = at >> 3;
    f64[number + (EVENT.EVENT_SEQUENCE >> 3)] = context.eventSequence;
    f64[number + (EVENT.COMMAND_SEQUENCE >> 3)] = context.commandSequence;
    f64[number + (EVENT.TIMESTAMP_MS >> 3)] = context.timestampMs;
  }

  /** ACCEPTED: all fields of the NEW_ORDER command, client order id included. */
  accepted(command: RecordWindow, from: number, continuationFrom: number): void {
    const isLong = slotsForClientOrderId(command.u8[from + CLIENT_ORDER_ID.LENGTH]!) === 2;
    const at = isLong ? this.#writer.claimTwo() : this.#writer.claim();
    this.#head(
      at,
      EventKind.ACCEPTED,
      command.u8[from + COMMAND.SIDE] as Side,
      command.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!,
      command.u32[(from + COMMAND.ACCOUNT_ID) >> 2]!,
    );
    this.#f64[(at >> 3) + (EVENT.ORDER_ID >> 3)] = this.#context.commandId;
    copyOrder(this.#i64, at >> 3, command.i64, from >> 3);
    if (isLong)
      copyContinuation(
        command,
        continuationFrom,
        this.#writer.ring.window,
        this.#writer.continuationOffset(),
        this.#context.eventSequence,
      );
  }

  /** REJECTED: the order's fields from its command; its whole quantity, or budget, is what remained before. */
  rejected(command: RecordWindow, from: number, reason: RejectReason): void {
    const at = this.#begin(
      EventKind.REJECTED,
      (command.u8[from + COMMAND.SIDE]! & 1) as Side,
      command.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!,
      command.u32[(from + COMMAND.ACCOUNT_ID) >> 2]!,
    );
    this.#f64[(at >> 3) + (EVENT.ORDER_ID >> 3)] = this.#context.commandId;
    this.#orderFieldsFromCommand(at, command, from);
    const i32 = this.#i32;
    const f64 = this.#f64;
    f64[(at + ORDER_STATE.REMAINING_AFTER) >> 3] = 0;
    // Copied as words: a refused quantity may be any bits, and a NaN must not change on its way through a double.
    const isByBudget = (command.u8[from + NEW_ORDER.FLAGS]! & OrderFlag.BY_BUDGET) !== 0;
    const quantity = (from + (isByBudget ? NEW_ORDER.BUDGET_UNITS : NEW_ORDER.QUANTITY_LOTS)) >> 2;
    i32[(at + ORDER_STATE.REMAINING_BEFORE) >> 2] = command.i32[quantity]!;
    i32[(at + ORDER_STATE.REMAINING_BEFORE + 4) >> 2] = command.i32[quantity + 1]!;
    this.#stateTail(at, NOT_RESTING, 0, reason);
  }

  /**
   * CANCELLED, REDUCED or TRIGGERED of a taker, which does not rest, but for what remained before and remains after.
   * @param taker a record with the fields of NEW_ORDER whose command id is the order's id
   * @returns the record's offset, for these two
   */
  takerState(kind: EventKind, taker: RecordWindow, from: number, reason: CancelReason | 0): number {
    return this.#beginTakerState(kind, taker, from, reason);
  }

  /** The same of an order by budget. */
  takerBudgetState(
    kind: EventKind,
    taker: RecordWindow,
    from: number,
    beforeUnits: bigint,
    afterUnits: bigint,
    reason: CancelReason,
  ): void {
    const at = this.#beginTakerState(kind, taker, from, reason);
    const { i64 } = this.#writer.ring.window;
    i64[(at + ORDER_STATE.REMAINING_AFTER) >> 3] = afterUnits;
    i64[(at + ORDER_STATE.REMAINING_BEFORE) >> 3] = beforeUnits;
  }

  /** BOOKED: the order rests in the slot, with what is left of it. */
  booked(slot: number): void {
    this.#restingState(EventKind.BOOKED, slot, 0);
  }

  /** CANCELLED of a resting order. Written before its slot is freed. */
  restingCancelled(slot: number, reason: CancelReason): void {
    const at = this.#restingState(EventKind.CANCELLED, slot, reason);
    this.#f64[(at >> 3) + (ORDER_STATE.REMAINING_AFTER >> 3)] = 0;
  }

  /** STOP_PLACED: the stop waits in the slot. */
  stopPlaced(slot: number): void {
    this.#restingState(EventKind.STOP_PLACED, slot, 0);
  }

  /** AMENDED of an order that keeps its place. Written before it changes. */
  amendedInPlace(command: RecordWindow, from: number, slot: number, remainingLots: number): void {
    const { orderI32 } = this.#orders;
    const at = this.#restingState(EventKind.AMENDED, slot, 0);
    this.#f64[(at + AMENDED.REMAINING_AFTER) >> 3] = remainingLots;
    this.#amendment(at, command, from, orderI32[slot * ORDER_WORDS + ORDER.LIMIT_TICKS]!);
    this.#i32[(at + AMENDED.PRICE_TICKS) >> 2] = command.i32[(from + AMEND_ORDER.PRICE_TICKS) >> 2]!;
  }

  /** AMENDED of an order that has lost its place. @param order with its new limit */
  amendedAnew(
    command: RecordWindow,
    from: number,
    order: RecordWindow,
    remainingLotsBefore: number,
    remainingLots: number,
    priceTicksBefore: number,
  ): void {
    const at = this.#beginTakerState(EventKind.AMENDED, order, 0, 0);
    this.#f64[(at + AMENDED.REMAINING_AFTER) >> 3] = remainingLots;
    this.#f64[(at + AMENDED.REMAINING_BEFORE) >> 3] = remainingLotsBefore;
    this.#amendment(at, command, from, priceTicksBefore);
  }

  /** AMEND_REJECTED: repeats what the amend named, and what was held for it. */
  amendRejected(command: RecordWindow, from: number, reason: RejectReason): void {
    const side = (command.u8[from + COMMAND.SIDE]! & 1) as Side;
    const at = this.#refusalOfName(EventKind.AMEND_REJECTED, side, command, from, reason);
    this.#copyHeldUnits(at, command, from);
  }

  /** EXPIRED of a resting order. Written before its slot is freed. */
  restingExpired(slot: number): void {
    const at = this.#restingState(EventKind.EXPIRED, slot, 0);
    this.#f64[(at + ORDER_STATE.REMAINING_AFTER) >> 3] = 0;
  }

  /** REDUCED of a resting order. Written before it is reduced. */
  restingReduced(slot: number, afterLots: number, reason: CancelReason): void {
    const at = this.#restingState(EventKind.REDUCED, slot, reason);
    this.#f64[(at + ORDER_STATE.REMAINING_AFTER) >> 3] = afterLots;
  }

  /** CANCEL_REJECTED: repeats what the cancel named. */
  cancelRejected(command: RecordWindow, from: number, reason: RejectReason): void {
    this.#refusalOfName(EventKind.CANCEL_REJECTED, 0, command, from, reason);
  }

  /** MASS_CANCELLED: what the command named, and how many orders that were. */
  massCancelled(command: RecordWindow, from: number, cancelledOrders: number): void {
    const at = this.#begin(
      EventKind.MASS_CANCELLED,
      0,
      command.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!,
      command.u32[(from + COMMAND.ACCOUNT_ID) >> 2]!,
    );
    this.#f64[(at >> 3) + (EVENT.ORDER_ID >> 3)] = this.#context.commandId;
    const f64 = this.#f64;
    f64.fill(0, (at + MASS_CANCELLED.KEY_ID) >> 3, (at + SLOT_BYTES) >> 3);
    this.#u32[(at + MASS_CANCELLED.KEY_ID) >> 2] = command.u32[(from + MASS_CANCEL.KEY_ID) >> 2]!;
    f64[(at + MASS_CANCELLED.CANCELLED_ORDERS) >> 3] = cancelledOrders;
  }

  /**
   * FILLED, but for its three quantities: written before the maker is reduced or removed.
   * @returns the record's offset, for the quantities: as arguments those beyond small integers would cost an object each
   */
  filled(taker: RecordWindow, from: number, makerSlot: number, priceTicks: number): number {
    const { orderF64, orderI32, orderI64 } = this.#orders;
    const row = makerSlot * ORDER_WORDS;
    const at = this.#begin(
      EventKind.FILLED,
      taker.u8[from + COMMAND.SIDE] as Side,
      taker.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!,
      orderI32[row + ORDER.ACCOUNT_ID]!,
    );
    this.#f64[(at >> 3) + (EVENT.ORDER_ID >> 3)] = orderF64[makerSlot * ORDER_NUMBERS + ORDER.ORDER_ID]!;
    const i32 = this.#i32;
    const f64 = this.#f64;
    const i64 = this.#i64;
    const takerI32 = taker.i32;
    const word = at >> 2;
    const number = at >> 3;
    const fromWord = from >> 2;
    const fromNumber = from >> 3;
    f64[number + (FILLED.TAKER_ORDER_ID >> 3)] = taker.f64[fromNumber + (COMMAND.COMMAND_ID >> 3)]!;
    i32[word + (FILLED.TAKER_ACCOUNT_ID >> 2)] = takerI32[fromWord + (COMMAND.ACCOUNT_ID >> 2)]!;
    i32[word + (FILLED.PRICE_TICKS >> 2)] = priceTicks;
    i32[word + (FILLED.MAKER_LIMIT_TICKS >> 2)] = orderI32[row + ORDER.LIMIT_TICKS]!;
    i32[word + (FILLED.TAKER_LIMIT_TICKS >> 2)] = takerI32[fromWord + (NEW_ORDER.PRICE_TICKS >> 2)]!;
    i64[number + (FILLED.MAKER_MAKER_RATE_PPM >> 3)] = orderI64[(row >> 1) + (ORDER.MAKER_RATE_PPM >> 1)]!;
    i64[number + (FILLED.TAKER_MAKER_RATE_PPM >> 3)] = taker.i64[fromNumber + (NEW_ORDER.MAKER_RATE_PPM >> 3)]!;
    i32[word + (FILLED.TAKER_FLAGS >> 2)] = taker.u8[from + NEW_ORDER.FLAGS]!;
    i32[word + (FILLED.MAKER_SLOT >> 2)] = makerSlot;
    i32[word + (FILLED.MAKER_GENERATION >> 2)] = orderI32[row + ORDER.GENERATION]!;
    i32[word + (FILLED.MAKER_GENERATION >> 2) + 1] = 0;
    f64[number + (120 >> 3)] = 0;
    return at;
  }

  /** FILLED of a taker by budget. */
  filledByBudget(
    taker: RecordWindow,
    from: number,
    makerSlot: number,
    priceTicks: number,
    quantityLots: number,
    makerRemainingLots: number,
    takerRemainingUnits: bigint,
  ): void {
    const at = this.filled(taker, from, makerSlot, priceTicks);
    this.#f64[(at + FILLED.QUANTITY_LOTS) >> 3] = quantityLots;
    this.#f64[(at + FILLED.MAKER_REMAINING_LOTS) >> 3] = makerRemainingLots;
    this.#i64[(at + FILLED.TAKER_REMAINING) >> 3] = takerRemainingUnits;
  }

  /** TIME_ADVANCED: how many orders that made expire. */
  timeAdvanced(expiredOrders: number): void {
    const at = this.#begin(EventKind.TIME_ADVANCED, 0, 0, 0);
    this.#f64[(at >> 3) + (EVENT.ORDER_ID >> 3)] = this.#context.commandId;
    this.#f64.fill(0, (at + 40) >> 3, (at + SLOT_BYTES) >> 3);
    this.#f64[(at + TIME_ADVANCED.EXPIRED_ORDERS) >> 3] = expiredOrders;
  }

  #beginTakerState(kind: EventKind, taker: RecordWindow, from: number, reason: number): number {
    const at = this.#begin(
      kind,
      taker.u8[from + COMMAND.SIDE] as Side,
      taker.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!,
      taker.u32[(from + COMMAND.ACCOUNT_ID) >> 2]!,
    );
    this.#f64[(at >> 3) + (EVENT.ORDER_ID >> 3)] = taker.f64[(from + COMMAND.COMMAND_ID) >> 3]!;
    this.#orderFieldsFromCommand(at, taker, from);
    this.#stateTail(at, NOT_RESTING, 0, reason);
    return at;
  }

  #refusalOfName(kind: EventKind, side: Side, command: RecordWindow, from: number, reason: RejectReason): number {
    const at = this.#begin(
      kind,
      side,
      command.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!,
      command.u32[(from + COMMAND.ACCOUNT_ID) >> 2]!,
    );
    this.#f64[(at >> 3) + (EVENT.ORDER_ID >> 3)] = command.f64[(from + CANCEL_ORDER.ORDER_ID) >> 3]!;
    const u32 = this.#u32;
    const f64 = this.#f64;
    for (let word = ORDER_STATE.KEY_ID >> 3; word < ORDER_STATE.SLOT >> 3; word++) f64[(at >> 3) + word] = 0;
    u32[(at + ORDER_STATE.KEY_ID) >> 2] = command.u32[(from + CANCEL_ORDER.KEY_ID) >> 2]!;
    this.#stateTail(
      at,
      command.i32[(from + CANCEL_ORDER.SLOT) >> 2]!,
      command.u32[(from + CANCEL_ORDER.GENERATION) >> 2]!,
      reason,
    );
    return at;
  }

  /** What AMENDED has beyond ORDER_STATE. */
  #amendment(at: number, command: RecordWindow, from: number, priceTicksBefore: number): void {
    this.#f64[(at + AMENDED.TOTAL_LOTS) >> 3] = command.f64[(from + AMEND_ORDER.QUANTITY_LOTS) >> 3]!;
    this.#i32[(at + AMENDED.PRICE_TICKS_BEFORE) >> 2] = priceTicksBefore;
    this.#copyHeldUnits(at, command, from);
  }

  /** As two words: the core has no use for the number. */
  #copyHeldUnits(at: number, command: RecordWindow, from: number): void {
    const to = (at + AMENDED.HELD_UNITS) >> 2;
    const source = (from + AMEND_ORDER.HELD_UNITS) >> 2;
    this.#i32[to] = command.i32[source]!;
    this.#i32[to + 1] = command.i32[source + 1]!;
  }

  /** What remains is the same before and after, unless the caller says otherwise. */
  #restingState(kind: EventKind, slot: number, reason: number): number {
    const { orderF64, orderI32, orderI64 } = this.#orders;
    const row = slot * ORDER_WORDS;
    const at = this.#begin(
      kind,
      sideOfHead(orderI32[row + ORDER.HEAD]!),
      orderI32[row + ORDER.HEAD]! >>> 16,
      orderI32[row + ORDER.ACCOUNT_ID]!,
    );
    this.#f64[(at >> 3) + (EVENT.ORDER_ID >> 3)] = orderF64[slot * ORDER_NUMBERS + ORDER.ORDER_ID]!;
    const f64 = this.#f64;
    const i64 = this.#i64;
    const number = at >> 3;
    const source = row >> 1;
    const lots = orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
    i64[number + (ORDER_STATE.KEY_ID >> 3)] = orderI64[source + (ORDER.KEY_ID >> 1)]!;
    i64[number + (ORDER_STATE.PRICE_TICKS >> 3)] = orderI64[source + (ORDER.LIMIT_TICKS >> 1)]!;
    f64[number + (ORDER_STATE.REMAINING_AFTER >> 3)] = lots;
    f64[number + (ORDER_STATE.REMAINING_BEFORE >> 3)] = lots;
    f64[number + (72 >> 3)] = 0;
    i64[number + (ORDER_STATE.MAKER_RATE_PPM >> 3)] = orderI64[source + (ORDER.MAKER_RATE_PPM >> 1)]!;
    this.#stateTail(at, slot, orderI32[row + ORDER.GENERATION]!, reason);
    return at;
  }

  #orderFieldsFromCommand(at: number, command: RecordWindow, from: number): void {
    const i64 = this.#i64;
    const source = command.i64;
    const number = at >> 3;
    const fromNumber = from >> 3;
    i64[number + (ORDER_STATE.KEY_ID >> 3)] = source[fromNumber + (NEW_ORDER.KEY_ID >> 3)]!;
    i64[number + (ORDER_STATE.PRICE_TICKS >> 3)] = source[fromNumber + (NEW_ORDER.PRICE_TICKS >> 3)]!;
    this.#f64[number + (72 >> 3)] = 0;
    i64[number + (ORDER_STATE.MAKER_RATE_PPM >> 3)] = source[fromNumber + (NEW_ORDER.MAKER_RATE_PPM >> 3)]!;
  }

  /** Bytes 88 … 127. */
  #stateTail(at: number, slot: number, generation: number, reason: number): void {
    const i32 = this.#i32;
    const f64 = this.#f64;
    const word = at >> 2;
    const number = at >> 3;
    i32[word + (ORDER_STATE.SLOT >> 2)] = slot;
    i32[word + (ORDER_STATE.GENERATION >> 2)] = generation;
    f64[number + (ORDER_STATE.COMMAND_ID >> 3)] = this.#context.commandId;
    i32[word + (ORDER_STATE.REASON >> 2)] = reason;
    i32[word + (ORDER_STATE.REASON >> 2) + 1] = 0;
    f64[number + (112 >> 3)] = 0;
    f64[number + (120 >> 3)] = 0;
  }
}

/** Bytes 40 … 127: one line for each eight, since a loop by fours takes four times as long. */
function copyOrder(to: BigInt64Array, at: number, from: BigInt64Array, fromAt: number): void {
  to[at + 5] = from[fromAt + 5]!;
  to[at + 6] = from[fromAt + 6]!;
  to[at + 7] = from[fromAt + 7]!;
  to[at + 8] = from[fromAt + 8]!;
  to[at + 9] = from[fromAt + 9]!;
  to[at + 10] = from[fromAt + 10]!;
  to[at + 11] = from[fromAt + 11]!;
  to[at + 12] = from[fromAt + 12]!;
  to[at + 13] = from[fromAt + 13]!;
  to[at + 14] = from[fromAt + 14]!;
  to[at + 15] = from[fromAt + 15]!;
}
