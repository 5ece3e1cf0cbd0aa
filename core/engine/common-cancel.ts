import * as orderRecord from '../book/order-record.ts';
import { sideOfHead } from '../book/order-record.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as eventRecord from '../protocol/event-record.ts';
import * as kinds from '../protocol/kinds.ts';
import type { CommonCommand, CommonParts } from './common-parts.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { ORDER, SLOT_MASK } = orderRecord;
const { CANCEL_ORDER, COMMAND } = commandRecord;
const { EVENT, EVENT_LAST_WORD, ORDER_STATE } = eventRecord;
const { CancelReason, EventKind, OrderFlag, TimeInForce } = kinds;

/** The flag of a stop that waits, which stands in no book, within the type word. */
const UNTRIGGERED_IN_WORD = OrderFlag.UNTRIGGERED << 24;

/** An order leaves the book because its owner asked: CANCELLED. */
export function commonCancel({ memory, writer, context }: CommonParts): CommonCommand {
  const { orders } = memory;
  const { orderF64, orderI32, orderI64 } = orders;
  const { unlink } = memory.queues;
  const { i32: eventI32, f64: eventF64, i64: eventI64 } = writer.ring.window;
  const ringMask = writer.ring.slotCount - 1;

  return (market, command, at) => {
    const { i32, f64 } = command;
    const commandWord = at >>> 2;
    const slot = i32[commandWord + (CANCEL_ORDER.SLOT >> 2)]! | 0;
    if (slot < 0 || slot >= orders.neverUsedSlot) return false;
    const row = (slot & SLOT_MASK) << 4;
    const lots = orderF64[(row >> 1) | ORDER.RESTING_LOTS]!;
    const orderId = orderF64[(row >> 1) | ORDER.ORDER_ID]!;
    const accountId = orderI32[row | ORDER.ACCOUNT_ID]!;
    const generation = orderI32[row | ORDER.GENERATION]!;
    const head = orderI32[row | ORDER.HEAD]!;
    const typeWord = orderI32[row | ORDER.TYPE_WORD]!;
    if (
      !(lots > 0) ||
      orderId !== f64[(at >>> 3) + (CANCEL_ORDER.ORDER_ID >> 3)] ||
      generation !== i32[commandWord + (CANCEL_ORDER.GENERATION >> 2)] ||
      accountId !== i32[commandWord + (COMMAND.ACCOUNT_ID >> 2)] ||
      head >>> 16 !== market.instrumentId ||
      ((typeWord >>> 8) & 0xff) === TimeInForce.GTD ||
      (typeWord & UNTRIGGERED_IN_WORD) !== 0
    )
      return false;

    const cancelled = ((writer.claim() >>> 7) & ringMask) << 4;
    context.eventSequence += 1;
    const word = cancelled << 1;
    eventI32[word] = head | EventKind.CANCELLED | EVENT_LAST_WORD;
    eventI32[word | (EVENT.ACCOUNT_ID >> 2)] = accountId;
    eventF64[cancelled | (EVENT.EVENT_SEQUENCE >> 3)] = context.eventSequence;
    eventF64[cancelled | (EVENT.COMMAND_SEQUENCE >> 3)] = context.commandSequence;
    eventF64[cancelled | (EVENT.TIMESTAMP_MS >> 3)] = context.timestampMs;
    eventF64[cancelled | (EVENT.ORDER_ID >> 3)] = orderId;
    eventI64[cancelled | (ORDER_STATE.KEY_ID >> 3)] = orderI64[(row | ORDER.KEY_ID) >> 1]!;
    eventI64[cancelled | (ORDER_STATE.PRICE_TICKS >> 3)] = orderI64[(row | ORDER.LIMIT_TICKS) >> 1]!;
    eventF64[cancelled | (ORDER_STATE.REMAINING_AFTER >> 3)] = 0;
    eventF64[cancelled | (ORDER_STATE.REMAINING_BEFORE >> 3)] = lots;
    eventF64[cancelled | 9] = 0;
    eventI64[cancelled | (ORDER_STATE.MAKER_RATE_PPM >> 3)] = orderI64[(row | ORDER.MAKER_RATE_PPM) >> 1]!;
    eventI32[word | (ORDER_STATE.SLOT >> 2)] = slot;
    eventI32[word | (ORDER_STATE.GENERATION >> 2)] = generation;
    eventF64[cancelled | (ORDER_STATE.COMMAND_ID >> 3)] = context.commandId;
    eventI32[word | (ORDER_STATE.REASON >> 2)] = CancelReason.REQUESTED;
    eventI32[word | 27] = 0;
    eventF64[cancelled | 14] = 0;
    eventF64[cancelled | 15] = 0;
    unlink(market.book, sideOfHead(head), slot);
    orders.free(slot);
    return true;
  };
}
