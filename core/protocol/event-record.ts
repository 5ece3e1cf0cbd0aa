import { recordSlots } from './client-order-id.ts';
import * as commandRecord from './command-record.ts';
import * as kinds from './kinds.ts';
import * as orderFields from './order-fields.ts';
import type { RecordWindow } from './record-window.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { DEFINE_ASSET, DEFINE_INSTRUMENT, UPDATE_INSTRUMENT } = commandRecord;
const { EventKind } = kinds;
const { ORDER_FIELDS } = orderFields;

/**
 * Every event: 128 bytes (ACCEPTED with a long client order id: 256), little-endian.
 *   0 u8 kind   1 u8 bit 0: side (of FILLED: the taker's), bit 7: last event of its command   2 u16 instrumentId
 *   4 u32 accountId (of FILLED: the maker's)   8 f64 eventSequence, 1 and up without gaps   16 f64 commandSequence
 *  24 f64 timestampMs, the command's   32 f64 orderId (of FILLED: the maker's)
 */
export const EVENT = {
  KIND: 0,
  SIDE: 1,
  INSTRUMENT_ID: 2,
  ACCOUNT_ID: 4,
  EVENT_SEQUENCE: 8,
  COMMAND_SEQUENCE: 16,
  TIMESTAMP_MS: 24,
  ORDER_ID: 32,
} as const;

export const EVENT_SIDE_BIT = 1;
export const EVENT_LAST_BIT = 128;
/** The same within the first word of a record. */
export const EVENT_LAST_WORD = EVENT_LAST_BIT << 8;

/** ACCEPTED: bytes 40 … 127 as in NEW_ORDER, continuation slot included. */
export const ACCEPTED = { ...ORDER_FIELDS, QUANTITY_LOTS: 56, BUDGET_UNITS: 64, EXPIRES_AT_MS: 72 } as const;

/**
 * REJECTED, BOOKED, CANCELLED, CANCEL_REJECTED, EXPIRED, REDUCED, STOP_PLACED, TRIGGERED: the shared order fields (order-fields.ts) and
 *  56 remaining after, 64 remaining before: f64 lots, or by budget i64 quote units
 *  88 i32 slot, -1 when the order does not rest   92 u32 generation
 *  96 f64 commandId of the command that caused it (a cancel's own)   104 u8 reason (RejectReason or CancelReason; of REDUCED the latter)
 */
export const ORDER_STATE = {
  ...ORDER_FIELDS,
  REMAINING_AFTER: 56,
  REMAINING_BEFORE: 64,
  SLOT: 88,
  GENERATION: 92,
  COMMAND_ID: 96,
  REASON: 104,
} as const;

/**
 * AMENDED: as ORDER_STATE after the change, the slot -1 when the order has lost its place, and
 *  72 f64 totalLots   112 i64 heldUnits of the command   120 i32 priceTicksBefore
 */
export const AMENDED = { ...ORDER_STATE, TOTAL_LOTS: 72, HELD_UNITS: 112, PRICE_TICKS_BEFORE: 120 } as const;

/** AMEND_REJECTED: side, instrument, account, order, key, slot and generation as the command named them, and 112 i64 heldUnits. */
export const AMEND_REJECTED = { ...ORDER_STATE, HELD_UNITS: 112 } as const;

/**
 * FILLED: one trade; its eventSequence is the trade's id.
 *  40 f64 takerOrderId   48 u32 takerAccountId   52 i32 priceTicks, the maker's   56 f64 quantityLots
 *  64 i32 makerLimitTicks   68 i32 takerLimitTicks   72 f64 makerRemainingLots after
 *  80 taker's remaining after: f64 lots, or by budget i64 quote units
 *  88 u32 makerMakerRatePpm   92 u32 makerTakerRatePpm   96 u32 takerMakerRatePpm   100 u32 takerTakerRatePpm
 * 104 u8 takerFlags (OrderFlag)   108 i32 makerSlot   112 u32 makerGeneration
 */
export const FILLED = {
  TAKER_ORDER_ID: 40,
  TAKER_ACCOUNT_ID: 48,
  PRICE_TICKS: 52,
  QUANTITY_LOTS: 56,
  MAKER_LIMIT_TICKS: 64,
  TAKER_LIMIT_TICKS: 68,
  MAKER_REMAINING_LOTS: 72,
  TAKER_REMAINING: 80,
  MAKER_MAKER_RATE_PPM: 88,
  MAKER_TAKER_RATE_PPM: 92,
  TAKER_MAKER_RATE_PPM: 96,
  TAKER_TAKER_RATE_PPM: 100,
  TAKER_FLAGS: 104,
  MAKER_SLOT: 108,
  MAKER_GENERATION: 112,
} as const;

/** CHECKPOINTED: 40 u32 low and 44 u32 high half of the state hash   48 f64 resting orders   96 f64 commandId. */
export const CHECKPOINTED = { HASH_LOW: 40, HASH_HIGH: 44, RESTING_ORDERS: 48, COMMAND_ID: 96 } as const;

/** MASS_CANCELLED: account, instrument and 40 u32 keyId as in the command; orderId is its id; 48 f64 cancelled orders. */
export const MASS_CANCELLED = { KEY_ID: 40, CANCELLED_ORDERS: 48 } as const;

/** TIME_ADVANCED: orderId is the command's id; 48 f64 expired orders. */
export const TIME_ADVANCED = { EXPIRED_ORDERS: 48 } as const;

/** INSTRUMENT_UPDATED: bytes 40 … 127 as in the command; orderId is its id. */
export const INSTRUMENT_UPDATED = UPDATE_INSTRUMENT;

/** INSTRUMENT_STATE_CHANGED: orderId is the command's id; 44 u8 state   45 u8 the state before (InstrumentState). */
export const INSTRUMENT_STATE_CHANGED = { STATE: 44, STATE_BEFORE: 45 } as const;

/** ASSET_DEFINED and INSTRUMENT_DEFINED: bytes 44 … 127 as in their command; orderId is the command's id. */
export const ASSET_DEFINED = DEFINE_ASSET;
export const INSTRUMENT_DEFINED = DEFINE_INSTRUMENT;
/** DEFINITION_REJECTED: orderId is the command's id; 104 u8 reason (RejectReason). */
export const DEFINITION_REJECTED = { REASON: 104 } as const;

/** Slot of an order that does not rest in the book. */
export const NOT_RESTING = -1;

/** @returns slots of the event that begins here: 1, or 2 with a long client order id. */
export function eventSlots(window: RecordWindow, offsetBytes: number): number {
  return recordSlots(window, offsetBytes, window.u8[offsetBytes] === EventKind.ACCEPTED);
}
