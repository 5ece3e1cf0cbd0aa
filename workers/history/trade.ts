import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { fillFeeUnits } from '../../core/money/fee.ts';
import { notionalUnits } from '../../core/money/instrument.ts';
import type { HistoryTrade } from '../../core/ports/history.ts';
import type { FilledEvent } from '../../core/protocol/event-decoder.ts';

/**
 * @param catalogue knows the event's instrument
 * @returns the trade that a fill is, its fees charged as settlement charges them
 */
export function tradeOf(event: FilledEvent, catalogue: Catalogue): HistoryTrade {
  const instrument = catalogue.instrument(event.instrumentId);
  if (instrument === undefined) fail(`event ${event.eventSequence}: instrument ${event.instrumentId} is unknown`);
  const notional = notionalUnits(instrument, event.priceTicks, event.quantityLots);
  return {
    tradeId: event.eventSequence,
    instrumentId: event.instrumentId,
    timestampMs: event.timestampMs,
    takerSide: event.takerSide,
    priceTicks: event.priceTicks,
    quantityLots: event.quantityLots,
    notionalUnits: notional,
    feeAssetId: instrument.quote.assetId,
    maker: {
      orderId: event.makerOrderId,
      accountId: event.makerAccountId,
      feeUnits: fillFeeUnits(notional, event.makerMakerRatePpm),
    },
    taker: {
      orderId: event.takerOrderId,
      accountId: event.takerAccountId,
      feeUnits: fillFeeUnits(notional, event.takerTakerRatePpm),
    },
  };
}
