import { fail } from '../../core/assert.ts';
import type { RestingOrder, SnapshotReader } from '../../core/journal/snapshot-reader.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { HistoryStore, OrderAsOf } from '../../core/ports/history.ts';
import { OrderFlag } from '../../core/protocol/kinds.ts';
import { type Order, repeatKeyOfHistory } from './order.ts';
import type { LiveOrder } from './order-view.ts';

/** The history does not tell of the orders that rest in a snapshot: it belongs to another journal, or is damaged. */
export class HistoryMismatchError extends Error {
  override readonly name = 'HistoryMismatchError';
}

/** Orders asked from the history at a time. */
const BATCH_ORDERS = 5_000;

/**
 * The orders that live at a snapshot. What they are now is the snapshot's to say; what they came with (client order id,
 * time) and have executed is in the history alone, which may be ahead of the snapshot.
 * @param history has every event through the snapshot
 * @param catalogue has every instrument of the snapshot
 * @returns oldest first, by acceptance
 * @throws HistoryMismatchError
 */
export async function liveOrdersAt(
  snapshot: SnapshotReader,
  history: HistoryStore,
  catalogue: Catalogue,
): Promise<LiveOrder[]> {
  const { eventSequence } = snapshot.state;
  const live: LiveOrder[] = [];
  for (const batch of batchesOf(snapshot.restingOrders())) {
    const ids = batch.map(({ orderId }) => orderId);
    const known = await history.ordersAsOf(ids, eventSequence);
    for (const resting of batch) live.push(liveOrder(resting, known.get(resting.orderId), catalogue));
  }
  return live.sort((one, other) => one.order.acceptedSequence - other.order.acceptedSequence);
}

function liveOrder(resting: RestingOrder, known: OrderAsOf | undefined, catalogue: Catalogue): LiveOrder {
  const { orderId, accountId, instrumentId, priceTicks, totalLots, remainingLots, slot, generation } = resting;
  if (
    known === undefined ||
    known.accountId !== accountId ||
    known.instrumentId !== instrumentId ||
    known.executedLots + remainingLots > totalLots
  )
    throw new HistoryMismatchError(
      `history.sqlite does not know order ${orderId} as it rests in the snapshot: move the file away and start again, ` +
        'it is built anew from the event log.',
    );
  const instrument = catalogue.instrument(instrumentId) ?? fail(`no instrument ${instrumentId}`);
  const { clientOrderId, isNewestOfClientOrderId } = known;
  const order: Order = {
    orderId,
    accountId,
    keyId: known.keyId,
    instrumentId,
    side: known.side,
    orderType: known.orderType,
    timeInForce: known.timeInForce,
    selfTradePrevention: known.selfTradePrevention,
    flags: known.flags,
    priceTicks,
    stopPriceTicks: known.stopPriceTicks,
    quantityLots: totalLots,
    budgetUnits: known.budgetUnits,
    expiresAtMs: known.expiresAtMs,
    makerRatePpm: resting.makerRatePpm,
    takerRatePpm: resting.takerRatePpm,
    clientOrderId,
    acceptedAtMs: known.createdMs,
    acceptedSequence: known.acceptedSequence,
    status: (resting.flags & OrderFlag.UNTRIGGERED) === 0 ? 'RESTING' : 'WAITING',
    remainingLots,
    remainingUnits: 0n, // an order by budget never rests
    executedLots: known.executedLots,
    executedTickLots: known.executedUnits / instrument.quoteUnitsPerTickLot,
    cancelReason: null,
    slot,
    generation,
  };
  return { order, repeatKey: clientOrderId === '' ? '' : repeatKeyOfHistory(known), isNewestOfClientOrderId };
}

function* batchesOf(orders: Iterable<RestingOrder>): Generator<RestingOrder[]> {
  let batch: RestingOrder[] = [];
  for (const order of orders) {
    batch.push(order);
    if (batch.length < BATCH_ORDERS) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
