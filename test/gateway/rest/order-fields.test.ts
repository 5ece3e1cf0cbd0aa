import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Catalogue } from '../../../core/money/catalogue.ts';
import { defineInstrument, MAX_PRICE_TICKS } from '../../../core/money/instrument.ts';
import { OrderFlag, OrderType, SelfTradePrevention, Side, TimeInForce } from '../../../core/protocol/kinds.ts';
import { type PayloadFields, tryParsePayload } from '../../../gateway/auth/payload.ts';
import { Depth } from '../../../gateway/market-data/depth.ts';
import { TradeTape } from '../../../gateway/market-data/trade-tape.ts';
import { ProtectionPrices } from '../../../gateway/orders/protection-prices.ts';
import { ApiError } from '../../../gateway/rest/errors.ts';
import { type ParsedOrder, parseOrder } from '../../../gateway/rest/order-fields.ts';
import { defaultCatalogue } from '../../support/default-catalogue.ts';

const CATALOGUE = defaultCatalogue();
const NOTHING_TRADED = new ProtectionPrices(new Depth(), new TradeTape());
const GOOD = { symbol: '"btcusd"', amount: '"5"', price: '"3633.00"', side: '"buy"', type: '"exchange limit"' };

/** @param changes fields as JSON text; undefined leaves one out */
function parse(changes: Record<string, string | undefined> = {}, catalogue = CATALOGUE): ParsedOrder {
  const fields = Object.entries({ ...GOOD, ...changes }).filter(([, json]) => json !== undefined);
  const json = `{${fields.map(([name, value]) => `"${name}": ${value}`).join(', ')}}`;
  const payload = tryParsePayload(Buffer.from(json).toString('base64'));
  if (typeof payload === 'string') throw new Error(`${payload}: ${json}`);
  return parseOrder(payload, catalogue, NOTHING_TRADED);
}

function refusal(changes: Record<string, string | undefined>): { reason: string; message: string } {
  try {
    parse(changes);
  } catch (error) {
    if (error instanceof ApiError) return { reason: error.reason, message: error.message };
    throw error;
  }
  throw new Error(`${JSON.stringify(changes)} was accepted`);
}

test('the classroom order is read exactly', () => {
  const { instrument, fields } = parse({ options: '["maker-or-cancel"]', client_order_id: '"c-17"' });
  expect(instrument.symbol).toBe('btcusd');
  expect(fields).toMatchObject({
    side: Side.BUY,
    priceTicks: 363_300,
    quantityLots: 500_000_000,
    timeInForce: TimeInForce.GTC,
    flags: OrderFlag.POST_ONLY,
    clientOrderId: 'c-17',
    makerRatePpm: 2_000,
    takerRatePpm: 4_000,
  });
});

test.each([
  [{ symbol: '"BTCUSD"' }, { quantityLots: 500_000_000 }],
  [{ side: '"SELL"' }, { side: Side.SELL }],
  [{ amount: '5' }, { quantityLots: 500_000_000 }],
  [{ amount: '0.00001' }, { quantityLots: 1_000 }],
  [{ amount: '"90071992.54740991"' }, { quantityLots: Number.MAX_SAFE_INTEGER }],
  [{ amount: '"5.00000000000"' }, { quantityLots: 500_000_000 }],
  [{ price: '3633' }, { priceTicks: 363_300 }],
  [{ price: '"0.01"' }, { priceTicks: 1 }],
  [{ price: '"21474836.47"' }, { priceTicks: MAX_PRICE_TICKS }],
  [{ options: '[]' }, { timeInForce: TimeInForce.GTC, flags: 0 }],
  [{ options: 'null' }, { timeInForce: TimeInForce.GTC, flags: 0 }],
  [{ options: '["immediate-or-cancel"]' }, { timeInForce: TimeInForce.IOC, flags: 0 }],
  [{ options: '["fill-or-kill"]' }, { timeInForce: TimeInForce.FOK, flags: 0 }],
  [{ client_order_id: '""' }, { clientOrderId: '' }],
  [{ client_order_id: `"${'x'.repeat(99)}"` }, { clientOrderId: 'x'.repeat(99) }],
  [{ margin_order: 'false', stop_price: 'null', min_amount: '""' }, { priceTicks: 363_300 }],
])('%j is accepted', (changes: Record<string, string>, expected) => {
  expect(parse(changes).fields).toMatchObject(expected);
});

test.each([
  [{ symbol: undefined }, 'MissingSymbol'],
  [{ symbol: '""' }, 'MissingSymbol'],
  [{ symbol: '"btceur"' }, 'InvalidSymbol'],
  [{ symbol: '"__proto__"' }, 'InvalidSymbol'],
  [{ symbol: '5' }, 'InvalidSymbol'],
  [{ type: undefined }, 'MissingOrderType'],
  [{ type: '"exchange stop"' }, 'InvalidOrderType'],
  [{ type: '"stop-limit"' }, 'InvalidOrderType'], // an answer's word, not a request's
  [{ type: '["exchange limit"]' }, 'InvalidOrderType'],
  [{ side: undefined }, 'MissingSide'],
  [{ side: '"hold"' }, 'InvalidSide'],
  [{ amount: undefined }, 'MissingQuantity'],
  [{ amount: '""' }, 'MissingQuantity'],
  [{ amount: '"0"' }, 'InvalidQuantity'],
  [{ amount: '"-5"' }, 'InvalidQuantity'],
  [{ amount: '-0' }, 'InvalidQuantity'],
  [{ amount: '1e2' }, 'InvalidQuantity'],
  [{ amount: '1e309' }, 'InvalidQuantity'],
  [{ amount: '"NaN"' }, 'InvalidQuantity'],
  [{ amount: '"Infinity"' }, 'InvalidQuantity'],
  [{ amount: '" 5"' }, 'InvalidQuantity'],
  [{ amount: '"5,0"' }, 'InvalidQuantity'],
  [{ amount: '"0.000000001"' }, 'InvalidQuantity'], // nine decimals
  [{ amount: '"0.00000999"' }, 'InvalidQuantity'], // one lot below the minimum
  [{ amount: '"90071992.54740992"' }, 'InvalidQuantity'], // 2^53 lots
  [{ amount: `"${'9'.repeat(400)}"` }, 'InvalidQuantity'],
  [{ amount: '9'.repeat(400) }, 'InvalidQuantity'],
  [{ amount: 'true' }, 'InvalidQuantity'],
  [{ amount: '{"__proto__": 5}' }, 'InvalidQuantity'],
  [{ symbol: '"ethbtc"', amount: '"1.0005"', price: '"0.05"' }, 'InvalidQuantity'], // off a lot of 0.001
  [{ price: undefined }, 'MissingPrice'],
  [{ price: '"0"' }, 'InvalidPrice'],
  [{ price: '"0.00"' }, 'InvalidPrice'],
  [{ price: '"-3633.00"' }, 'InvalidPrice'],
  [{ price: '"3633.005"' }, 'InvalidPrice'],
  [{ price: '3.633e3' }, 'InvalidPrice'],
  [{ price: '"21474836.48"' }, 'InvalidPrice'], // 2^31 ticks
  [{ price: '[]' }, 'InvalidPrice'],
  [{ options: '"maker-or-cancel"' }, 'OptionsMustBeArray'],
  [{ options: '{}' }, 'OptionsMustBeArray'],
  [{ options: '5' }, 'OptionsMustBeArray'],
  [{ options: '["maker-or-cancel", "fill-or-kill"]' }, 'ConflictingOptions'],
  [{ options: '["good-for-nothing"]' }, 'UnsupportedOption'],
  [{ options: '[5]' }, 'UnsupportedOption'],
  [{ options: '["indication-of-interest"]' }, 'UnsupportedOption'],
  [{ options: '["auction-only"]' }, 'AuctionNotOpen'],
  [{ client_order_id: '5' }, 'ClientOrderIdMustBeString'],
  [{ client_order_id: '"ключ"' }, 'ClientOrderIdMustBeString'],
  [{ client_order_id: '"a\\nb"' }, 'ClientOrderIdMustBeString'],
  [{ client_order_id: `"${'x'.repeat(100)}"` }, 'ClientOrderIdTooLong'],
  [{ stop_price: '"3000.00"' }, 'InvalidStopPrice'],
  [{ min_amount: '"1"' }, 'UnsupportedOption'],
  [{ margin_order: 'true' }, 'UnsupportedOption'],
])('%j is refused as %s', (changes, reason) => {
  const refused = refusal(changes as Record<string, string | undefined>);
  expect(refused.reason).toBe(reason);
  expect(refused.message).toMatch(/^[ -~…]{10,200}$/);
});

const STOP = { type: '"exchange stop limit"', stop_price: '"3633.00"' };
const STOP_MARKET = { type: '"exchange stop market"', price: undefined, stop_price: '"3633.00"' };
const GTD = { options: '["good-til-date"]', expire_at: '1760000000123' };

test.each([
  [
    STOP,
    { orderType: OrderType.STOP_LIMIT, stopPriceTicks: 363_300, priceTicks: 363_300, timeInForce: TimeInForce.GTC },
  ],
  [{ ...STOP, price: '"5449.50"' }, { priceTicks: 544_950 }], // exactly half above
  [
    { ...STOP, side: '"sell"', price: '"1816.50"' },
    { side: Side.SELL, priceTicks: 181_650 },
  ], // exactly half below
  [{ ...STOP, stop_price: '3633' }, { stopPriceTicks: 363_300 }],
  [{ ...STOP, price: '"0.01"', stop_price: '"0.01"' }, { stopPriceTicks: 1 }],
  [{ ...STOP, price: '"21474836.47"', stop_price: '"21474836.47"' }, { stopPriceTicks: MAX_PRICE_TICKS }],
  [{ ...STOP, options: '["immediate-or-cancel"]' }, { timeInForce: TimeInForce.IOC }],
  [{ ...STOP, options: '["fill-or-kill"]' }, { timeInForce: TimeInForce.FOK }],
  [
    { ...STOP, ...GTD },
    { timeInForce: TimeInForce.GTD, expiresAtMs: 1_760_000_000_123 },
  ],
  // Its limit is the protection price around its stop price: 5 %, rounded towards the trader's side.
  [STOP_MARKET, { orderType: OrderType.STOP_MARKET, priceTicks: 381_465, timeInForce: TimeInForce.IOC }],
  [{ ...STOP_MARKET, side: '"sell"' }, { priceTicks: 345_135 }],
  [
    { ...STOP_MARKET, stop_price: '"0.01"' },
    { priceTicks: 1, stopPriceTicks: 1 },
  ],
  [{ ...STOP_MARKET, side: '"sell"', stop_price: '"0.01"' }, { priceTicks: 1 }],
  [{ ...STOP_MARKET, stop_price: '"21474836.47"' }, { priceTicks: MAX_PRICE_TICKS }],
  [{ ...STOP_MARKET, options: '["fill-or-kill"]' }, { timeInForce: TimeInForce.FOK }],
  [GTD, { timeInForce: TimeInForce.GTD, expiresAtMs: 1_760_000_000_123, flags: 0 }],
  [{ ...GTD, expire_at: '"1760000000"' }, { expiresAtMs: 1_760_000_000_000 }], // seconds
  [
    { options: '["good-til-date", "maker-or-cancel"]', expire_at: '1760000000' },
    { timeInForce: TimeInForce.GTD, flags: OrderFlag.POST_ONLY },
  ],
  [{ self_trade_prevention: 'null' }, { selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST }],
  [{ self_trade_prevention: '"cancel-newest"' }, { selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST }],
  [{ self_trade_prevention: '"cancel-oldest"' }, { selfTradePrevention: SelfTradePrevention.CANCEL_OLDEST }],
  [{ self_trade_prevention: '"cancel-both"' }, { selfTradePrevention: SelfTradePrevention.CANCEL_BOTH }],
  [{ self_trade_prevention: '"decrement"' }, { selfTradePrevention: SelfTradePrevention.DECREMENT }],
])('%j is accepted', (changes, expected) => {
  expect(parse(changes as Record<string, string | undefined>).fields).toMatchObject(expected);
});

test.each([
  [{ ...STOP, stop_price: undefined }, 'InvalidStopPrice'],
  [{ ...STOP, stop_price: '"0"' }, 'InvalidStopPrice'],
  [{ ...STOP, stop_price: '"3633.005"' }, 'InvalidStopPrice'],
  [{ ...STOP, stop_price: '"21474836.48"' }, 'InvalidStopPrice'],
  [{ ...STOP, stop_price: '"-1"' }, 'InvalidStopPrice'],
  [{ ...STOP, stop_price: '[]' }, 'InvalidStopPrice'],
  [{ ...STOP, price: undefined }, 'MissingPrice'],
  [{ ...STOP, price: '"3632.99"' }, 'InvalidStopPriceBuy'], // one tick
  [{ ...STOP, side: '"sell"', price: '"3633.01"' }, 'InvalidStopPriceSell'],
  [{ ...STOP, price: '"5449.51"' }, 'InvalidStopPriceRatio'],
  [{ ...STOP, side: '"sell"', price: '"1816.49"' }, 'InvalidStopPriceRatio'],
  [{ ...STOP, options: '["maker-or-cancel"]' }, 'UnsupportedOption'],
  [{ ...STOP_MARKET, price: '"3633.00"' }, 'InvalidPrice'],
  [{ ...STOP_MARKET, stop_price: undefined }, 'InvalidStopPrice'],
  [{ ...STOP_MARKET, ...GTD }, 'UnsupportedOption'],
  [{ ...STOP_MARKET, options: '["maker-or-cancel"]' }, 'UnsupportedOption'],
  [{ options: '["good-til-date"]' }, 'InvalidTimestampInPayload'],
  [{ ...GTD, expire_at: '"tomorrow"' }, 'InvalidTimestampInPayload'],
  [{ ...GTD, expire_at: '-1' }, 'InvalidTimestampInPayload'],
  [{ ...GTD, expire_at: '1.5' }, 'InvalidTimestampInPayload'],
  [{ ...GTD, expire_at: '1760000000123000' }, 'InvalidTimestampInPayload'], // microseconds
  [{ expire_at: '1760000000' }, 'UnsupportedOption'],
  [{ options: '["good-til-date", "fill-or-kill"]', expire_at: '1760000000' }, 'ConflictingOptions'],
  [{ options: '["good-til-date", "good-til-date"]', expire_at: '1760000000' }, 'ConflictingOptions'],
  [{ self_trade_prevention: '"cancel-newer"' }, 'UnsupportedOption'],
  [{ self_trade_prevention: '3' }, 'UnsupportedOption'],
  [{ total_spend: '"5"' }, 'InvalidQuantity'],
])('%j is refused as %s', (changes, reason) => {
  const refused = refusal(changes as Record<string, string | undefined>);
  expect(refused.reason).toBe(reason);
  expect(refused.message).toMatch(/^[ -~…]{10,240}$/);
});

describe('a market buy by total_spend', () => {
  const tape = new TradeTape();
  tape.prime(1, [
    { tradeId: 1, instrumentId: 1, timestampMs: 0, priceTicks: 10_000, quantityLots: 1, takerSide: Side.BUY },
  ]);
  const protection = new ProtectionPrices(new Depth(), tape);
  const spend = (changes: Record<string, string>): ParsedOrder => {
    const json = JSON.stringify({ symbol: 'btcusd', side: 'buy', type: 'exchange market', ...changes });
    return parseOrder(tryParsePayload(Buffer.from(json).toString('base64')) as PayloadFields, CATALOGUE, protection);
  };

  test.each([
    ['0.0000000001', 1n], // one unit of USD
    ['100', 1_000_000_000_000n],
    ['922337203.6854775807', 2n ** 63n - 1n],
  ])('%s is read to the unit', (text, budgetUnits) => {
    expect(spend({ total_spend: text }).fields).toMatchObject({
      orderType: OrderType.MARKET,
      timeInForce: TimeInForce.IOC,
      flags: OrderFlag.BY_BUDGET,
      quantityLots: 0,
      budgetUnits,
      priceTicks: 10_500,
    });
  });

  test.each([
    [{ total_spend: '0' }, 'must be above zero'],
    [{ total_spend: '0.00000000001' }, 'multiple of 10^-10 USD'],
    [{ total_spend: '-5' }, 'must be digits'],
    [{ total_spend: '1e3' }, 'must be digits'],
    [{ total_spend: '5', amount: '1' }, 'either amount or total_spend'],
    [{ total_spend: '5', side: 'sell' }, 'buys of type'],
  ])('%j is refused', (changes, message) => {
    expect(() => spend(changes as unknown as Record<string, string>)).toThrow(message);
  });

  test('it takes at once what it can: no other option', () => {
    const json = {
      symbol: 'btcusd',
      side: 'buy',
      type: 'exchange market',
      total_spend: '5',
      options: ['fill-or-kill'],
    };
    const payload = tryParsePayload(Buffer.from(JSON.stringify(json)).toString('base64')) as PayloadFields;
    expect(() => parseOrder(payload, CATALOGUE, protection)).toThrow('by total_spend');
  });
});

test("a price off its step is told in Gemini's words and with the step", () => {
  expect(refusal({ price: '"10.005"' }).message).toBe(
    'Invalid price for symbol BTCUSD: 10.005 (must be a multiple of 0.01)',
  );
  expect(refusal({ amount: '"0.00000001"' }).message).toBe(
    'Invalid quantity for symbol BTCUSD: 0.00000001 (must be at least 0.00001)',
  );
});

test('a tick that is no power of ten: only its multiples pass', () => {
  const { assets, instruments } = { assets: CATALOGUE.assets(), instruments: CATALOGUE.instruments() };
  const catalogue = new Catalogue();
  for (const asset of assets) catalogue.putAsset(asset);
  catalogue.putInstrument(defineInstrument({ ...instruments[0]!, tickMantissa: 25n }));
  expect(parse({ price: '"0.75"' }, catalogue).fields.priceTicks).toBe(3);
  expect(() => parse({ price: '"0.80"' }, catalogue)).toThrow('must be a multiple of 0.25');
});

test('every multiple of tick and lot within the limits comes back as exactly those ticks and lots', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: MAX_PRICE_TICKS }),
      fc.maxSafeNat().filter((lots) => lots >= 1_000),
      fc.boolean(),
      (ticks, lots, isQuoted) => {
        const decimal = (value: bigint, decimals: number): string => {
          const digits = value.toString().padStart(decimals + 1, '0');
          return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
        };
        const quote = isQuoted ? '"' : '';
        const { fields } = parse({
          price: quote + decimal(BigInt(ticks), 2) + quote,
          amount: quote + decimal(BigInt(lots), 8) + quote,
        });
        expect(fields.priceTicks).toBe(ticks);
        expect(fields.quantityLots).toBe(lots);
      },
    ),
  );
});

test('no text at all does anything but parse exactly or give a typed refusal', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.json()), (text) => {
      try {
        const { fields } = parse({ price: JSON.stringify(text) });
        expect(text).toMatch(/^(0|[1-9][0-9]*)(\.[0-9]+)?$/);
        expect(fields.priceTicks).toBeGreaterThan(0);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        expect(['InvalidPrice', 'MissingPrice']).toContain(error.reason);
      }
    }),
  );
});
