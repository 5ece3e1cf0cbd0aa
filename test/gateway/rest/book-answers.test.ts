import { expect, test } from 'vitest';
import { defaultMarkets } from '../../../core/money/default-markets.ts';
import type { Depth, DepthLevel } from '../../../gateway/market-data/depth.ts';
import type { MarketFeed } from '../../../gateway/market-data/market-feed.ts';
import { BookAnswers } from '../../../gateway/rest/book-answers.ts';

const [btcusd, ethusd] = defaultMarkets().instruments as [
  ReturnType<typeof defaultMarkets>['instruments'][number],
  ReturnType<typeof defaultMarkets>['instruments'][number],
];

test('a book is written once for all who ask for as much of it, until it changes', () => {
  let version = 1;
  let written = 0;
  let bids: DepthLevel[] = [{ priceTicks: 10_000, lots: 5 }];
  const depth = {
    bids: () => {
      written += 1;
      return bids;
    },
    asks: () => [],
  } as unknown as Depth;
  const books = new BookAnswers({ depth, feed: { version: () => version } as unknown as MarketFeed });
  const first = books.answer(btcusd, 0, 0);
  expect(JSON.parse(first.body).bids).toHaveLength(1);
  expect(books.answer(btcusd, 0, 0)).toBe(first);
  expect(written).toBe(1);

  expect(books.answer(btcusd, 0, 1)).not.toBe(first);
  expect(books.answer(ethusd, 0, 1)).not.toBe(first);
  bids = [];
  version = 2;
  expect(JSON.parse(books.answer(btcusd, 0, 1).body).bids).toEqual([]);
  expect(written).toBe(4);
});
