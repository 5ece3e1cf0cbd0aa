import type { OrderPool } from '../book/order-pool.ts';
import * as orderPool from '../book/order-pool.ts';
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
const { COLD, COLD_WORDS, HOT, HOT_WORDS } = orderPool;
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
  readonly #f64: Float64Array;

  constructor(writer: EventWriter, context: CommandContext, orders: OrderPool) {
    this.#writer = writer;
    this.#context = context;
    this.#orders = orders;
    this.#i32 = writer.ring.window.i32;
    this.#u32 = writer.ring.window.u32;
    this.#f64 = writer.ring.window.f64;
  }

  /** Starts a record: bytes 0 … 39. The rest of the slot is the caller's to fill. */
  #begin(kind: EventKind, side: Side, instrumentId: number, accountId: number, orderId: number): number {
    const at = this.#writer.claim();
    this.header(at, kind, side, instrumentId, accountId, orderId);
    return at;
  }

  /** Writes bytes 0 … 39 of an event and gives it the next sequence. */
  header(at: number, kind: EventKind, side: Side, instrumentId: number, accountId: number, orderId: number): void {
    const u32 = this.#u32;
    const f64 = this.#f64;
    const context = this.#context;
    context.eventSequence += 1;
    u32[at >> 2] = kind | (side << 8) | (instrumentId << 16);
    u32[(at + EVENT.ACCOUNT_ID) >> 2] = accountId;
    f64[(at + EVENT.EVENT_SEQUENCE) >> 3] = context.eventSequence;
    f64[(at + EVENT.COMMAND_SEQUENCE) >> 3] = context.commandSequence;
    f64[(at + EVENT.TIMESTAMP_MS) >> 3] = context.timestampMs;
    f64[(at + EVENT.ORDER_ID) >> 3] = orderId;
  }

  /** ACCEPTED: all fields of the NEW_ORDER command, client order id included. */
  accepted(command: RecordWindow, from: number, continuationFrom: number): void {
    const isLong = slotsForClientOrderId(command.u8[from + CLIENT_ORDER_ID.LENGTH]!) === 2;
    const at = isLong ? this.#writer.claimTwo() : this.#writer.claim();
    this.header(
      at,
      EventKind.ACCEPTED,
      command.u8[from + COMMAND.SIDE] as Side,
      command.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!,
      command.u32[(from + COMMAND.ACCOUNT_ID) >> 2]!,
      this.#context.commandId,
    );
    const to = this.#i32;
    const source = command.i32;
    const toWord = at >> 2;
    const fromWord = from >> 2;
    for (let word = NEW_ORDER.KEY_ID >> 2; word < SLOT_BYTES >> 2; word++) to[toWord + word] = source[fromWord + word]!;
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
      this.#context.commandId,
    );
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
   * CANCELLED, REDUCED or TRIGGERED of a taker, which does not rest.
   * @param taker a record with the fields of NEW_ORDER whose command id is the order's id
   */
  takerState(
    kind: EventKind,
    taker: RecordWindow,
    from: number,
    beforeLots: number,
    afterLots: number,
    reason: CancelReason | 0,
  ): void {
    const at = this.#beginTakerState(kind, taker, from, reason);
    this.#f64[(at + ORDER_STATE.REMAINING_AFTER) >> 3] = afterLots;
    this.#f64[(at + ORDER_STATE.REMAINING_BEFORE) >> 3] = beforeLots;
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
    const lots = this.#orders.hotF64[slot * 4 + HOT.RESTING_LOTS]!;
    this.#restingState(EventKind.BOOKED, slot, lots, lots, 0);
  }

  /** CANCELLED of a resting order. Written before its slot is freed. */
  restingCancelled(slot: number, reason: CancelReason): void {
    this.#restingState(EventKind.CANCELLED, slot, this.#orders.hotF64[slot * 4 + HOT.RESTING_LOTS]!, 0, reason);
  }

  /** STOP_PLACED: the stop waits in the slot. */
  stopPlaced(slot: number): void {
    const lots = this.#orders.hotF64[slot * 4 + HOT.RESTING_LOTS]!;
    this.#restingState(EventKind.STOP_PLACED, slot, lots, lots, 0);
  }

  /** AMENDED of an order that keeps its place. Written before it changes. */
  amendedInPlace(command: RecordWindow, from: number, slot: number, remainingLots: number): void {
    const { hotF64, coldI32 } = this.#orders;
    const before = hotF64[slot * 4 + HOT.RESTING_LOTS]!;
    const at = this.#restingState(EventKind.AMENDED, slot, before, remainingLots, 0);
    this.#amendment(at, command, from, coldI32[slot * COLD_WORDS + COLD.LIMIT_TICKS]!);
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
    this.#restingState(EventKind.EXPIRED, slot, this.#orders.hotF64[slot * 4 + HOT.RESTING_LOTS]!, 0, 0);
  }

  /** REDUCED of a resting order. Written before it is reduced. */
  restingReduced(slot: number, afterLots: number, reason: CancelReason): void {
    const beforeLots = this.#orders.hotF64[slot * 4 + HOT.RESTING_LOTS]!;
    this.#restingState(EventKind.REDUCED, slot, beforeLots, afterLots, reason);
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
      this.#context.commandId,
    );
    const f64 = this.#f64;
    f64.fill(0, (at + MASS_CANCELLED.KEY_ID) >> 3, (at + SLOT_BYTES) >> 3);
    this.#u32[(at + MASS_CANCELLED.KEY_ID) >> 2] = command.u32[(from + MASS_CANCEL.KEY_ID) >> 2]!;
    f64[(at + MASS_CANCELLED.CANCELLED_ORDERS) >> 3] = cancelledOrders;
  }

  /** FILLED: written before the maker is reduced or removed. @returns the record's offset */
  filled(
    taker: RecordWindow,
    from: number,
    makerSlot: number,
    priceTicks: number,
    quantityLots: number,
    makerRemainingLots: number,
    takerRemainingLots: number,
  ): number {
    const { hotF64, hotU32, coldU32, coldI32 } = this.#orders;
    const cold = makerSlot * COLD_WORDS;
    const at = this.#begin(
      EventKind.FILLED,
      taker.u8[from + COMMAND.SIDE] as Side,
      taker.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!,
      hotU32[makerSlot * HOT_WORDS + HOT.ACCOUNT_ID]!,
      hotF64[makerSlot * 4 + HOT.ORDER_ID]!,
    );
    const u32 = this.#u32;
    const i32 = this.#i32;
    const f64 = this.#f64;
    f64[(at + FILLED.TAKER_ORDER_ID) >> 3] = taker.f64[(from + COMMAND.COMMAND_ID) >> 3]!;
    u32[(at + FILLED.TAKER_ACCOUNT_ID) >> 2] = taker.u32[(from + COMMAND.ACCOUNT_ID) >> 2]!;
    i32[(at + FILLED.PRICE_TICKS) >> 2] = priceTicks;
    f64[(at + FILLED.QUANTITY_LOTS) >> 3] = quantityLots;
    i32[(at + FILLED.MAKER_LIMIT_TICKS) >> 2] = coldI32[cold + COLD.LIMIT_TICKS]!;
    i32[(at + FILLED.TAKER_LIMIT_TICKS) >> 2] = taker.i32[(from + NEW_ORDER.PRICE_TICKS) >> 2]!;
    f64[(at + FILLED.MAKER_REMAINING_LOTS) >> 3] = makerRemainingLots;
    f64[(at + FILLED.TAKER_REMAINING) >> 3] = takerRemainingLots;
    u32[(at + FILLED.MAKER_MAKER_RATE_PPM) >> 2] = coldU32[cold + COLD.MAKER_RATE_PPM]!;
    u32[(at + FILLED.MAKER_TAKER_RATE_PPM) >> 2] = coldU32[cold + COLD.TAKER_RATE_PPM]!;
    u32[(at + FILLED.TAKER_MAKER_RATE_PPM) >> 2] = taker.u32[(from + NEW_ORDER.MAKER_RATE_PPM) >> 2]!;
    u32[(at + FILLED.TAKER_TAKER_RATE_PPM) >> 2] = taker.u32[(from + NEW_ORDER.TAKER_RATE_PPM) >> 2]!;
    u32[(at + FILLED.TAKER_FLAGS) >> 2] = taker.u8[from + NEW_ORDER.FLAGS]!;
    i32[(at + FILLED.MAKER_SLOT) >> 2] = makerSlot;
    u32[(at + FILLED.MAKER_GENERATION) >> 2] = hotU32[makerSlot * HOT_WORDS + HOT.GENERATION]!;
    u32[(at + FILLED.MAKER_GENERATION + 4) >> 2] = 0;
    f64[(at + 120) >> 3] = 0;
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
    const at = this.filled(taker, from, makerSlot, priceTicks, quantityLots, makerRemainingLots, 0);
    this.#writer.ring.window.i64[(at + FILLED.TAKER_REMAINING) >> 3] = takerRemainingUnits;
  }

  /** TIME_ADVANCED: how many orders that made expire. */
  timeAdvanced(expiredOrders: number): void {
    const at = this.#begin(EventKind.TIME_ADVANCED, 0, 0, 0, this.#context.commandId);
    this.#f64.fill(0, (at + 40) >> 3, (at + SLOT_BYTES) >> 3);
    this.#f64[(at + TIME_ADVANCED.EXPIRED_ORDERS) >> 3] = expiredOrders;
  }

  #beginTakerState(kind: EventKind, taker: RecordWindow, from: number, reason: number): number {
    const at = this.#begin(
      kind,
      taker.u8[from + COMMAND.SIDE] as Side,
      taker.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!,
      taker.u32[(from + COMMAND.ACCOUNT_ID) >> 2]!,
      taker.f64[(from + COMMAND.COMMAND_ID) >> 3]!,
    );
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
      command.f64[(from + CANCEL_ORDER.ORDER_ID) >> 3]!,
    );
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

  #restingState(kind: EventKind, slot: number, before: number, after: number, reason: number): number {
    const { hotF64, hotU32, coldU32 } = this.#orders;
    const cold = slot * COLD_WORDS;
    const at = this.#begin(
      kind,
      coldU32[cold + COLD.SIDE] as Side,
      coldU32[cold + COLD.INSTRUMENT_ID]!,
      hotU32[slot * HOT_WORDS + HOT.ACCOUNT_ID]!,
      hotF64[slot * 4 + HOT.ORDER_ID]!,
    );
    const u32 = this.#u32;
    const f64 = this.#f64;
    u32[(at + ORDER_STATE.KEY_ID) >> 2] = coldU32[cold + COLD.KEY_ID]!;
    u32[(at + ORDER_STATE.ORDER_TYPE) >> 2] = coldU32[cold + COLD.TYPE_WORD]!;
    u32[(at + ORDER_STATE.PRICE_TICKS) >> 2] = coldU32[cold + COLD.LIMIT_TICKS]!;
    u32[(at + ORDER_STATE.STOP_PRICE_TICKS) >> 2] = coldU32[cold + COLD.STOP_PRICE_TICKS]!;
    f64[(at + ORDER_STATE.REMAINING_AFTER) >> 3] = after;
    f64[(at + ORDER_STATE.REMAINING_BEFORE) >> 3] = before;
    f64[(at + 72) >> 3] = 0;
    u32[(at + ORDER_STATE.MAKER_RATE_PPM) >> 2] = coldU32[cold + COLD.MAKER_RATE_PPM]!;
    u32[(at + ORDER_STATE.TAKER_RATE_PPM) >> 2] = coldU32[cold + COLD.TAKER_RATE_PPM]!;
    this.#stateTail(at, slot, hotU32[slot * HOT_WORDS + HOT.GENERATION]!, reason);
    return at;
  }

  #orderFieldsFromCommand(at: number, command: RecordWindow, from: number): void {
    const i32 = this.#i32;
    const f64 = this.#f64;
    for (let byte = NEW_ORDER.KEY_ID; byte <= NEW_ORDER.STOP_PRICE_TICKS; byte += 4)
      i32[(at + byte) >> 2] = command.i32[(from + byte) >> 2]!;
    f64[(at + 72) >> 3] = 0;
    i32[(at + ORDER_STATE.MAKER_RATE_PPM) >> 2] = command.i32[(from + NEW_ORDER.MAKER_RATE_PPM) >> 2]!;
    i32[(at + ORDER_STATE.TAKER_RATE_PPM) >> 2] = command.i32[(from + NEW_ORDER.TAKER_RATE_PPM) >> 2]!;
  }

  #stateTail(at: number, slot: number, generation: number, reason: number): void {
    const i32 = this.#i32;
    const u32 = this.#u32;
    const f64 = this.#f64;
    i32[(at + ORDER_STATE.SLOT) >> 2] = slot;
    u32[(at + ORDER_STATE.GENERATION) >> 2] = generation;
    f64[(at + ORDER_STATE.COMMAND_ID) >> 3] = this.#context.commandId;
    u32[(at + ORDER_STATE.REASON) >> 2] = reason;
    u32[(at + ORDER_STATE.REASON + 4) >> 2] = 0;
    f64[(at + 112) >> 3] = 0;
    f64[(at + 120) >> 3] = 0;
  }
}
