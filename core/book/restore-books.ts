import { StateFormatError } from '../protocol/state-sections.ts';
import { NIL, ORDER, ORDER_NUMBERS, ORDER_WORDS, type OrderPool } from './order-pool.ts';

/**
 * Puts the live orders of an imported pool into their books again, each queue from its oldest order to its youngest.
 * Levels and price index are made anew: which level has which number shapes nothing.
 * @param restore puts a slot at the end of its queue; false when its instrument is not defined
 * @throws StateFormatError when the links do not make sense
 */
export function restoreBooks(orders: OrderPool, restore: (instrumentId: number, slot: number) => boolean): void {
  const { orderF64, orderI32, nextSlot } = orders;
  const used = orders.neverUsedSlot;
  const isHead = Uint8Array.from({ length: used }, (_, slot) =>
    Number(
      orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]! > 0 &&
        orderI32[slot * ORDER_WORDS + ORDER.PREVIOUS_SLOT] === NIL,
    ),
  );
  let restored = 0;
  for (let head = 0; head < used; head++) {
    if (isHead[head] === 0) continue;
    for (let slot = head; slot !== NIL; ) {
      if (slot < 0 || slot >= used || ++restored > orders.live)
        throw new StateFormatError(`the queue that begins at slot ${head} leads astray to slot ${slot}`);
      const next = nextSlot[slot]!; // resting the slot ends the queue at it
      const instrumentId = orderI32[slot * ORDER_WORDS + ORDER.HEAD]! >>> 16;
      if (!restore(instrumentId, slot))
        throw new StateFormatError(`slot ${slot} rests in instrument ${instrumentId}, not defined`);
      slot = next;
    }
  }
  if (restored !== orders.live)
    throw new StateFormatError(`${restored} orders stand in queues, ${orders.live} are live`);
}
