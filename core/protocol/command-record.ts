import { recordSlots } from './client-order-id.ts';
import * as kinds from './kinds.ts';
import * as orderFields from './order-fields.ts';
import type { RecordWindow } from './record-window.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { CommandKind } = kinds;
const { ORDER_FIELDS } = orderFields;

/**
 * Every command: 128 bytes (NEW_ORDER with a long client order id: 256), little-endian.
 *   0 u8 kind   1 u8 side (0 where there is none)   2 u16 instrumentId (0 where there is none)   4 u32 accountId
 *   8 f64 commandSequence, 1 and up without gaps: the journal's order   16 f64 commandId, unique for ever, < 2^53
 *  24 f64 timestampMs, never going back   32 f64 ledgerSequence: the ledger's change sequence its hold returned
 */
export const COMMAND = {
  KIND: 0,
  SIDE: 1,
  INSTRUMENT_ID: 2,
  ACCOUNT_ID: 4,
  COMMAND_SEQUENCE: 8,
  COMMAND_ID: 16,
  TIMESTAMP_MS: 24,
  LEDGER_SEQUENCE: 32,
} as const;

/**
 * NEW_ORDER: the shared order fields (order-fields.ts) and
 *  56 f64 quantityLots, 0 by budget   64 i64 budgetUnits, 0 unless by budget   72 f64 expiresAtMs, 0 for never
 *  88 u8 zero ×8   96 … the client order id (client-order-id.ts). The order's id is the commandId.
 */
export const NEW_ORDER = { ...ORDER_FIELDS, QUANTITY_LOTS: 56, BUDGET_UNITS: 64, EXPIRES_AT_MS: 72 } as const;

/** CANCEL_ORDER: 40 u32 keyId   48 f64 orderId   56 i32 slot ≥ 0   60 u32 generation. */
export const CANCEL_ORDER = { KEY_ID: 40, ORDER_ID: 48, SLOT: 56, GENERATION: 60 } as const;

/**
 * AMEND_ORDER: the header's side, instrumentId and accountId as in the order, and
 *  40 u32 keyId   44 i32 priceTicks, the limit from now on   48 f64 orderId   56 i32 slot ≥ 0   60 u32 generation
 *  64 f64 quantityLots, the total from now on: with what is gone already   72 i64 heldUnits, held for it under the commandId
 */
export const AMEND_ORDER = { ...CANCEL_ORDER, PRICE_TICKS: 44, QUANTITY_LOTS: 64, HELD_UNITS: 72 } as const;

/**
 * MASS_CANCEL: the header's accountId, 0 for every account, and instrumentId, 0 for every instrument, and
 *  40 u32 keyId: only orders placed with this key, 0 for any
 */
export const MASS_CANCEL = { KEY_ID: 40 } as const;

/** SET_INSTRUMENT_STATE: the header's instrumentId and 44 u8 state (InstrumentState). */
export const SET_INSTRUMENT_STATE = { STATE: 44 } as const;

/**
 * UPDATE_INSTRUMENT: the header's instrumentId and
 *  48 i32 referencePriceTicks: what the price band lies around, 0 for the last trade   52 u32 priceBandPpm, 0 for none
 *  72 f64 minQuantityLots   80 f64 maxQuantityLots   88 u32 makerRatePpm   92 u32 takerRatePpm
 * The fee rates are for whoever places orders: the core charges each order the rates that it carries.
 */
export const UPDATE_INSTRUMENT = {
  REFERENCE_PRICE_TICKS: 48,
  PRICE_BAND_PPM: 52,
  MIN_QUANTITY_LOTS: 72,
  MAX_QUANTITY_LOTS: 80,
  MAKER_RATE_PPM: 88,
  TAKER_RATE_PPM: 92,
} as const;

/** DEFINE_ASSET: 44 u8 decimals   45 u8 code length   48 … 63 code, ASCII   64 u32 assetId. */
export const DEFINE_ASSET = { DECIMALS: 44, CODE_LENGTH: 45, CODE: 48, CODE_BYTES: 16, ASSET_ID: 64 } as const;

/**
 * DEFINE_INSTRUMENT: the header's instrumentId and
 *  44 u8 tickScale   45 u8 symbol length   48 u32 baseAssetId   52 u32 quoteAssetId   56 i64 tickMantissa
 *  64 i64 lotUnits   72 f64 minQuantityLots   80 f64 maxQuantityLots   88 u32 makerRatePpm   92 u32 takerRatePpm
 *  96 … 119 symbol, ASCII
 */
export const DEFINE_INSTRUMENT = {
  TICK_SCALE: 44,
  SYMBOL_LENGTH: 45,
  BASE_ASSET_ID: 48,
  QUOTE_ASSET_ID: 52,
  TICK_MANTISSA: 56,
  LOT_UNITS: 64,
  MIN_QUANTITY_LOTS: 72,
  MAX_QUANTITY_LOTS: 80,
  MAKER_RATE_PPM: 88,
  TAKER_RATE_PPM: 92,
  SYMBOL: 96,
  SYMBOL_BYTES: 24,
} as const;

/** @returns slots of the command that begins here: 1, or 2 with a long client order id. */
export function commandSlots(window: RecordWindow, offsetBytes: number): number {
  return recordSlots(window, offsetBytes, window.u8[offsetBytes] === CommandKind.NEW_ORDER);
}
