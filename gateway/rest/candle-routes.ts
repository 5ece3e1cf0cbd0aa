import type { Catalogue } from '../../core/money/catalogue.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import { baseUnits, type Instrument } from '../../core/money/instrument.ts';
import { MAX_KLINES, type MarketInfo } from '../../core/ports/klines.ts';
import { jsonReply, jsonTextReply } from '../http/reply.ts';
import type { CurrentCandles } from '../market-data/current-candles.ts';
import type { Depth } from '../market-data/depth.ts';
import { sizeOfTimeFrame, TIME_FRAMES } from '../market-data/time-frames.ts';
import { candlesJson } from './candle-json.ts';
import { ApiError, echo } from './errors.ts';
import { formatPrice } from './formatting.ts';
import { optionalTimestampMs, publicInstrument, rowLimit } from './query-fields.ts';
import type { PublicEndpoint } from './router.ts';

const CANDLE_ROWS = { usual: MAX_KLINES, maximum: MAX_KLINES };

export interface CandleRouteParts {
  readonly catalogue: Catalogue;
  readonly candles: CurrentCandles;
  readonly depth: Depth;
}

/** Candles, and what an instrument did in 24 hours. */
export function candleRoutes({ catalogue, candles, depth }: CandleRouteParts): PublicEndpoint[] {
  return [
    {
      method: 'GET',
      pattern: '/v2/candles/{symbol}/{time_frame}',
      async answer({ parameters, query }) {
        const instrument = publicInstrument(catalogue, parameters[0]!);
        const size = sizeOfTimeFrame(parameters[1]!);
        if (size === undefined)
          throw new ApiError(
            'Bad Request',
            `Supplied value '${echo(parameters[1]!)}' is not a valid time frame; valid are: ${TIME_FRAMES.join(', ')}`,
          );
        const ask = (name: string): string | undefined => query.get(name) ?? undefined;
        const sinceMs = optionalTimestampMs(ask('timestamp') ?? ask('since'), 'timestamp', 'Bad Request');
        const limit = rowLimit(ask('limit_candles'), 'limit_candles', CANDLE_ROWS, 'Bad Request');
        const { instrumentId } = instrument;
        const { candles: found } =
          sinceMs === undefined
            ? await candles.newest(instrumentId, size, limit)
            : await candles.since(instrumentId, size, sinceMs, limit);
        return jsonTextReply(candlesJson(instrument, found));
      },
    },
    {
      method: 'GET',
      pattern: '/v1/marketinfo/{symbol}',
      async answer({ parameters }) {
        const instrument = publicInstrument(catalogue, parameters[0]!);
        const { instrumentId } = instrument;
        const info = await candles.marketInfo(instrumentId);
        return jsonReply({
          symbol: instrument.symbol.toUpperCase(),
          ...infoJson(instrument, info),
          bid: priceOrNull(instrument, depth.bids(instrumentId, 1)[0]?.priceTicks),
          ask: priceOrNull(instrument, depth.asks(instrumentId, 1)[0]?.priceTicks),
        });
      },
    },
  ];
}

/** Of an instrument that was never traded everything is null or nothing. */
function infoJson(instrument: Instrument, info: MarketInfo | undefined) {
  const { base, quote, tickMantissa, tickScale } = instrument;
  return {
    open: priceOrNull(instrument, info?.openTicks),
    high: priceOrNull(instrument, info?.highTicks),
    low: priceOrNull(instrument, info?.lowTicks),
    last: priceOrNull(instrument, info?.lastTicks),
    change: formatDecimal(BigInt(info?.changeTicks ?? 0) * tickMantissa, tickScale, tickScale),
    volume: formatDecimal((info?.lots ?? 0n) * baseUnits(instrument, 1), base.decimals),
    quote_volume: formatDecimal(info?.notionalUnits ?? 0n, quote.decimals),
    timestampms: info?.asOfMs ?? null,
  };
}

function priceOrNull(instrument: Instrument, priceTicks: number | null | undefined): string | null {
  return priceTicks === null || priceTicks === undefined ? null : formatPrice(instrument, priceTicks);
}
