import type { AmendOrderFields, CommandHeader, NewOrderFields } from '../../core/protocol/command-encoder.ts';
import * as commandRecord from '../../core/protocol/command-record.ts';
import type { OrderType, SelfTradePrevention, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import * as kinds from '../../core/protocol/kinds.ts';
import type { OrderEncoder } from '../../core/protocol/order-encoder.ts';
import type { RecordWindow } from '../../core/protocol/record-window.ts';
import * as recordWindow from '../../core/protocol/record-window.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { AMEND_ORDER, CANCEL_ORDER, COMMAND, NEW_ORDER } = commandRecord;
const { CommandKind } = kinds;
const { SLOT_BYTES } = recordWindow;

/** A command as the gateway has it before it is encoded. Of the three sets of fields, the one of its kind counts. */
export interface PlainCommand {
  readonly kind: kinds.CommandKind;
  readonly header: CommandHeader;
  readonly order: NewOrderFields;
  readonly amend: AmendOrderFields; // of a cancel, its first fields
}

/** @returns what stands in a record of a new order without a client order id, of a cancel or of an amendment */
export function plainCommand({ u8, u16, i32, u32, f64, i64 }: RecordWindow, at: number): PlainCommand {
  const kind = u8[at + COMMAND.KIND] as kinds.CommandKind;
  const instrumentId = u16[(at + COMMAND.INSTRUMENT_ID) >> 1]!;
  const side = u8[at + COMMAND.SIDE] as Side;
  const keyId = u32[(at + CANCEL_ORDER.KEY_ID) >> 2]!;
  return {
    kind,
    header: {
      commandSequence: f64[(at + COMMAND.COMMAND_SEQUENCE) >> 3]!,
      commandId: f64[(at + COMMAND.COMMAND_ID) >> 3]!,
      timestampMs: f64[(at + COMMAND.TIMESTAMP_MS) >> 3]!,
      accountId: u32[(at + COMMAND.ACCOUNT_ID) >> 2]!,
      ledgerSequence: f64[(at + COMMAND.LEDGER_SEQUENCE) >> 3]!,
    },
    order: {
      instrumentId,
      side,
      keyId,
      orderType: u8[at + NEW_ORDER.ORDER_TYPE] as OrderType,
      timeInForce: u8[at + NEW_ORDER.TIME_IN_FORCE] as TimeInForce,
      selfTradePrevention: u8[at + NEW_ORDER.SELF_TRADE_PREVENTION] as SelfTradePrevention,
      flags: u8[at + NEW_ORDER.FLAGS]!,
      priceTicks: i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!,
      stopPriceTicks: i32[(at + NEW_ORDER.STOP_PRICE_TICKS) >> 2]!,
      quantityLots: f64[(at + NEW_ORDER.QUANTITY_LOTS) >> 3]!,
      budgetUnits: i64[(at + NEW_ORDER.BUDGET_UNITS) >> 3]!,
      expiresAtMs: f64[(at + NEW_ORDER.EXPIRES_AT_MS) >> 3]!,
      makerRatePpm: u32[(at + NEW_ORDER.MAKER_RATE_PPM) >> 2]!,
      takerRatePpm: u32[(at + NEW_ORDER.TAKER_RATE_PPM) >> 2]!,
      clientOrderId: '',
    },
    amend: {
      instrumentId,
      side,
      keyId,
      orderId: f64[(at + CANCEL_ORDER.ORDER_ID) >> 3]!,
      slot: i32[(at + CANCEL_ORDER.SLOT) >> 2]!,
      generation: u32[(at + CANCEL_ORDER.GENERATION) >> 2]!,
      priceTicks: i32[(at + AMEND_ORDER.PRICE_TICKS) >> 2]!,
      quantityLots: f64[(at + AMEND_ORDER.QUANTITY_LOTS) >> 3]!,
      heldUnits: i64[(at + AMEND_ORDER.HELD_UNITS) >> 3]!,
    },
  };
}

/** Encodes commands `from` up to `to` into the slots of the same numbers. */
export function encodePlain(encoder: OrderEncoder, commands: readonly PlainCommand[], from: number, to: number): void {
  for (let index = from; index < to; index++) {
    const { kind, header, order, amend } = commands[index]!;
    const at = index * SLOT_BYTES;
    if (kind === CommandKind.NEW_ORDER) encoder.newOrder(at, 0, header, order);
    else if (kind === CommandKind.CANCEL_ORDER) encoder.cancelOrder(at, header, amend);
    else encoder.amendOrder(at, header, amend);
  }
}

/**
 * @returns the fields that the engine reads of a command in one number: words xored, the others added, so that putting
 * them together costs next to nothing
 */
export function plainSum({ kind, header, order, amend }: PlainCommand): number {
  const numbers = header.commandSequence + header.commandId + header.timestampMs + header.ledgerSequence;
  const words = (kind | (order.instrumentId << 16)) ^ header.accountId;
  if (kind === CommandKind.NEW_ORDER) {
    const { orderType, timeInForce, selfTradePrevention, flags } = order;
    const type = orderType | (timeInForce << 8) | (selfTradePrevention << 16) | (flags << 24);
    const rates = order.makerRatePpm ^ order.takerRatePpm;
    const terms = (order.side << 8) ^ order.keyId ^ type ^ order.priceTicks ^ order.stopPriceTicks ^ rates;
    return numbers + order.quantityLots + order.expiresAtMs + (words ^ terms);
  }
  const name = amend.keyId ^ amend.slot ^ amend.generation;
  if (kind === CommandKind.CANCEL_ORDER) return numbers + amend.orderId + (words ^ name);
  return numbers + amend.orderId + amend.quantityLots + (words ^ name ^ (amend.side << 8) ^ amend.priceTicks);
}

/**
 * @returns these numbers of slots `from` up to `to` in one, the fields read from the records as the engine reads them
 * (core/engine/common-*.ts): in place, within the function that needs them, and neighbouring small ones as one word
 */
export function decodedSum({ i32, f64 }: RecordWindow, from: number, to: number): number {
  let sum = 0;
  for (let index = from; index < to; index++) {
    const word = index * (SLOT_BYTES >> 2);
    const number = index * (SLOT_BYTES >> 3);
    const kindWord = i32[word]!; // kind, side, instrument
    const kind = kindWord & 0xff;
    const numbers =
      f64[number + (COMMAND.COMMAND_SEQUENCE >> 3)]! +
      f64[number + (COMMAND.COMMAND_ID >> 3)]! +
      (f64[number + (COMMAND.TIMESTAMP_MS >> 3)]! + f64[number + (COMMAND.LEDGER_SEQUENCE >> 3)]!);
    const words = kindWord ^ i32[word + (COMMAND.ACCOUNT_ID >> 2)]! ^ i32[word + (CANCEL_ORDER.KEY_ID >> 2)]!;
    if (kind === CommandKind.NEW_ORDER) {
      const terms =
        i32[word + (NEW_ORDER.ORDER_TYPE >> 2)]! ^ // type, time in force, self-trade prevention, flags
        i32[word + (NEW_ORDER.PRICE_TICKS >> 2)]! ^
        i32[word + (NEW_ORDER.STOP_PRICE_TICKS >> 2)]! ^
        i32[word + (NEW_ORDER.MAKER_RATE_PPM >> 2)]! ^
        i32[word + (NEW_ORDER.TAKER_RATE_PPM >> 2)]!;
      const size = f64[number + (NEW_ORDER.QUANTITY_LOTS >> 3)]! + f64[number + (NEW_ORDER.EXPIRES_AT_MS >> 3)]!;
      sum += numbers + size + (words ^ terms);
      continue;
    }
    const name = i32[word + (CANCEL_ORDER.SLOT >> 2)]! ^ i32[word + (CANCEL_ORDER.GENERATION >> 2)]!;
    const named = numbers + f64[number + (CANCEL_ORDER.ORDER_ID >> 3)]!;
    if (kind === CommandKind.CANCEL_ORDER) {
      sum += named + (words ^ name);
      continue;
    }
    const priceTicks = i32[word + (AMEND_ORDER.PRICE_TICKS >> 2)]!;
    sum += named + f64[number + (AMEND_ORDER.QUANTITY_LOTS >> 3)]! + (words ^ name ^ priceTicks);
  }
  return sum;
}

/** @returns the measured commands of a recording */
export function plainCommands(window: RecordWindow, from: number, to: number): PlainCommand[] {
  return Array.from({ length: to - from }, (_, index) => plainCommand(window, (from + index) * SLOT_BYTES));
}
