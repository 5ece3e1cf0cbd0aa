import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tryParseDecimal } from '../../../core/money/decimal.ts';
import { defaultMarkets } from '../../../core/money/default-markets.ts';
import {
  baseUnits,
  defineInstrument,
  type InstrumentDefinition,
  InvalidDefinitionError,
  MAX_PRICE_TICKS,
  MAX_QUANTITY_LOTS,
  notionalUnits,
} from '../../../core/money/instrument.ts';
import { needUnits } from '../../../core/money/need.ts';
import { Side } from '../../../core/protocol/kinds.ts';

const USD = { assetId: 1, code: 'USD', decimals: 10 };
const BTC = { assetId: 2, code: 'BTC', decimals: 8 };
const BTCUSD: InstrumentDefinition = {
  instrumentId: 1,
  symbol: 'btcusd',
  base: BTC,
  quote: USD,
  tickMantissa: 1n,
  tickScale: 2,
  lotUnits: 1n,
  minQuantityLots: 1_000,
  maxQuantityLots: MAX_QUANTITY_LOTS,
  makerRatePpm: 2_000,
  takerRatePpm: 4_000,
};

/** The message of a refusal; a test fails when there is none. */
function refusalOf(definition: InstrumentDefinition): string {
  try {
    defineInstrument(definition);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidDefinitionError);
    return (error as Error).message;
  }
  return expect.fail('the definition was taken');
}

function isTaken(definition: InstrumentDefinition): boolean {
  try {
    defineInstrument(definition);
    return true;
  } catch (error) {
    if (error instanceof InvalidDefinitionError) return false;
    throw error;
  }
}

describe('the default markets', () => {
  const { assets, instruments } = defaultMarkets();

  test('are the six that the documents name, with distinct ids', () => {
    expect(instruments.map((instrument) => instrument.symbol)).toEqual([
      'btcusd',
      'ethusd',
      'ethbtc',
      'dogeusd',
      'linkusd',
      'xrpusd',
    ]);
    expect(new Set(instruments.map((instrument) => instrument.instrumentId)).size).toBe(6);
    expect(new Set(assets.map((asset) => asset.assetId)).size).toBe(assets.length);
  });

  test.each([
    ['btcusd', '0.01', '0.00000001', '0.00001'],
    ['ethusd', '0.01', '0.000001', '0.001'],
    ['ethbtc', '0.00001', '0.001', '0.001'],
    ['dogeusd', '0.00001', '0.00001', '0.1'],
    ['linkusd', '0.00001', '0.00001', '0.1'],
    ['xrpusd', '0.00001', '0.00001', '0.1'],
  ])('%s has tick %s, lot %s, minimum %s, and one tick × one lot is exact', (symbol, tick, lot, minimum) => {
    const instrument = instruments.find((candidate) => candidate.symbol === symbol)!;
    const { base, quote, tickMantissa, tickScale, lotUnits } = instrument;
    expect(tryParseDecimal(tick, tickScale)).toBe(tickMantissa);
    expect(tryParseDecimal(lot, base.decimals)).toBe(lotUnits);
    expect(tryParseDecimal(minimum, base.decimals)).toBe(baseUnits(instrument, instrument.minQuantityLots));
    // tick × lot in text: multiply the digits, add the places after the point
    const product = BigInt(tick.replace('.', '')) * BigInt(lot.replace('.', ''));
    const places = tick.split('.')[1]!.length + lot.split('.')[1]!.length;
    expect(product * 10n ** BigInt(quote.decimals)).toBe(instrument.quoteUnitsPerTickLot * 10n ** BigInt(places));
    expect(instrument.makerRatePpm).toBe(2_000);
    expect(instrument.takerRatePpm).toBe(4_000);
  });
});

describe('the exactness rule', () => {
  test('refuses a quote too coarse for tick × lot, and names scales that work', () => {
    const coarse = { ...BTCUSD, quote: { ...USD, decimals: 8 } };
    const message = refusalOf(coarse);
    expect(message).toContain('btcusd');
    expect(message).toContain('0.01');
    expect(message).toContain('USD with 10 decimals');
    expect(isTaken({ ...coarse, quote: { ...USD, decimals: 10 } })).toBe(true);
    expect(message).toContain('10^2 times as large');
    expect(isTaken({ ...coarse, lotUnits: coarse.lotUnits * 100n })).toBe(true);
  });

  test('names a scale that works, whatever the definition, and none smaller would', () => {
    let refusals = 0;
    const decimals = fc.integer({ min: 0, max: 18 });
    const mantissas = fc.oneof(fc.constantFrom(1n, 2n, 5n, 10n, 25n, 100n), fc.bigInt({ min: 1n, max: 10n ** 6n }));
    fc.assert(
      fc.property(
        decimals,
        decimals,
        decimals,
        mantissas,
        mantissas,
        (base, quote, tickScale, tickMantissa, lotUnits) => {
          const definition = {
            ...BTCUSD,
            base: { ...BTC, decimals: base },
            quote: { ...USD, decimals: quote },
            tickScale,
            tickMantissa,
            lotUnits,
          };
          if (isTaken(definition)) return;
          refusals += 1;
          const message = refusalOf(definition);
          const power = Number(/10\^(\d+) times/.exec(message)?.[1]);
          expect(isTaken({ ...definition, lotUnits: lotUnits * 10n ** BigInt(power) })).toBe(true);
          expect(isTaken({ ...definition, quote: { ...USD, decimals: quote + power } })).toBe(true);
          expect(isTaken({ ...definition, quote: { ...USD, decimals: quote + power - 1 } })).toBe(false);
          // A finer quote is offered only where an asset may be that fine.
          const named = /USD with (\d+) decimals/.exec(message)?.[1];
          expect(named).toBe(quote + power <= 18 ? `${quote + power}` : undefined);
        },
      ),
    );
    expect(refusals).toBeGreaterThan(5);
  });

  test('no trade of an accepted instrument rounds: notional × 10^places is the product of the texts', () => {
    const prices = fc.integer({ min: 1, max: MAX_PRICE_TICKS });
    const quantities = fc.maxSafeInteger().map((lots) => Math.max(1, Math.abs(lots)));
    const instruments = fc.constantFrom(...defaultMarkets().instruments);
    fc.assert(
      fc.property(instruments, prices, quantities, (instrument, priceTicks, quantityLots) => {
        const { tickMantissa, tickScale, lotUnits, base, quote } = instrument;
        const exact = tickMantissa * BigInt(priceTicks) * lotUnits * BigInt(quantityLots);
        const scaled = notionalUnits(instrument, priceTicks, quantityLots) * 10n ** BigInt(tickScale + base.decimals);
        expect(scaled).toBe(exact * 10n ** BigInt(quote.decimals));
      }),
    );
  });
});

describe('other faults of a definition are named', () => {
  test.each<[fault: string, wrong: Partial<InstrumentDefinition>, word: string]>([
    ['symbol in upper case', { symbol: 'BTCUSD' }, 'symbol'],
    ['symbol too short', { symbol: 'btc' }, 'symbol'],
    ['symbol of 21 characters', { symbol: 'a'.repeat(21) }, 'symbol'],
    ['id 0', { instrumentId: 0 }, 'instrumentId'],
    ['id 65536', { instrumentId: 65_536 }, 'instrumentId'],
    ['id no integer', { instrumentId: 1.5 }, 'instrumentId'],
    ['base equals quote', { quote: BTC }, 'same asset'],
    ['tick 0', { tickMantissa: 0n }, 'tick'],
    ['tick below 0', { tickMantissa: -1n }, 'tick'],
    ['19 decimals of the tick', { tickScale: 19 }, 'tick'],
    ['lot 0', { lotUnits: 0n }, 'lot'],
    ['minimum 0', { minQuantityLots: 0 }, 'minimum'],
    ['minimum above the maximum', { minQuantityLots: 6, maxQuantityLots: 5 }, 'maximum'],
    ['maximum 2^53', { maxQuantityLots: 2 ** 53 }, 'maximum'],
    ['maximum NaN', { maxQuantityLots: Number.NaN }, 'maximum'],
    ['maker rate below 0', { makerRatePpm: -1 }, 'maker'],
    ['maker rate above one', { makerRatePpm: 1_000_001 }, 'maker'],
    ['taker rate above one', { takerRatePpm: 1_000_001 }, 'taker'],
    ['taker rate no integer', { takerRatePpm: 0.5 }, 'taker'],
  ])('%s', (_, wrong, word) => {
    expect(refusalOf({ ...BTCUSD, ...wrong })).toContain(word);
  });

  test.each<[edge: string, right: Partial<InstrumentDefinition>]>([
    ['ids 1 and 65535', { instrumentId: 65_535 }],
    ['20 characters', { symbol: 'a'.repeat(20) }],
    ['one lot as minimum and maximum', { minQuantityLots: 1, maxQuantityLots: 1 }],
    ['no fees', { makerRatePpm: 0, takerRatePpm: 0 }],
    ['fees of one', { makerRatePpm: 1_000_000, takerRatePpm: 1_000_000 }],
  ])('%s pass', (_, right) => {
    expect(isTaken({ ...BTCUSD, ...right })).toBe(true);
  });
});

describe('0.02 - 0.1 × 0.2 is nothing, not -3.5e-18', () => {
  // As a market: a price of 0.1 USD, a quantity of 0.2, and 0.02 USD to pay for it.
  const instrument = defineInstrument({ ...BTCUSD, minQuantityLots: 1 });
  const priceTicks = Number(tryParseDecimal('0.1', instrument.tickScale));
  const quantityLots = Number(tryParseDecimal('0.2', instrument.base.decimals));
  const fundsUnits = tryParseDecimal('0.02', instrument.quote.decimals) as bigint;

  test('in doubles it is the failure that we guard against', () => {
    expect(0.02 - 0.1 * 0.2).not.toBe(0);
  });

  test('as decimal text', () => {
    const product = (tryParseDecimal('0.1', 1) as bigint) * (tryParseDecimal('0.2', 1) as bigint);
    expect((tryParseDecimal('0.02', 2) as bigint) - product).toBe(0n);
  });

  test('as notional', () => {
    expect(fundsUnits - notionalUnits(instrument, priceTicks, quantityLots)).toBe(0n);
  });

  test('as need of a buy without fees, and of the sell against it', () => {
    const noFees = { makerRatePpm: 0, takerRatePpm: 0 };
    expect(fundsUnits - needUnits(instrument, Side.BUY, priceTicks, quantityLots, noFees)).toBe(0n);
    const base = tryParseDecimal('0.2', instrument.base.decimals) as bigint;
    expect(base - needUnits(instrument, Side.SELL, priceTicks, quantityLots, noFees)).toBe(0n);
  });
});
