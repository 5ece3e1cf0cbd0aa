import type { Asset } from '../money/asset.ts';
import type { InstrumentDefinition } from '../money/instrument.ts';
import * as commandRecord from './command-record.ts';
import type { InstrumentState, OrderType, SelfTradePrevention, Side, TimeInForce } from './kinds.ts';
import * as kinds from './kinds.ts';
import type { RecordWindow } from './record-window.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { COMMAND, DEFINE_ASSET, DEFINE_INSTRUMENT } = commandRecord;
const { MASS_CANCEL, SET_INSTRUMENT_STATE, UPDATE_INSTRUMENT } = commandRecord;
const { CommandKind } = kinds;
type CommandKind = kinds.CommandKind;

/**
 * What every command carries. Encoders clear the slot first, so that reserved bytes are zero. New orders, cancels and
 * amendments, which are nearly all commands, have an encoder of their own (order-encoder.ts).
 */
export interface CommandHeader {
  readonly commandSequence: number;
  readonly commandId: number;
  readonly timestampMs: number;
  readonly accountId: number; // 0 for the operator's own commands
  readonly ledgerSequence: number; // 0 when nothing was held
}

/** All fields of an order as the gateway hands them over. */
export interface NewOrderFields {
  readonly instrumentId: number;
  readonly side: Side;
  readonly keyId: number;
  readonly orderType: OrderType;
  readonly timeInForce: TimeInForce;
  readonly selfTradePrevention: SelfTradePrevention;
  readonly flags: number; // OrderFlag bits
  readonly priceTicks: number;
  readonly stopPriceTicks: number; // 0 for none
  readonly quantityLots: number; // 0 when by budget
  readonly budgetUnits: bigint; // 0 unless by budget
  readonly expiresAtMs: number; // 0 for never
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
  readonly clientOrderId: string; // '' for none
}

export interface CancelOrderFields {
  readonly instrumentId: number;
  readonly keyId: number;
  readonly orderId: number;
  readonly slot: number;
  readonly generation: number;
}

/** The order as a cancel names it, and what it is to be. */
export interface AmendOrderFields extends CancelOrderFields {
  readonly side: Side;
  readonly priceTicks: number; // the limit from now on; of a market order its protection price
  readonly quantityLots: number; // the total from now on, with what was filled, or decremented, before
  readonly heldUnits: bigint; // held under the command's id: amendHoldUnits in core/money/need.ts
}

/** Which of the account's orders to cancel (the header's account; 0 for every account's). */
export interface MassCancelFields {
  readonly instrumentId: number; // 0 for every instrument
  readonly keyId: number; // 0 for any key
}

export interface InstrumentStateFields {
  readonly instrumentId: number;
  readonly state: InstrumentState;
}

/** What of an instrument may change while it is traded: all of it, every time. */
export interface InstrumentUpdateFields {
  readonly instrumentId: number;
  readonly referencePriceTicks: number; // the price band lies around it; 0 for the last trade
  readonly priceBandPpm: number; // 0 for none … 1_000_000
  readonly minQuantityLots: number;
  readonly maxQuantityLots: number;
  readonly makerRatePpm: number; // for orders placed from now on, as is the next
  readonly takerRatePpm: number;
}

export function encodeMassCancel(
  window: RecordWindow,
  offsetBytes: number,
  header: CommandHeader,
  massCancel: MassCancelFields,
): void {
  encodeHeader(window, offsetBytes, CommandKind.MASS_CANCEL, header);
  window.u16[(offsetBytes + COMMAND.INSTRUMENT_ID) >> 1] = massCancel.instrumentId;
  window.u32[(offsetBytes + MASS_CANCEL.KEY_ID) >> 2] = massCancel.keyId;
}

/** Tells the core the time, which is the header's: orders good till a date at or before it expire. */
export function encodeTime(window: RecordWindow, offsetBytes: number, header: CommandHeader): void {
  encodeHeader(window, offsetBytes, CommandKind.TIME, header);
}

/** Asks the core for its state hash, which then stands in the event log and is checked by every later replay. */
export function encodeCheckpoint(window: RecordWindow, offsetBytes: number, header: CommandHeader): void {
  encodeHeader(window, offsetBytes, CommandKind.CHECKPOINT, header);
}

export function encodeDefineAsset(
  window: RecordWindow,
  offsetBytes: number,
  header: CommandHeader,
  asset: Asset,
): void {
  encodeHeader(window, offsetBytes, CommandKind.DEFINE_ASSET, header);
  window.u8[offsetBytes + DEFINE_ASSET.DECIMALS] = asset.decimals;
  window.u32[(offsetBytes + DEFINE_ASSET.ASSET_ID) >> 2] = asset.assetId;
  encodeAscii(window, offsetBytes, DEFINE_ASSET.CODE_LENGTH, DEFINE_ASSET.CODE, asset.code);
}

/** @param definition has passed defineInstrument: the exactness rule is checked before anything is journalled */
export function encodeDefineInstrument(
  window: RecordWindow,
  offsetBytes: number,
  header: CommandHeader,
  definition: InstrumentDefinition,
): void {
  encodeHeader(window, offsetBytes, CommandKind.DEFINE_INSTRUMENT, header);
  const { u8, u32, f64, i64 } = window;
  window.u16[(offsetBytes + COMMAND.INSTRUMENT_ID) >> 1] = definition.instrumentId;
  u8[offsetBytes + DEFINE_INSTRUMENT.TICK_SCALE] = definition.tickScale;
  u32[(offsetBytes + DEFINE_INSTRUMENT.BASE_ASSET_ID) >> 2] = definition.base.assetId;
  u32[(offsetBytes + DEFINE_INSTRUMENT.QUOTE_ASSET_ID) >> 2] = definition.quote.assetId;
  i64[(offsetBytes + DEFINE_INSTRUMENT.TICK_MANTISSA) >> 3] = definition.tickMantissa;
  i64[(offsetBytes + DEFINE_INSTRUMENT.LOT_UNITS) >> 3] = definition.lotUnits;
  f64[(offsetBytes + DEFINE_INSTRUMENT.MIN_QUANTITY_LOTS) >> 3] = definition.minQuantityLots;
  f64[(offsetBytes + DEFINE_INSTRUMENT.MAX_QUANTITY_LOTS) >> 3] = definition.maxQuantityLots;
  u32[(offsetBytes + DEFINE_INSTRUMENT.MAKER_RATE_PPM) >> 2] = definition.makerRatePpm;
  u32[(offsetBytes + DEFINE_INSTRUMENT.TAKER_RATE_PPM) >> 2] = definition.takerRatePpm;
  encodeAscii(window, offsetBytes, DEFINE_INSTRUMENT.SYMBOL_LENGTH, DEFINE_INSTRUMENT.SYMBOL, definition.symbol);
}

export function encodeSetInstrumentState(
  window: RecordWindow,
  offsetBytes: number,
  header: CommandHeader,
  { instrumentId, state }: InstrumentStateFields,
): void {
  encodeHeader(window, offsetBytes, CommandKind.SET_INSTRUMENT_STATE, header);
  window.u16[(offsetBytes + COMMAND.INSTRUMENT_ID) >> 1] = instrumentId;
  window.u8[offsetBytes + SET_INSTRUMENT_STATE.STATE] = state;
}

export function encodeUpdateInstrument(
  window: RecordWindow,
  offsetBytes: number,
  header: CommandHeader,
  update: InstrumentUpdateFields,
): void {
  encodeHeader(window, offsetBytes, CommandKind.UPDATE_INSTRUMENT, header);
  const { i32, u32, f64 } = window;
  window.u16[(offsetBytes + COMMAND.INSTRUMENT_ID) >> 1] = update.instrumentId;
  i32[(offsetBytes + UPDATE_INSTRUMENT.REFERENCE_PRICE_TICKS) >> 2] = update.referencePriceTicks;
  u32[(offsetBytes + UPDATE_INSTRUMENT.PRICE_BAND_PPM) >> 2] = update.priceBandPpm;
  f64[(offsetBytes + UPDATE_INSTRUMENT.MIN_QUANTITY_LOTS) >> 3] = update.minQuantityLots;
  f64[(offsetBytes + UPDATE_INSTRUMENT.MAX_QUANTITY_LOTS) >> 3] = update.maxQuantityLots;
  u32[(offsetBytes + UPDATE_INSTRUMENT.MAKER_RATE_PPM) >> 2] = update.makerRatePpm;
  u32[(offsetBytes + UPDATE_INSTRUMENT.TAKER_RATE_PPM) >> 2] = update.takerRatePpm;
}

function encodeHeader(window: RecordWindow, offsetBytes: number, kind: CommandKind, header: CommandHeader): void {
  window.clearSlot(offsetBytes);
  const { u8, u32, f64 } = window;
  u8[offsetBytes + COMMAND.KIND] = kind;
  u32[(offsetBytes + COMMAND.ACCOUNT_ID) >> 2] = header.accountId;
  f64[(offsetBytes + COMMAND.COMMAND_SEQUENCE) >> 3] = header.commandSequence;
  f64[(offsetBytes + COMMAND.COMMAND_ID) >> 3] = header.commandId;
  f64[(offsetBytes + COMMAND.TIMESTAMP_MS) >> 3] = header.timestampMs;
  f64[(offsetBytes + COMMAND.LEDGER_SEQUENCE) >> 3] = header.ledgerSequence;
}

function encodeAscii(window: RecordWindow, offsetBytes: number, lengthAt: number, textAt: number, text: string): void {
  window.u8[offsetBytes + lengthAt] = text.length;
  for (let at = 0; at < text.length; at++) window.u8[offsetBytes + textAt + at] = text.charCodeAt(at);
}
