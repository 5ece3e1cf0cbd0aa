import type { Catalogue } from '../../core/money/catalogue.ts';
import { fillFeeUnits } from '../../core/money/fee.ts';
import { notionalUnits } from '../../core/money/instrument.ts';
import type { AccountTrade, DailyVolume, HistoryOrder, HistoryTrade, OrderStatus } from '../../core/ports/history.ts';
import type { AcceptedEvent, CancelledEvent, ExchangeEvent, FilledEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind, OrderFlag, Side } from '../../core/protocol/kinds.ts';

/**
 * The history again, slow and obvious: for every order and account all events are searched from the front. Written from
 * the meaning of the fields, not from the consumer.
 */
export class PlainHistory {
  /** Oldest first, as are the trades. */
  readonly orders: readonly HistoryOrder[];
  readonly trades: readonly HistoryTrade[];
  readonly #events: readonly ExchangeEvent[];
  readonly #catalogue: Catalogue;

  constructor(events: readonly ExchangeEvent[], catalogue: Catalogue) {
    this.#events = events;
    this.#catalogue = catalogue;
    this.orders = events.filter((event) => event.kind === EventKind.ACCEPTED).map((event) => this.#order(event));
    this.trades = this.#fills().map((fill) => this.#trade(fill));
  }

  /** Oldest first. */
  accountTrades(accountId: number): AccountTrade[] {
    const ids = new Map(this.orders.map((order) => [order.orderId, order.clientOrderId]));
    return this.trades.flatMap(({ maker, taker, takerSide, ...shared }) =>
      [maker, taker]
        .filter((side) => side.accountId === accountId)
        .map(({ orderId, feeUnits }): AccountTrade => {
          const isAggressor = orderId === taker.orderId;
          const side = isAggressor === (takerSide === Side.BUY) ? Side.BUY : Side.SELL;
          return { ...shared, side, isAggressor, orderId, feeUnits, clientOrderId: ids.get(orderId)! };
        }),
    );
  }

  dailyVolumes(accountId: number): DailyVolume[] {
    const trades = this.accountTrades(accountId);
    const dayOf = (trade: AccountTrade): number => Date.parse(new Date(trade.timestampMs).toISOString().slice(0, 10));
    const rows = new Set(trades.map((trade) => `${dayOf(trade)} ${trade.instrumentId}`));
    return [...rows]
      .map((row) => row.split(' ').map(Number) as [number, number])
      .sort((one, other) => one[0] - other[0] || one[1] - other[1])
      .map(([dayStartMs, instrumentId]) => {
        const sum = (side: Side, isAggressor: boolean) => {
          const counted = trades.filter(
            (trade) =>
              dayOf(trade) === dayStartMs &&
              trade.instrumentId === instrumentId &&
              trade.side === side &&
              trade.isAggressor === isAggressor,
          );
          return {
            lots: counted.reduce((lots, trade) => lots + BigInt(trade.quantityLots), 0n),
            notionalUnits: counted.reduce((units, trade) => units + trade.notionalUnits, 0n),
            trades: counted.length,
          };
        };
        return {
          accountId,
          instrumentId,
          dayStartMs,
          buyMaker: sum(Side.BUY, false),
          buyTaker: sum(Side.BUY, true),
          sellMaker: sum(Side.SELL, false),
          sellTaker: sum(Side.SELL, true),
        };
      });
  }

  #order(accepted: AcceptedEvent): HistoryOrder {
    const { kind, eventSequence, commandSequence, timestampMs, isLastOfCommand, ...fields } = accepted;
    const { orderId, instrumentId, quantityLots, budgetUnits, flags } = accepted;
    const fills = this.#fills().filter((fill) => fill.makerOrderId === orderId || fill.takerOrderId === orderId);
    const booked = this.#events.find((event) => event.kind === EventKind.BOOKED && event.orderId === orderId);
    const cancelled = this.#events.find(
      (event): event is CancelledEvent => event.kind === EventKind.CANCELLED && event.orderId === orderId,
    );
    const instrument = this.#catalogue.instrument(instrumentId)!;
    const executedUnits = fills.reduce(
      (units, fill) => units + notionalUnits(instrument, fill.priceTicks, fill.quantityLots),
      0n,
    );
    const executedLots = fills.reduce((lots, fill) => lots + fill.quantityLots, 0);
    const isByBudget = (flags & OrderFlag.BY_BUDGET) !== 0;
    const remainingLots = isByBudget ? 0 : quantityLots - executedLots;
    const remainingUnits = isByBudget ? budgetUnits - executedUnits : 0n;
    const isFilled = remainingLots === 0 && remainingUnits === 0n;
    const status: OrderStatus = cancelled ? 'CANCELLED' : isFilled ? 'FILLED' : booked ? 'RESTING' : 'ARRIVING';
    const last = [accepted, ...fills, ...(booked ? [booked] : []), ...(cancelled ? [cancelled] : [])].reduce(
      (latest, event) => (event.eventSequence > latest.eventSequence ? event : latest),
    );
    const resting = status === 'RESTING' && booked?.kind === EventKind.BOOKED ? booked : null;
    return {
      ...fields,
      acceptedPriceTicks: fields.priceTicks,
      acceptedQuantityLots: quantityLots,
      acceptedSequence: eventSequence,
      lastSequence: last.eventSequence,
      createdMs: timestampMs,
      closedMs: status === 'FILLED' || status === 'CANCELLED' ? last.timestampMs : null,
      status,
      remainingLots,
      remainingUnits,
      executedLots,
      executedUnits,
      cancelReason: cancelled?.reason ?? null,
      slot: resting?.slot ?? -1,
      generation: resting?.generation ?? 0,
    };
  }

  #fills(): FilledEvent[] {
    return this.#events.filter((event) => event.kind === EventKind.FILLED);
  }

  #trade(fill: FilledEvent): HistoryTrade {
    const instrument = this.#catalogue.instrument(fill.instrumentId)!;
    const notional = notionalUnits(instrument, fill.priceTicks, fill.quantityLots);
    return {
      tradeId: fill.eventSequence,
      instrumentId: fill.instrumentId,
      timestampMs: fill.timestampMs,
      takerSide: fill.takerSide,
      priceTicks: fill.priceTicks,
      quantityLots: fill.quantityLots,
      notionalUnits: notional,
      feeAssetId: instrument.quote.assetId,
      maker: {
        orderId: fill.makerOrderId,
        accountId: fill.makerAccountId,
        feeUnits: fillFeeUnits(notional, fill.makerMakerRatePpm),
      },
      taker: {
        orderId: fill.takerOrderId,
        accountId: fill.takerAccountId,
        feeUnits: fillFeeUnits(notional, fill.takerTakerRatePpm),
      },
    };
  }
}
