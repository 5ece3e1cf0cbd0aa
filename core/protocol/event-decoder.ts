import { fail } from '../assert.ts';
import type { Asset } from '../money/asset.ts';
import { decodeClientOrderId } from './client-order-id.ts';
import {
  ACCEPTED,
  AMEND_REJECTED,
  AMENDED,
  ASSET_DEFINED,
  CHECKPOINTED,
  DEFINITION_REJECTED,
  EVENT,
  EVENT_LAST_BIT,
  EVENT_SIDE_BIT,
  FILLED,
  INSTRUMENT_DEFINED,
  INSTRUMENT_STATE_CHANGED,
  INSTRUMENT_UPDATED,
  MASS_CANCELLED,
  ORDER_STATE,
  TIME_ADVANCED,
} from './event-record.ts';
import type {
  EventHeader,
  ExchangeEvent,
  FilledEvent,
  InstrumentDefinedEvent,
  OrderHeader,
  OrderState,
} from './events.ts';
import {
  type CancelReason,
  EventKind,
  type InstrumentState,
  OrderFlag,
  type OrderType,
  type RejectReason,
  type SelfTradePrevention,
  type Side,
  type TimeInForce,
} from './kinds.ts';
import type { RecordWindow } from './record-window.ts';

export type * from './events.ts';

/**
 * Decodes the event that begins at an offset.
 * @param continuationOffsetBytes of the record's second slot (in a ring it may lie at the start again)
 * @throws InvariantError for a kind that this program does not know
 */
export function decodeEvent(window: RecordWindow, at: number, continuationOffsetBytes: number): ExchangeEvent {
  const { u8, u32, f64 } = window;
  const header: EventHeader = {
    eventSequence: f64[(at + EVENT.EVENT_SEQUENCE) >> 3]!,
    commandSequence: f64[(at + EVENT.COMMAND_SEQUENCE) >> 3]!,
    timestampMs: f64[(at + EVENT.TIMESTAMP_MS) >> 3]!,
    isLastOfCommand: (u8[at + EVENT.SIDE]! & EVENT_LAST_BIT) !== 0,
  };
  const kind = u8[at + EVENT.KIND] as EventKind;
  const idAt = f64[(at + EVENT.ORDER_ID) >> 3]!;
  switch (kind) {
    case EventKind.ACCEPTED: {
      const order = decodeOrderHeader(window, at, header);
      return {
        kind,
        ...order,
        quantityLots: f64[(at + ACCEPTED.QUANTITY_LOTS) >> 3]!,
        budgetUnits: budgetAt(window, at + ACCEPTED.BUDGET_UNITS, order.flags),
        expiresAtMs: f64[(at + ACCEPTED.EXPIRES_AT_MS) >> 3]!,
        clientOrderId: decodeClientOrderId(window, at, continuationOffsetBytes),
      };
    }
    case EventKind.REJECTED:
      return { kind, ...decodeOrderState(window, at, header), reason: u8[at + ORDER_STATE.REASON] as RejectReason };
    case EventKind.BOOKED:
    case EventKind.EXPIRED:
    case EventKind.STOP_PLACED:
    case EventKind.TRIGGERED:
      return { kind, ...decodeOrderState(window, at, header) };
    case EventKind.CANCELLED:
    case EventKind.REDUCED:
      return { kind, ...decodeOrderState(window, at, header), reason: u8[at + ORDER_STATE.REASON] as CancelReason };
    case EventKind.CANCEL_REJECTED:
      return { kind, ...decodeOrderState(window, at, header), reason: u8[at + ORDER_STATE.REASON] as RejectReason };
    case EventKind.AMENDED:
      return {
        kind,
        ...decodeOrderState(window, at, header),
        totalLots: f64[(at + AMENDED.TOTAL_LOTS) >> 3]!,
        heldUnits: window.i64[(at + AMENDED.HELD_UNITS) >> 3]!,
        priceTicksBefore: window.i32[(at + AMENDED.PRICE_TICKS_BEFORE) >> 2]!,
      };
    case EventKind.AMEND_REJECTED:
      return {
        kind,
        ...decodeOrderState(window, at, header),
        heldUnits: window.i64[(at + AMEND_REJECTED.HELD_UNITS) >> 3]!,
        reason: u8[at + ORDER_STATE.REASON] as RejectReason,
      };
    case EventKind.FILLED:
      return decodeFilled(window, at, header);
    case EventKind.CHECKPOINTED:
      return {
        kind,
        ...header,
        commandId: f64[(at + CHECKPOINTED.COMMAND_ID) >> 3]!,
        stateHash: hex32(u32[(at + CHECKPOINTED.HASH_HIGH) >> 2]!) + hex32(u32[(at + CHECKPOINTED.HASH_LOW) >> 2]!),
        restingOrders: f64[(at + CHECKPOINTED.RESTING_ORDERS) >> 3]!,
      };
    case EventKind.ASSET_DEFINED:
      return { kind, ...header, commandId: idAt, asset: decodeAsset(window, at) };
    case EventKind.INSTRUMENT_DEFINED:
      return {
        kind,
        ...header,
        commandId: idAt,
        definition: decodeInstrument(window, at),
        baseAssetId: u32[(at + INSTRUMENT_DEFINED.BASE_ASSET_ID) >> 2]!,
        quoteAssetId: u32[(at + INSTRUMENT_DEFINED.QUOTE_ASSET_ID) >> 2]!,
      };
    case EventKind.DEFINITION_REJECTED:
      return { kind, ...header, commandId: idAt, reason: u8[at + DEFINITION_REJECTED.REASON] as RejectReason };
    case EventKind.MASS_CANCELLED:
      return {
        kind,
        ...header,
        commandId: idAt,
        accountId: u32[(at + EVENT.ACCOUNT_ID) >> 2]!,
        instrumentId: window.u16[(at + EVENT.INSTRUMENT_ID) >> 1]!,
        keyId: u32[(at + MASS_CANCELLED.KEY_ID) >> 2]!,
        cancelledOrders: f64[(at + MASS_CANCELLED.CANCELLED_ORDERS) >> 3]!,
      };
    case EventKind.INSTRUMENT_STATE_CHANGED:
      return {
        kind,
        ...header,
        commandId: idAt,
        instrumentId: window.u16[(at + EVENT.INSTRUMENT_ID) >> 1]!,
        state: u8[at + INSTRUMENT_STATE_CHANGED.STATE] as InstrumentState,
        stateBefore: u8[at + INSTRUMENT_STATE_CHANGED.STATE_BEFORE] as InstrumentState,
      };
    case EventKind.TIME_ADVANCED:
      return { kind, ...header, commandId: idAt, expiredOrders: f64[(at + TIME_ADVANCED.EXPIRED_ORDERS) >> 3]! };
    case EventKind.INSTRUMENT_UPDATED:
      return {
        kind,
        ...header,
        commandId: idAt,
        instrumentId: window.u16[(at + EVENT.INSTRUMENT_ID) >> 1]!,
        referencePriceTicks: window.i32[(at + INSTRUMENT_UPDATED.REFERENCE_PRICE_TICKS) >> 2]!,
        priceBandPpm: u32[(at + INSTRUMENT_UPDATED.PRICE_BAND_PPM) >> 2]!,
        minQuantityLots: f64[(at + INSTRUMENT_UPDATED.MIN_QUANTITY_LOTS) >> 3]!,
        maxQuantityLots: f64[(at + INSTRUMENT_UPDATED.MAX_QUANTITY_LOTS) >> 3]!,
        makerRatePpm: u32[(at + INSTRUMENT_UPDATED.MAKER_RATE_PPM) >> 2]!,
        takerRatePpm: u32[(at + INSTRUMENT_UPDATED.TAKER_RATE_PPM) >> 2]!,
      };
    default:
      return fail(`event kind ${kind as number} at sequence ${header.eventSequence} is not known to this program`);
  }
}

/** @returns whether the two remaining fields of an order's events hold quote units instead of lots. */
export function isByBudget(flags: number): boolean {
  return (flags & OrderFlag.BY_BUDGET) !== 0;
}

/** @param value of a state hash half, 0 … 2^32 - 1 */
export function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function decodeOrderHeader(window: RecordWindow, at: number, header: EventHeader): OrderHeader {
  const { u8, i32, u32 } = window;
  return {
    ...header,
    instrumentId: window.u16[(at + EVENT.INSTRUMENT_ID) >> 1]!,
    accountId: u32[(at + EVENT.ACCOUNT_ID) >> 2]!,
    orderId: window.f64[(at + EVENT.ORDER_ID) >> 3]!,
    side: (u8[at + EVENT.SIDE]! & EVENT_SIDE_BIT) as Side,
    keyId: u32[(at + ORDER_STATE.KEY_ID) >> 2]!,
    orderType: u8[at + ORDER_STATE.ORDER_TYPE] as OrderType,
    timeInForce: u8[at + ORDER_STATE.TIME_IN_FORCE] as TimeInForce,
    selfTradePrevention: u8[at + ORDER_STATE.SELF_TRADE_PREVENTION] as SelfTradePrevention,
    flags: u8[at + ORDER_STATE.FLAGS]!,
    priceTicks: i32[(at + ORDER_STATE.PRICE_TICKS) >> 2]!,
    stopPriceTicks: i32[(at + ORDER_STATE.STOP_PRICE_TICKS) >> 2]!,
    makerRatePpm: u32[(at + ORDER_STATE.MAKER_RATE_PPM) >> 2]!,
    takerRatePpm: u32[(at + ORDER_STATE.TAKER_RATE_PPM) >> 2]!,
  };
}

function decodeOrderState(window: RecordWindow, at: number, header: EventHeader): OrderState {
  const order = decodeOrderHeader(window, at, header);
  return {
    ...order,
    remainingAfterLots: lotsAt(window, at + ORDER_STATE.REMAINING_AFTER, order.flags),
    remainingAfterUnits: budgetAt(window, at + ORDER_STATE.REMAINING_AFTER, order.flags),
    remainingBeforeLots: lotsAt(window, at + ORDER_STATE.REMAINING_BEFORE, order.flags),
    remainingBeforeUnits: budgetAt(window, at + ORDER_STATE.REMAINING_BEFORE, order.flags),
    slot: window.i32[(at + ORDER_STATE.SLOT) >> 2]!,
    generation: window.u32[(at + ORDER_STATE.GENERATION) >> 2]!,
    commandId: window.f64[(at + ORDER_STATE.COMMAND_ID) >> 3]!,
  };
}

function decodeFilled(window: RecordWindow, at: number, header: EventHeader): FilledEvent {
  const { u8, i32, u32, f64 } = window;
  const takerFlags = u8[at + FILLED.TAKER_FLAGS]!;
  return {
    kind: EventKind.FILLED,
    ...header,
    instrumentId: window.u16[(at + EVENT.INSTRUMENT_ID) >> 1]!,
    takerSide: (u8[at + EVENT.SIDE]! & EVENT_SIDE_BIT) as Side,
    priceTicks: i32[(at + FILLED.PRICE_TICKS) >> 2]!,
    quantityLots: f64[(at + FILLED.QUANTITY_LOTS) >> 3]!,
    makerOrderId: f64[(at + EVENT.ORDER_ID) >> 3]!,
    makerAccountId: u32[(at + EVENT.ACCOUNT_ID) >> 2]!,
    makerLimitTicks: i32[(at + FILLED.MAKER_LIMIT_TICKS) >> 2]!,
    makerRemainingLots: f64[(at + FILLED.MAKER_REMAINING_LOTS) >> 3]!,
    makerMakerRatePpm: u32[(at + FILLED.MAKER_MAKER_RATE_PPM) >> 2]!,
    makerTakerRatePpm: u32[(at + FILLED.MAKER_TAKER_RATE_PPM) >> 2]!,
    makerSlot: i32[(at + FILLED.MAKER_SLOT) >> 2]!,
    makerGeneration: u32[(at + FILLED.MAKER_GENERATION) >> 2]!,
    takerOrderId: f64[(at + FILLED.TAKER_ORDER_ID) >> 3]!,
    takerAccountId: u32[(at + FILLED.TAKER_ACCOUNT_ID) >> 2]!,
    takerLimitTicks: i32[(at + FILLED.TAKER_LIMIT_TICKS) >> 2]!,
    takerRemainingLots: lotsAt(window, at + FILLED.TAKER_REMAINING, takerFlags),
    takerRemainingUnits: budgetAt(window, at + FILLED.TAKER_REMAINING, takerFlags),
    takerFlags,
    takerMakerRatePpm: u32[(at + FILLED.TAKER_MAKER_RATE_PPM) >> 2]!,
    takerTakerRatePpm: u32[(at + FILLED.TAKER_TAKER_RATE_PPM) >> 2]!,
  };
}

function decodeAsset(window: RecordWindow, at: number): Asset {
  return {
    assetId: window.u32[(at + ASSET_DEFINED.ASSET_ID) >> 2]!,
    code: decodeAscii(window, at + ASSET_DEFINED.CODE, window.u8[at + ASSET_DEFINED.CODE_LENGTH]!),
    decimals: window.u8[at + ASSET_DEFINED.DECIMALS]!,
  };
}

function decodeInstrument(window: RecordWindow, at: number): InstrumentDefinedEvent['definition'] {
  const { u8, u32, f64, i64 } = window;
  return {
    instrumentId: window.u16[(at + EVENT.INSTRUMENT_ID) >> 1]!,
    symbol: decodeAscii(window, at + INSTRUMENT_DEFINED.SYMBOL, u8[at + INSTRUMENT_DEFINED.SYMBOL_LENGTH]!),
    tickMantissa: i64[(at + INSTRUMENT_DEFINED.TICK_MANTISSA) >> 3]!,
    tickScale: u8[at + INSTRUMENT_DEFINED.TICK_SCALE]!,
    lotUnits: i64[(at + INSTRUMENT_DEFINED.LOT_UNITS) >> 3]!,
    minQuantityLots: f64[(at + INSTRUMENT_DEFINED.MIN_QUANTITY_LOTS) >> 3]!,
    maxQuantityLots: f64[(at + INSTRUMENT_DEFINED.MAX_QUANTITY_LOTS) >> 3]!,
    makerRatePpm: u32[(at + INSTRUMENT_DEFINED.MAKER_RATE_PPM) >> 2]!,
    takerRatePpm: u32[(at + INSTRUMENT_DEFINED.TAKER_RATE_PPM) >> 2]!,
  };
}

function lotsAt(window: RecordWindow, at: number, flags: number): number {
  return isByBudget(flags) ? 0 : window.f64[at >> 3]!;
}

function budgetAt(window: RecordWindow, at: number, flags: number): bigint {
  return isByBudget(flags) ? window.i64[at >> 3]! : 0n;
}

function decodeAscii(window: RecordWindow, at: number, length: number): string {
  return String.fromCharCode(...window.u8.subarray(at, at + length));
}
