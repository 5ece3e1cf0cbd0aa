import type { DaySummary } from '../../core/klines/rolling-day.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import { baseUnits, type Instrument } from '../../core/money/instrument.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { CurrentHistory } from '../accounts/current-history.ts';
import { jsonReply } from '../http/reply.ts';
import type { MarketData } from '../market-data/market-data.ts';
import { type PublicTrade, TAPE_TRADES } from '../market-data/trade-tape.ts';
import { formatPrice } from './formatting.ts';
import { optionalTimestampMs, optionalWholeNumber, publicInstrument, rowLimit } from './query-fields.ts';
import type { PublicEndpoint } from './router.ts';
import { publicTradeJson } from './trade-json.ts';

export interface MarketRouteParts {
  readonly catalogue: Catalogue;
  readonly market: MarketData;
  readonly history: CurrentHistory;
  readonly clock: Clock;
}

const TRADE_ROWS = { usual: 50, maximum: TAPE_TRADES };
const CHANGE_DECIMALS = 4;

/** Trades and prices that everybody may see. */
export function marketRoutes({ catalogue, market, history, clock }: MarketRouteParts): PublicEndpoint[] {
  const best = ({ instrumentId }: Instrument) => ({
    bid: market.depth.bids(instrumentId, 1)[0]?.priceTicks,
    ask: market.depth.asks(instrumentId, 1)[0]?.priceTicks,
  });
  const day = ({ instrumentId }: Instrument) => market.statistics.summary(instrumentId, clock.nowMs());

  return [
    {
      method: 'GET',
      pattern: '/v1/trades/{symbol}',
      async answer({ parameters, query }) {
        const instrument = publicInstrument(catalogue, parameters[0]!);
        const { instrumentId } = instrument;
        const ask = (name: string): string | undefined => query.get(name) ?? undefined;
        const limit = rowLimit(ask('limit_trades'), 'limit_trades', TRADE_ROWS, 'Bad Request');
        const sinceMs = optionalTimestampMs(ask('timestamp') ?? ask('since'), 'timestamp', 'Bad Request');
        const sinceTradeId = optionalWholeNumber(ask('since_tid'), 'since_tid', 'Bad Request');
        let trades: readonly PublicTrade[];
        if (sinceTradeId === undefined && sinceMs === undefined) {
          trades = market.tape.newest(instrumentId, limit);
        } else {
          const store = await history.ofInstrument(instrumentId, market.tape.last(instrumentId)?.tradeId ?? 0);
          const bound = sinceTradeId !== undefined ? { sinceTradeId } : { sinceMs: sinceMs! };
          trades = await store.publicTrades(instrumentId, { ...bound, limit });
        }
        return jsonReply(trades.map((trade) => publicTradeJson(trade, instrument)));
      },
    },
    {
      method: 'GET',
      pattern: '/v1/pubticker/{symbol}',
      answer({ parameters }) {
        const instrument = publicInstrument(catalogue, parameters[0]!);
        const { bid, ask } = best(instrument);
        const last = market.tape.last(instrument.instrumentId)?.priceTicks;
        return jsonReply({
          ...priceField(instrument, 'bid', bid),
          ...priceField(instrument, 'ask', ask),
          ...priceField(instrument, 'last', last),
          volume: volumeJson(instrument, day(instrument), clock.nowMs()),
        });
      },
    },
    {
      method: 'GET',
      pattern: '/v2/ticker/{symbol}',
      answer({ parameters }) {
        const instrument = publicInstrument(catalogue, parameters[0]!);
        const { bid, ask } = best(instrument);
        const summary = day(instrument);
        const closes = market.statistics.hourlyCloses(instrument.instrumentId, clock.nowMs());
        return jsonReply({
          symbol: instrument.symbol.toUpperCase(),
          ...priceField(instrument, 'open', summary?.openTicks),
          ...priceField(instrument, 'high', summary?.highTicks),
          ...priceField(instrument, 'low', summary?.lowTicks),
          ...priceField(instrument, 'close', summary?.closeTicks),
          changes: closes.map((priceTicks) => formatPrice(instrument, priceTicks)),
          ...priceField(instrument, 'bid', bid),
          ...priceField(instrument, 'ask', ask),
        });
      },
    },
    {
      method: 'GET',
      pattern: '/v1/pricefeed',
      answer() {
        const rows = catalogue.instruments().flatMap((instrument) => {
          const last = market.tape.last(instrument.instrumentId);
          if (last === undefined) return []; // never traded: it has no price
          return {
            pair: instrument.symbol.toUpperCase(),
            price: formatPrice(instrument, last.priceTicks),
            percentChange24h: changeText(day(instrument)),
          };
        });
        return jsonReply(rows);
      },
    },
  ];
}

/** A price that is not known yet is left out: clients take that for "none". */
function priceField(instrument: Instrument, name: string, priceTicks: number | undefined): Record<string, string> {
  return priceTicks === undefined ? {} : { [name]: formatPrice(instrument, priceTicks) };
}

function volumeJson(instrument: Instrument, summary: DaySummary | undefined, nowMs: number): unknown {
  const { base, quote } = instrument;
  const lots = summary?.lots ?? 0n;
  const quoteUnits = (summary?.tickLots ?? 0n) * instrument.quoteUnitsPerTickLot;
  return {
    [base.code]: formatDecimal(lots * baseUnits(instrument, 1), base.decimals),
    [quote.code]: formatDecimal(quoteUnits, quote.decimals),
    timestamp: nowMs,
  };
}

/** The day's change as a fraction of its first price (0.0123 is 1.23 %), as the real exchange's live answers have it. */
function changeText(summary: DaySummary | undefined): string {
  if (summary === undefined) return '0.0000';
  const scaled = BigInt(summary.closeTicks - summary.openTicks) * 10n ** BigInt(CHANGE_DECIMALS);
  return formatDecimal(scaled / BigInt(summary.openTicks), CHANGE_DECIMALS, CHANGE_DECIMALS);
}
