import * as orderRecord from '../book/order-record.ts';
import * as instrument from '../money/instrument.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as eventRecord from '../protocol/event-record.ts';
import type { Side } from '../protocol/kinds.ts';
import * as kinds from '../protocol/kinds.ts';
import type { CommonCommand, CommonParts } from './common-parts.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { NIL, ORDER, SLOT_MASK, TERMS } = orderRecord;
const { MAX_QUANTITY_LOTS } = instrument;
const { AMEND_ORDER, COMMAND } = commandRecord;
const { AMENDED, EVENT, EVENT_LAST_WORD, NOT_RESTING, ORDER_STATE } = eventRecord;
const { EventKind, InstrumentState } = kinds;

/** An order in the book gets another limit that reaches nobody, and perhaps another total: AMENDED, then BOOKED. */
export function commonAmend({ memory, writer, context }: CommonParts): CommonCommand {
  const { orders, levels, pages } = memory;
  const { orderF64, orderI32, orderI64, terms } = orders;
  const { find, open, link, unlink } = memory.queues;
  const { i32: eventI32, f64: eventF64, i64: eventI64 } = writer.ring.window;
  const ringMask = writer.ring.slotCount - 1;

  return (market, command, at) => {
    const { i32, f64, i64 } = command;
    const commandWord = at >>> 2;
    const commandNumber = at >>> 3;
    const slot = i32[commandWord + (AMEND_ORDER.SLOT >> 2)]! | 0;
    if (slot < 0 || slot >= orders.neverUsedSlot) return false;
    const row = (slot & SLOT_MASK) << 4;
    const beforeLots = orderF64[(row >> 1) | ORDER.RESTING_LOTS]!;
    const orderId = orderF64[(row >> 1) | ORDER.ORDER_ID]!;
    const accountId = orderI32[row | ORDER.ACCOUNT_ID]!;
    const generation = orderI32[row | ORDER.GENERATION]!;
    const head = orderI32[row | ORDER.HEAD]!;
    if (
      !(beforeLots > 0) ||
      orderId !== f64[commandNumber + (AMEND_ORDER.ORDER_ID >> 3)] ||
      generation !== i32[commandWord + (AMEND_ORDER.GENERATION >> 2)] ||
      accountId !== i32[commandWord + (COMMAND.ACCOUNT_ID >> 2)] ||
      (i32[commandWord]! ^ head) >>> 8 !== 0 || // side and instrument: the kind stands in the first byte
      (orderI32[row | ORDER.TYPE_WORD]! & 0xff) !== 0 || // limit orders only, which never wait as stops
      market.state !== InstrumentState.TRADING
    )
      return false;

    const { book } = market;
    const side = ((head >>> 8) & 1) as Side;
    const limitTicks = i32[commandWord + (AMEND_ORDER.PRICE_TICKS >> 2)]! | 0;
    const limitTicksBefore = orderI32[row | ORDER.LIMIT_TICKS]!;
    const totalLots = f64[commandNumber + (AMEND_ORDER.QUANTITY_LOTS >> 3)]!;
    const term = (slot & SLOT_MASK) << 1;
    const afterLots = beforeLots + (totalLots - terms[term | TERMS.TOTAL_LOTS]!);
    if (
      limitTicks < 1 ||
      limitTicks === limitTicksBefore ||
      book.isCrossedBy(side, limitTicks) ||
      !(totalLots >= market.minQuantityLots && totalLots <= market.maxQuantityLots) ||
      Math.floor(totalLots) !== totalLots ||
      !(afterLots > 0) ||
      (side === 0 ? book.bidLots : book.askLots) - beforeLots > MAX_QUANTITY_LOTS - afterLots
    )
      return false;
    const known = find(book, limitTicks);
    if (known === NIL && (levels.isFull || pages.free < 2)) return false;

    const amended = ((writer.claim() >>> 7) & ringMask) << 4;
    const booked = ((writer.claim() >>> 7) & ringMask) << 4;
    const { commandSequence, timestampMs, commandId } = context;
    const eventSequence = context.eventSequence + 1;
    context.eventSequence = eventSequence + 1;
    const key = orderI64[(row >> 1) | (ORDER.KEY_ID >> 1)]!;
    const rates = orderI64[(row >> 1) | (ORDER.MAKER_RATE_PPM >> 1)]!;
    const stopTicks = orderI32[row | ORDER.STOP_PRICE_TICKS]!;

    const amendedWord = amended << 1;
    eventI32[amendedWord] = head | EventKind.AMENDED;
    eventI32[amendedWord | (EVENT.ACCOUNT_ID >> 2)] = accountId;
    eventF64[amended | (EVENT.EVENT_SEQUENCE >> 3)] = eventSequence;
    eventF64[amended | (EVENT.COMMAND_SEQUENCE >> 3)] = commandSequence;
    eventF64[amended | (EVENT.TIMESTAMP_MS >> 3)] = timestampMs;
    eventF64[amended | (EVENT.ORDER_ID >> 3)] = orderId;
    eventI64[amended | (AMENDED.KEY_ID >> 3)] = key;
    eventI32[amendedWord | (AMENDED.PRICE_TICKS >> 2)] = limitTicks;
    eventI32[amendedWord | (AMENDED.STOP_PRICE_TICKS >> 2)] = stopTicks;
    eventF64[amended | (AMENDED.REMAINING_AFTER >> 3)] = afterLots;
    eventF64[amended | (AMENDED.REMAINING_BEFORE >> 3)] = beforeLots;
    eventF64[amended | (AMENDED.TOTAL_LOTS >> 3)] = totalLots;
    eventI64[amended | (AMENDED.MAKER_RATE_PPM >> 3)] = rates;
    eventI32[amendedWord | (AMENDED.SLOT >> 2)] = NOT_RESTING;
    eventI32[amendedWord | (AMENDED.GENERATION >> 2)] = 0;
    eventF64[amended | (AMENDED.COMMAND_ID >> 3)] = commandId;
    eventF64[amended | (AMENDED.REASON >> 3)] = 0;
    eventI64[amended | (AMENDED.HELD_UNITS >> 3)] = i64[commandNumber + (AMEND_ORDER.HELD_UNITS >> 3)]!;
    eventI32[amendedWord | (AMENDED.PRICE_TICKS_BEFORE >> 2)] = limitTicksBefore;
    eventI32[amendedWord | 31] = 0;

    const bookedWord = booked << 1;
    eventI32[bookedWord] = head | EventKind.BOOKED | EVENT_LAST_WORD;
    eventI32[bookedWord | (EVENT.ACCOUNT_ID >> 2)] = accountId;
    eventF64[booked | (EVENT.EVENT_SEQUENCE >> 3)] = eventSequence + 1;
    eventF64[booked | (EVENT.COMMAND_SEQUENCE >> 3)] = commandSequence;
    eventF64[booked | (EVENT.TIMESTAMP_MS >> 3)] = timestampMs;
    eventF64[booked | (EVENT.ORDER_ID >> 3)] = orderId;
    eventI64[booked | (ORDER_STATE.KEY_ID >> 3)] = key;
    eventI32[bookedWord | (ORDER_STATE.PRICE_TICKS >> 2)] = limitTicks;
    eventI32[bookedWord | (ORDER_STATE.STOP_PRICE_TICKS >> 2)] = stopTicks;
    eventF64[booked | (ORDER_STATE.REMAINING_AFTER >> 3)] = afterLots;
    eventF64[booked | (ORDER_STATE.REMAINING_BEFORE >> 3)] = afterLots;
    eventF64[booked | 9] = 0;
    eventI64[booked | (ORDER_STATE.MAKER_RATE_PPM >> 3)] = rates;
    eventI32[bookedWord | (ORDER_STATE.SLOT >> 2)] = slot;
    eventI32[bookedWord | (ORDER_STATE.GENERATION >> 2)] = (generation + 1) | 0;
    eventF64[booked | (ORDER_STATE.COMMAND_ID >> 3)] = commandId;
    eventF64[booked | (ORDER_STATE.REASON >> 3)] = 0;
    eventF64[booked | 14] = 0;
    eventF64[booked | 15] = 0;

    // As if it were removed and rested anew in the slot that was freed last.
    unlink(book, side, slot);
    orderF64[(row >> 1) | ORDER.RESTING_LOTS] = afterLots;
    orderI32[row | ORDER.GENERATION] = (generation + 1) | 0;
    orderI32[row | ORDER.LIMIT_TICKS] = limitTicks;
    terms[term | TERMS.TOTAL_LOTS] = totalLots;
    link(book, side, known === NIL ? open(book, side, limitTicks) : known, slot);
    return true;
  };
}
