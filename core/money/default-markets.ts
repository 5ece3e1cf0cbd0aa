import type { Asset } from './asset.ts';
import { tryParseDecimal } from './decimal.ts';
import { defineInstrument, type Instrument, InvalidDefinitionError, MAX_QUANTITY_LOTS } from './instrument.ts';

/** Fees of the default instruments, in ppm: 0.2 % maker, 0.4 % taker. */
export const DEFAULT_MAKER_RATE_PPM = 2_000;
export const DEFAULT_TAKER_RATE_PPM = 4_000;

// USD carries 10 decimals so that btcusd may have Gemini's steps (0.01 × 0.00000001). The price of that: all accounts
// together hold at most 2^63 units, 922 million USD. A production exchange picks coarser lots for more room.
const ASSETS: readonly Asset[] = [
  { assetId: 1, code: 'USD', decimals: 10 },
  { assetId: 2, code: 'BTC', decimals: 8 },
  { assetId: 3, code: 'ETH', decimals: 8 },
  { assetId: 4, code: 'DOGE', decimals: 8 },
  { assetId: 5, code: 'LINK', decimals: 8 },
  { assetId: 6, code: 'XRP', decimals: 8 },
];

const ROWS: readonly (readonly [base: string, quote: string, tick: string, lot: string, minimum: string])[] = [
  ['BTC', 'USD', '0.01', '0.00000001', '0.00001'],
  ['ETH', 'USD', '0.01', '0.000001', '0.001'],
  ['ETH', 'BTC', '0.00001', '0.001', '0.001'],
  ['DOGE', 'USD', '0.00001', '0.00001', '0.1'],
  ['LINK', 'USD', '0.00001', '0.00001', '0.1'],
  ['XRP', 'USD', '0.00001', '0.00001', '0.1'],
];

/** What the first start of a data folder defines. Later starts take what the journal says. */
export interface Markets {
  readonly assets: readonly Asset[];
  readonly instruments: readonly Instrument[];
}

/** The markets of a start that is given no others. */
export function defaultMarkets(): Markets {
  const byCode = new Map(ASSETS.map((asset) => [asset.code, asset]));
  const instruments = ROWS.map(([baseCode, quoteCode, tick, lot, minimum], row) => {
    const base = byCode.get(baseCode)!;
    const lotUnits = exact(lot, base.decimals);
    const tickScale = tick.split('.')[1]?.length ?? 0;
    return defineInstrument({
      instrumentId: row + 1,
      symbol: (baseCode + quoteCode).toLowerCase(),
      base,
      quote: byCode.get(quoteCode)!,
      tickMantissa: exact(tick, tickScale),
      tickScale,
      lotUnits,
      minQuantityLots: Number(exact(minimum, base.decimals) / lotUnits),
      maxQuantityLots: MAX_QUANTITY_LOTS,
      makerRatePpm: DEFAULT_MAKER_RATE_PPM,
      takerRatePpm: DEFAULT_TAKER_RATE_PPM,
    });
  });
  return { assets: ASSETS, instruments };
}

function exact(text: string, decimals: number): bigint {
  const units = tryParseDecimal(text, decimals);
  if (typeof units === 'string') throw new InvalidDefinitionError(`"${text}": ${units} (${decimals} decimals)`);
  return units;
}
