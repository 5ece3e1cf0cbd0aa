import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replayText } from './replay-text.ts';
import { SlowReplay } from './slow-replay.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const isLong = process.env.RINGBOOK_TEST_LONG !== undefined;

const TOP = 2 ** 31 - 1;
const id = fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 0, max: 12 }) }, fc.constantFrom(2 ** 53 - 1, 2 ** 32));
const nearPrice = fc.integer({ min: 98, max: 103 });
const price = fc.oneof(
  { weight: 20, arbitrary: nearPrice },
  fc.constantFrom(1, 2, TOP - 1, TOP, 1_023, 1_024, 2 ** 20),
);
const quantity = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: 1, max: 9 }) },
  fc.constantFrom(2 ** 52, 2 ** 53 - 1, 2 ** 53 - 10),
);
const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(id, fc.constantFrom('buy', 'sell'), price, quantity, fc.constantFrom('', '', '', ' ioc'))
      .map(([orderId, side, ticks, lots, flag]) => `new ${orderId} ${side} ${ticks} ${lots}${flag}`),
  },
  { weight: 2, arbitrary: id.map((orderId) => `cancel ${orderId}`) },
  {
    weight: 3,
    arbitrary: fc.tuple(id, price, quantity).map(([orderId, ticks, lots]) => `modify ${orderId} ${ticks} ${lots}`),
  },
  { weight: 1, arbitrary: fc.constantFrom('', '   ', '# a comment', '#cancel 1', '\tcancel  3\t', 'cancel 4\r') },
);

describe('the report of the real book is, byte for byte, that of plain arrays', () => {
  test(`on random lists, however they are cut into chunks (SEED=${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 80, size: 'max' }),
        fc.integer({ min: 1, max: 40 }),
        async (lines, cut) => {
          const text = lines.join('\n');
          const slow = SlowReplay.of(text);
          const { report, summary } = await replayText(text, { chunkBytes: cut });
          expect(report).toBe(slow.report);
          expect(summary.sha256).toBe(createHash('sha256').update(slow.report).digest('hex'));
          expect(summary.bestBid).toBe(slow.bestPrice(true));
          expect(summary.bestAsk).toBe(slow.bestPrice(false));
        },
      ),
      { seed, numRuns: isLong ? 20_000 : 500 },
    );
  });

  test(`and so are best prices and depth after any line (SEED=${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 40, size: 'max' }), price, async (lines, asked) => {
        const probes = lines.map((_, index) => ({ line: index + 1, price: asked }));
        const { summary } = await replayText(`${lines.join('\n')}\n`, { probes });
        const slow = new SlowReplay();
        const expected = lines.map((message, index) => {
          slow.apply(message);
          const best = { bestBid: slow.bestPrice(true), bestAsk: slow.bestPrice(false) };
          return { line: index + 1, price: asked, ...best, ...slow.depthAt(asked) };
        });
        expect(summary.probes).toEqual(expected);
      }),
      { seed, numRuns: isLong ? 5_000 : 200 },
    );
  });

  test('on a long list with thousands at one price', async () => {
    const lines = Array.from({ length: 3_000 }, (_, index) => {
      const way = index % 7;
      if (way === 0) return `cancel ${Math.floor(index * 0.6)}`;
      if (way === 3) return `modify ${Math.floor(index * 0.7)} ${100 + (index % 3)} ${1 + (index % 11)}`;
      return `new ${index} ${index % 11 === 0 ? 'sell' : 'buy'} ${index % 11 === 0 ? 101 : 100} ${1 + (index % 5)}`;
    });
    const text = lines.join('\n');
    expect((await replayText(text)).report).toBe(SlowReplay.of(text).report);
  });
});
