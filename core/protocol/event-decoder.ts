import { fail } from '../assert.ts';
import type { Asset } from '../money/asset.ts';
import type { InstrumentDefinition } from '../money/instrument.ts';
import { decodeClientOrderId } from './client-order-id.ts';
import {
  ACCEPTED,
  ASSET_DEFINED,
  CHECKPOINTED,
  DEFINITION_REJECTED,
  EVENT,
  EVENT_LAST_BIT,
  EVENT_SIDE_BIT,
  FILLED,
  INSTRUMENT_DEFINED,
  ORDER_STATE,
} from './event-record.ts';
import {
  type CancelReason,
  EventKind,
  OrderFlag,
  type OrderType,
  type RejectReason,
  type SelfTradePrevention,
  type Side,
  type TimeInForce,
} from './kinds.ts';
import type { RecordWindow } from './record-window.ts';

/**
 * Events as objects, for everyone outside the matching thread. What remains is in lots; of an order by budget it is in
 * quote units instead, and the lots are 0.
 */
interface EventHeader {
  readonly eventSequence: number;
  readonly commandSequence: number;
  readonly timestampMs: number;
  readonly isLastOfCommand: boolean;
}

interface OrderHeader extends EventHeader {
  readonly instrumentId: number;
  readonly accountId: number;
  readonly orderId: number;
  readonly side: Side;
  readonly keyId: number;
  readonly orderType: OrderType;
  readonly timeInForce: TimeInForce;
  readonly selfTradePrevention: SelfTradePrevention;
  readonly flags: number;
  readonly priceTicks: number;
  readonly stopPriceTicks: number;
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
}

export interface AcceptedEvent extends OrderHeader {
  readonly kind: typeof EventKind.ACCEPTED;
  readonly quantityLots: number;
  readonly budgetUnits: bigint;
  readonly expiresAtMs: number;
  readonly clientOrderId: string;
}

interface OrderState extends OrderHeader {
  readonly remainingAfterLots: number;
  readonly remainingAfterUnits: bigint;
  readonly remainingBeforeLots: number;
  readonly remainingBeforeUnits: bigint;
  readonly slot: number; // NOT_RESTING when it does not rest
  readonly generation: number;
  readonly commandId: number;
}

export interface RejectedEvent extends OrderState {
  readonly kind: typeof EventKind.REJECTED;
  readonly reason: RejectReason;
}
export interface BookedEvent extends OrderState {
  readonly kind: typeof EventKind.BOOKED;
}
export interface CancelledEvent extends OrderState {
  readonly kind: typeof EventKind.CANCELLED;
  readonly reason: CancelReason;
}
export interface CancelRejectedEvent extends OrderState {
  readonly kind: typeof EventKind.CANCEL_REJECTED;
  readonly reason: RejectReason;
}

export interface FilledEvent extends EventHeader {
  readonly kind: typeof EventKind.FILLED;
  readonly instrumentId: number;
  readonly takerSide: Side;
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly makerOrderId: number;
  readonly makerAccountId: number;
  readonly makerLimitTicks: number;
  readonly makerRemainingLots: number;
  readonly makerMakerRatePpm: number;
  readonly makerTakerRatePpm: number;
  readonly makerSlot: number;
  readonly makerGeneration: number;
  readonly takerOrderId: number;
  readonly takerAccountId: number;
  readonly takerLimitTicks: number;
  readonly takerRemainingLots: number; // after this fill, as is the next
  readonly takerRemainingUnits: bigint;
  readonly takerFlags: number;
  readonly takerMakerRatePpm: number;
  readonly takerTakerRatePpm: number;
}

export interface CheckpointedEvent extends EventHeader {
  readonly kind: typeof EventKind.CHECKPOINTED;
  readonly commandId: number;
  readonly stateHash: string; // 16 hex digits
  readonly restingOrders: number;
}

export interface AssetDefinedEvent extends EventHeader {
  readonly kind: typeof EventKind.ASSET_DEFINED;
  readonly commandId: number;
  readonly asset: Asset;
}

/** The definition with its assets by id: the reader has seen their own definitions before. */
export interface InstrumentDefinedEvent extends EventHeader {
  readonly kind: typeof EventKind.INSTRUMENT_DEFINED;
  readonly commandId: number;
  readonly definition: Omit<InstrumentDefinition, 'base' | 'quote'>;
  readonly baseAssetId: number;
  readonly quoteAssetId: number;
}

export interface DefinitionRejectedEvent extends EventHeader {
  readonly kind: typeof EventKind.DEFINITION_REJECTED;
  readonly commandId: number;
  readonly reason: RejectReason;
}

export type ExchangeEvent =
  | AcceptedEvent
  | RejectedEvent
  | BookedEvent
  | FilledEvent
  | CancelledEvent
  | CancelRejectedEvent
  | CheckpointedEvent
  | AssetDefinedEvent
  | InstrumentDefinedEvent
  | DefinitionRejectedEvent;

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
      return { kind, ...decodeOrderState(window, at, header) };
    case EventKind.CANCELLED:
      return { kind, ...decodeOrderState(window, at, header), reason: u8[at + ORDER_STATE.REASON] as CancelReason };
    case EventKind.CANCEL_REJECTED:
      return { kind, ...decodeOrderState(window, at, header), reason: u8[at + ORDER_STATE.REASON] as RejectReason };
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
