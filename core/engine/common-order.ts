import * as orderRecord from '../book/order-record.ts';
import * as instrument from '../money/instrument.ts';
import * as clientOrderId from '../protocol/client-order-id.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as eventRecord from '../protocol/event-record.ts';
import type { Side } from '../protocol/kinds.ts';
import * as kinds from '../protocol/kinds.ts';
import type { CommonCommand, CommonParts } from './common-parts.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { NIL, ORDER, SLOT_MASK, TERMS } = orderRecord;
const { MAX_QUANTITY_LOTS } = instrument;
const { CLIENT_ORDER_ID } = clientOrderId;
const { COMMAND, NEW_ORDER } = commandRecord;
const { EVENT, EVENT_LAST_WORD, ORDER_STATE } = eventRecord;
const { EventKind, InstrumentState } = kinds;

/** A limit order good till cancelled, without a flag and with a short client order id, reaches nobody: ACCEPTED, BOOKED. */
export function commonOrder({ memory, writer, context }: CommonParts): CommonCommand {
  const { orders, levels, pages } = memory;
  const { orderF64, orderI32, orderI64, terms } = orders;
  const { find, open, link } = memory.queues;
  const { i32: eventI32, f64: eventF64, i64: eventI64 } = writer.ring.window;
  const ringMask = writer.ring.slotCount - 1;

  return (market, command, at) => {
    const { i32, f64, i64, u8 } = command;
    const commandWord = at >>> 2;
    const from = at >>> 3;
    const { book } = market;
    const kindWord = i32[commandWord]!;
    const sideByte = (kindWord >>> 8) & 0xff;
    const limitTicks = i32[commandWord + (NEW_ORDER.PRICE_TICKS >> 2)]! | 0;
    const lots = f64[from + (NEW_ORDER.QUANTITY_LOTS >> 3)]!;
    const side = (sideByte & 1) as Side;
    if (
      i32[commandWord + (NEW_ORDER.ORDER_TYPE >> 2)] !== 0 || // type, time in force, self-trade prevention, flags
      sideByte > 1 ||
      limitTicks < 1 ||
      book.isCrossedBy(side, limitTicks) ||
      market.state !== InstrumentState.TRADING ||
      !(lots >= market.minQuantityLots && lots <= market.maxQuantityLots) ||
      Math.floor(lots) !== lots ||
      (side === 0 ? book.bidLots : book.askLots) > MAX_QUANTITY_LOTS - lots ||
      u8[at + CLIENT_ORDER_ID.LENGTH]! > CLIENT_ORDER_ID.INLINE_BYTES ||
      orders.isFull
    )
      return false;
    const known = find(book, limitTicks);
    if (known === NIL && (levels.isFull || pages.free < 2)) return false;

    const accepted = ((writer.claim() >>> 7) & ringMask) << 4;
    const booked = ((writer.claim() >>> 7) & ringMask) << 4;
    const { commandSequence, timestampMs, commandId } = context;
    const eventSequence = context.eventSequence + 1;
    context.eventSequence = eventSequence + 1;
    const head = kindWord & ~0xff;
    const accountId = i32[commandWord + (COMMAND.ACCOUNT_ID >> 2)]!;
    const key = i64[from + (NEW_ORDER.KEY_ID >> 3)]!;
    const prices = i64[from + (NEW_ORDER.PRICE_TICKS >> 3)]!;
    const rates = i64[from + (NEW_ORDER.MAKER_RATE_PPM >> 3)]!;

    const slot = orders.allocate();
    const row = (slot & SLOT_MASK) << 4;
    orderF64[(row >> 1) | ORDER.RESTING_LOTS] = lots;
    orderF64[(row >> 1) | ORDER.ORDER_ID] = commandId;
    orderI32[row | ORDER.ACCOUNT_ID] = accountId;
    orderI64[(row | ORDER.KEY_ID) >> 1] = key;
    orderI64[(row | ORDER.LIMIT_TICKS) >> 1] = prices;
    orderI64[(row | ORDER.MAKER_RATE_PPM) >> 1] = rates;
    orderI32[row | ORDER.HEAD] = head;
    const term = (slot & SLOT_MASK) << 1;
    terms[term | TERMS.TOTAL_LOTS] = lots;
    terms[term | TERMS.EXPIRES_AT_MS] = 0;

    const acceptedWord = accepted << 1;
    eventI32[acceptedWord] = head | EventKind.ACCEPTED;
    eventI32[acceptedWord | (EVENT.ACCOUNT_ID >> 2)] = accountId;
    eventF64[accepted | (EVENT.EVENT_SEQUENCE >> 3)] = eventSequence;
    eventF64[accepted | (EVENT.COMMAND_SEQUENCE >> 3)] = commandSequence;
    eventF64[accepted | (EVENT.TIMESTAMP_MS >> 3)] = timestampMs;
    eventF64[accepted | (EVENT.ORDER_ID >> 3)] = commandId;
    eventI64[accepted | 5] = key; // from here to its end the record is the command's, one line for each eight bytes
    eventI64[accepted | 6] = prices;
    eventF64[accepted | 7] = lots;
    eventI64[accepted | 8] = i64[from + 8]!;
    eventI64[accepted | 9] = i64[from + 9]!;
    eventI64[accepted | 10] = rates;
    eventI64[accepted | 11] = i64[from + 11]!;
    eventI64[accepted | 12] = i64[from + 12]!;
    eventI64[accepted | 13] = i64[from + 13]!;
    eventI64[accepted | 14] = i64[from + 14]!;
    eventI64[accepted | 15] = i64[from + 15]!;

    const bookedWord = booked << 1;
    eventI32[bookedWord] = head | EventKind.BOOKED | EVENT_LAST_WORD;
    eventI32[bookedWord | (EVENT.ACCOUNT_ID >> 2)] = accountId;
    eventF64[booked | (EVENT.EVENT_SEQUENCE >> 3)] = eventSequence + 1;
    eventF64[booked | (EVENT.COMMAND_SEQUENCE >> 3)] = commandSequence;
    eventF64[booked | (EVENT.TIMESTAMP_MS >> 3)] = timestampMs;
    eventF64[booked | (EVENT.ORDER_ID >> 3)] = commandId;
    eventI64[booked | (ORDER_STATE.KEY_ID >> 3)] = key;
    eventI64[booked | (ORDER_STATE.PRICE_TICKS >> 3)] = prices;
    eventF64[booked | (ORDER_STATE.REMAINING_AFTER >> 3)] = lots;
    eventF64[booked | (ORDER_STATE.REMAINING_BEFORE >> 3)] = lots;
    eventF64[booked | 9] = 0;
    eventI64[booked | (ORDER_STATE.MAKER_RATE_PPM >> 3)] = rates;
    eventI32[bookedWord | (ORDER_STATE.SLOT >> 2)] = slot;
    eventI32[bookedWord | (ORDER_STATE.GENERATION >> 2)] = orderI32[row | ORDER.GENERATION]!;
    eventF64[booked | (ORDER_STATE.COMMAND_ID >> 3)] = commandId;
    eventF64[booked | (ORDER_STATE.REASON >> 3)] = 0;
    eventF64[booked | 14] = 0;
    eventF64[booked | 15] = 0;

    link(book, side, known === NIL ? open(book, side, limitTicks) : known, slot);
    return true;
  };
}
