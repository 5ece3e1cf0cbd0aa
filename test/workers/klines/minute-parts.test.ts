import { expect, test } from 'vitest';
import { MinuteParts } from '../../../workers/klines/minute-parts.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const FACTOR = 7n;

test(`sums stay exact around and beyond what a double carries (SEED=${seed})`, () => {
  const random = new RandomIntegers(seed);
  for (let round = 0; round < 200; round++) {
    const parts = new MinuteParts(() => FACTOR);
    let [lots, tickLots] = [0n, 0n];
    const highest = random.oneOf([1, 3, 1_001, 2 ** 31 - 1]);
    const most = Math.floor(random.oneOf([2 ** 53 - 1, 2 ** 52 + 1, 2 ** 40 + 1]) / random.oneOf([1, highest]));
    for (let trade = 1; trade <= 20; trade++) {
      const priceTicks = random.between(1, highest) | 1; // odd, so that what a double drops is missed
      const quantityLots = random.between(Math.max(1, most - 9), most);
      parts.add({ instrumentId: 1, timestampMs: 120_000 + trade, priceTicks, quantityLots, eventSequence: trade });
      lots += BigInt(quantityLots);
      tickLots += BigInt(priceTicks) * BigInt(quantityLots);
    }
    const found = parts.finish();
    expect(found, `SEED=${seed} round ${round}`).toMatchObject([
      { openMs: 120_000, trades: 20, lots, notionalUnits: tickLots * FACTOR, firstSequence: 1, lastSequence: 20 },
    ]);
  }
});

test('each instrument and minute is a part of its own, in order', () => {
  const parts = new MinuteParts(() => 1n);
  const add = (eventSequence: number, instrumentId: number, timestampMs: number): void =>
    parts.add({ instrumentId, timestampMs, priceTicks: eventSequence, quantityLots: 1, eventSequence });
  add(1, 1, 59_999);
  add(2, 2, 59_999);
  add(3, 1, 60_000);
  add(4, 1, 119_999);
  add(5, 2, 120_000);
  expect(
    parts.finish().map(({ instrumentId, openMs, trades, closeTicks }) => [instrumentId, openMs, trades, closeTicks]),
  ).toEqual([
    [1, 0, 1, 1],
    [2, 0, 1, 2],
    [1, 60_000, 2, 4],
    [2, 120_000, 1, 5],
  ]);
});
