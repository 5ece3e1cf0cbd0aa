import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind, type Side } from '../../core/protocol/kinds.ts';

export interface PlainRestingOrder {
  readonly orderId: number;
  readonly accountId: number;
  readonly instrumentId: number;
  readonly side: Side;
  readonly priceTicks: number;
  readonly lots: number;
}

/** What rests, kept the slow way: by order, from the remaining quantities that events state. */
export class PlainRestingOrders {
  readonly orders = new Map<number, PlainRestingOrder>();
  readonly waitingOrderIds = new Set<number>(); // untriggered stops

  observe(event: ExchangeEvent): void {
    if (event.kind === EventKind.BOOKED) {
      const { orderId, accountId, instrumentId, side, priceTicks, remainingAfterLots: lots } = event;
      this.orders.set(orderId, { orderId, accountId, instrumentId, side, priceTicks, lots });
    } else if (event.kind === EventKind.CANCELLED || event.kind === EventKind.EXPIRED) {
      this.orders.delete(event.orderId);
      this.waitingOrderIds.delete(event.orderId);
    } else if (event.kind === EventKind.STOP_PLACED) {
      this.waitingOrderIds.add(event.orderId);
    } else if (event.kind === EventKind.TRIGGERED) {
      this.waitingOrderIds.delete(event.orderId);
    } else if (event.kind === EventKind.AMENDED || event.kind === EventKind.REDUCED) {
      const order = this.orders.get(event.orderId);
      if (order === undefined) return; // a taker, or a stop that waits
      if (event.slot < 0) this.orders.delete(event.orderId);
      else this.orders.set(event.orderId, { ...order, lots: event.remainingAfterLots });
    } else if (event.kind === EventKind.FILLED) {
      const maker = this.orders.get(event.makerOrderId)!;
      if (event.makerRemainingLots === 0) this.orders.delete(event.makerOrderId);
      else this.orders.set(event.makerOrderId, { ...maker, lots: event.makerRemainingLots });
    }
  }

  /** @returns price levels, best first */
  levels(instrumentId: number, side: Side): { priceTicks: number; lots: number }[] {
    const lots = new Map<number, number>();
    for (const order of this.orders.values())
      if (order.instrumentId === instrumentId && order.side === side)
        lots.set(order.priceTicks, (lots.get(order.priceTicks) ?? 0) + order.lots);
    return [...lots]
      .map(([priceTicks, sum]) => ({ priceTicks, lots: sum }))
      .sort((left, right) => (side === 0 ? right.priceTicks - left.priceTicks : left.priceTicks - right.priceTicks));
  }
}
