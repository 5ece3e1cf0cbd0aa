import type { OrderPool } from '../book/order-pool.ts';
import * as orderRecord from '../book/order-record.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as kinds from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import * as recordWindow from '../protocol/record-window.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { ORDER, SLOT_MASK } = orderRecord;
const { CANCEL_ORDER } = commandRecord;
const { CommandKind } = kinds;
const { SLOT_BYTES } = recordWindow;

/** With fewer orders their rows are in the cache anyhow. */
const LEAST_ORDERS = 16_384;

/** Reads what commands will need, before they are applied. @returns a number that means nothing */
export type ReadAhead = (commands: RecordWindow, at: number, slots: number) => number;

/**
 * In a deep book every order that is cancelled or moved is a cache miss, and its command waits for it. Read a batch ahead,
 * with nothing to be done with what is read, many misses are under way at once. It changes nothing, so that it does not
 * matter what the slots hold: a long id's second half may name any order.
 */
export function createReadAhead(orders: OrderPool): ReadAhead {
  const { orderI32, nextSlot } = orders;
  return ({ u8, i32 }, at, slots) => {
    if (orders.live < LEAST_ORDERS) return 0;
    const used = orders.neverUsedSlot;
    const end = at + slots * SLOT_BYTES;
    let read = 0;
    for (let from = at; from < end; from += SLOT_BYTES) {
      if (u8[from] === CommandKind.NEW_ORDER) continue;
      const slot = i32[(from + CANCEL_ORDER.SLOT) >>> 2]! & SLOT_MASK;
      if (slot < used) read ^= orderI32[(slot << 4) | ORDER.LEVEL]! ^ nextSlot[slot]!;
    }
    return read;
  };
}
