import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Catalogue } from '../../../core/money/catalogue.ts';
import { defineInstrument, MAX_PRICE_TICKS } from '../../../core/money/instrument.ts';
import { OrderFlag, Side, TimeInForce } from '../../../core/protocol/kinds.ts';
import { tryParsePayload } from '../../../gateway/auth/payload.ts';
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
  [{ type: '"exchange stop limit"' }, 'InvalidOrderType'],
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
