import { describe, expect, test } from 'vitest';
import { defaultMarkets } from '../../../core/money/default-markets.ts';
import { feeReserveUnits, fillFeeUnits } from '../../../core/money/fee.ts';
import { type Instrument, MAX_PRICE_TICKS, notionalUnits } from '../../../core/money/instrument.ts';
import { amendHoldUnits, budgetNeedUnits, needUnits, splitBuyFill } from '../../../core/money/need.ts';
import { Side } from '../../../core/protocol/kinds.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const FILLS = process.env.RINGBOOK_TEST_LONG === undefined ? 200_000 : 1_000_000;
const { instruments } = defaultMarkets();
const BTCUSD = instruments[0]!;

/** Any scale of amounts: most random integers of a range are near its end, where roundings do not show. */
function anyLots(random: RandomIntegers): number {
  return 1 + random.below(10 ** random.between(1, 12));
}

describe(`needs over ${FILLS} random fills (SEED=${seed})`, () => {
  test('no fill of a buy ever takes more than its hold has, and what remains at the close is exactly its need', () => {
    const random = new RandomIntegers(seed);
    let fills = 0;
    while (fills < FILLS) {
      const instrument = random.oneOf(instruments);
      const rates = { makerRatePpm: random.below(1_000_001), takerRatePpm: random.below(1_000_001) };
      if (random.onceIn(2)) rates.makerRatePpm = random.oneOf([0, 1, 2_000, 1_000_000]);
      const limitTicks = 1 + random.below(random.oneOf([10, 10_000, MAX_PRICE_TICKS]));
      let remainingLots = anyLots(random);
      let held = needUnits(instrument, Side.BUY, limitTicks, remainingLots, rates);
      const fillsOfOrder = 1 + random.below(20);
      for (let fill = 0; fill < fillsOfOrder && remainingLots > 0; fill++) {
        const isLast = fill === fillsOfOrder - 1 && random.onceIn(2);
        const lots = isLast ? remainingLots : 1 + random.below(remainingLots);
        const priceTicks = random.onceIn(3) ? limitTicks : 1 + random.below(limitTicks);
        const before = needUnits(instrument, Side.BUY, limitTicks, remainingLots, rates);
        remainingLots -= lots;
        const after = needUnits(instrument, Side.BUY, limitTicks, remainingLots, rates);
        const paid = notionalUnits(instrument, priceTicks, lots);
        const ratePpm = random.onceIn(2) ? rates.makerRatePpm : rates.takerRatePpm;
        const { paidUnits, feeUnits, releasedUnits } = splitBuyFill(before, after, paid, ratePpm);
        if (releasedUnits < 0n || feeUnits < 0n) throw new Error(`fill ${fills}: releases ${releasedUnits}`);
        held -= paidUnits + feeUnits + releasedUnits;
        if (held !== after) throw new Error(`fill ${fills}: ${held} held, ${after} needed`);
        fills += 1;
      }
      if (remainingLots === 0 && held !== 0n) throw new Error(`closed with ${held} held`);
    }
  });

  test('an order by budget never takes more than its budget and its fee, and ends with nothing', () => {
    const random = new RandomIntegers(seed + 1);
    let fills = 0;
    while (fills < FILLS / 4) {
      const rates = { makerRatePpm: random.below(1_000_001), takerRatePpm: random.below(1_000_001) };
      let budget = BigInt(anyLots(random));
      let held = budgetNeedUnits(budget, rates);
      for (let fill = 0; fill < 10 && budget > 0n; fill++) {
        const paid = fill === 9 ? budget : 1n + BigInt(random.below(Number(budget)));
        const after = budgetNeedUnits(budget - paid, rates);
        const split = splitBuyFill(budgetNeedUnits(budget, rates), after, paid, rates.takerRatePpm);
        if (split.releasedUnits < 0n) throw new Error(`fill ${fills}: releases ${split.releasedUnits}`);
        held -= split.paidUnits + split.feeUnits + split.releasedUnits;
        budget -= paid;
        fills += 1;
      }
      if (held !== 0n) throw new Error(`closed with ${held} held`);
    }
  });
});

test('what an amend holds always suffices, whatever was filled since it was computed', () => {
  const random = new RandomIntegers(seed + 2);
  let tight = 0;
  for (let amend = 0; amend < FILLS / 4; amend++) {
    const instrument = random.oneOf(instruments);
    const side = random.oneOf([Side.BUY, Side.SELL]);
    const rates = { makerRatePpm: random.below(1_000_001), takerRatePpm: random.below(1_000_001) };
    const totalLots = anyLots(random);
    const seenLots = 1 + random.below(totalLots); // remaining, when the hold was computed
    const remainingLots = random.onceIn(3) ? seenLots : 1 + random.below(seenLots); // when the core applied it
    const limitTicks = 1 + random.below(10_000);
    const newLimitTicks = random.onceIn(3) ? limitTicks : 1 + random.below(10_000);
    const goneLots = totalLots - remainingLots;
    const newTotalLots = goneLots + 1 + random.below(2 * totalLots);
    const seen = { limitTicks, remainingLots: seenLots, totalLots };
    const held = amendHoldUnits(instrument, side, seen, newLimitTicks, newTotalLots, rates);
    const before = needUnits(instrument, side, limitTicks, remainingLots, rates);
    const after = needUnits(instrument, side, newLimitTicks, newTotalLots - goneLots, rates);
    const released = before + held - after;
    if (released < 0n) throw new Error(`amend ${amend}: the hold lacks ${-released} (SEED=${seed})`);
    if (released === 0n) tight += 1;
  }
  expect(tight).toBeGreaterThan(100); // no more is held than needed where nothing came in between
});

test('an amend that only makes an order smaller or cheaper holds nothing', () => {
  const rates = { makerRatePpm: 2_000, takerRatePpm: 4_000 };
  const seen = { limitTicks: 100, remainingLots: 50, totalLots: 80 };
  for (const side of [Side.BUY, Side.SELL]) {
    expect(amendHoldUnits(BTCUSD, side, seen, 100, 80, rates)).toBe(0n);
    expect(amendHoldUnits(BTCUSD, side, seen, 99, 79, rates)).toBe(0n);
    expect(amendHoldUnits(BTCUSD, side, seen, 100, 81, rates)).toBeGreaterThan(0n);
  }
  expect(amendHoldUnits(BTCUSD, Side.BUY, seen, 101, 31, rates)).toBe(
    needUnits(BTCUSD, Side.BUY, 1, 50, rates), // one tick more on what remained
  );
  expect(amendHoldUnits(BTCUSD, Side.SELL, seen, 101, 80, rates)).toBe(0n);
});

test('one order in a thousand fills of one lot: fees never pass what was held, to the unit', () => {
  for (const ratePpm of [0, 1, 2_000, 4_000, 333_333, 999_999, 1_000_000])
    for (const limitTicks of [1, 2, 3, 249, 250, 251, 10_007]) {
      const rates = { makerRatePpm: 0, takerRatePpm: ratePpm };
      let held = needUnits(BTCUSD, Side.BUY, limitTicks, 1_000, rates);
      let fees = 0n;
      for (let remaining = 999; remaining >= 0; remaining--) {
        const before = needUnits(BTCUSD, Side.BUY, limitTicks, remaining + 1, rates);
        const after = needUnits(BTCUSD, Side.BUY, limitTicks, remaining, rates);
        const split = splitBuyFill(before, after, notionalUnits(BTCUSD, limitTicks, 1), ratePpm);
        expect(split.releasedUnits >= 0n).toBe(true);
        held -= split.paidUnits + split.feeUnits + split.releasedUnits;
        fees += split.feeUnits;
      }
      expect(held).toBe(0n);
      expect(fees <= feeReserveUnits(notionalUnits(BTCUSD, limitTicks, 1_000), ratePpm)).toBe(true);
    }
});

test('a fee rounded up per fill takes more than was held: the reason to round down', () => {
  const rates = { makerRatePpm: 2_000, takerRatePpm: 4_000 };
  let held = needUnits(BTCUSD, Side.BUY, 1, 1_000, rates);
  for (let fill = 0; fill < 1_000; fill++) {
    const paid = notionalUnits(BTCUSD, 1, 1);
    held -= paid + feeReserveUnits(paid, rates.takerRatePpm);
  }
  expect(held < 0n).toBe(true);
});

test('a need holds the fee at the higher rate on a buy, the bare quantity on a sell, nothing at the end', () => {
  const rates = { makerRatePpm: 2_000, takerRatePpm: 4_000 };
  const notional = notionalUnits(BTCUSD, 100_00, 100_000_000); // 1 BTC at 100.00 USD
  expect(notional).toBe(100n * 10n ** 10n);
  expect(needUnits(BTCUSD, Side.BUY, 100_00, 100_000_000, rates)).toBe(notional + fillFeeUnits(notional, 4_000));
  const swapped = { makerRatePpm: 4_000, takerRatePpm: 2_000 };
  expect(needUnits(BTCUSD, Side.BUY, 100_00, 100_000_000, swapped)).toBe(notional + fillFeeUnits(notional, 4_000));
  expect(needUnits(BTCUSD, Side.SELL, 100_00, 100_000_000, rates)).toBe(100_000_000n);
  expect(needUnits(BTCUSD, Side.BUY, 100_00, 0, rates)).toBe(0n);
  expect(needUnits(BTCUSD, Side.SELL, 100_00, 0, rates)).toBe(0n);
});

test('0.02 USD less 0.1 USD × 0.2 is nothing: the need of the order is the funds', () => {
  const instrument: Instrument = instruments.find(({ symbol }) => symbol === 'dogeusd')!;
  const need = needUnits(instrument, Side.BUY, 10_000, 20_000, { makerRatePpm: 0, takerRatePpm: 0 }); // 0.1 × 0.2
  expect(2n * 10n ** 8n - need).toBe(0n);
});
