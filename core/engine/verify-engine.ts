import { fail } from '../assert.ts';
import type { ExpiryQueue } from '../book/expiry-queue.ts';
import type { BookMemory } from '../book/order-book.ts';
import type { Market } from './market.ts';

/**
 * Walks everything an engine holds between two commands: every book and its stops, the pools, the expiry queue, and that
 * what the books hold is all that the pools gave out.
 * @throws InvariantError naming the first fact that does not hold
 */
export function verifyEngine(memory: BookMemory, markets: readonly Market[], expiries: ExpiryQueue): void {
  const { orders, levels, pages } = memory;
  const found = { orders: 0, levels: 0, pages: 0 };
  for (const market of markets) {
    const books = [market.book.verifyInvariants(market.instrumentId)];
    if (market.stops !== null) books.push(market.stops.verifyInvariants(market.instrumentId));
    for (const book of books) {
      found.orders += book.orders;
      found.levels += book.levels;
      found.pages += book.pages;
    }
    verifyStopsWait(market);
  }
  orders.verifyInvariants();
  levels.verifyInvariants();
  pages.verifyInvariants();
  expiries.verifyInvariants();
  if (found.orders !== orders.live) fail(`live orders ${orders.live}, in books ${found.orders}`);
  if (found.levels !== levels.used) fail(`levels in use ${levels.used}, in books ${found.levels}`);
  if (found.pages !== pages.used) fail(`index pages in use ${pages.used}, in books ${found.pages}`);
}

/** Between two commands every stop that a trade has reached has acted. */
function verifyStopsWait({ instrumentId, stops, lastTradeTicks, highestTradeTicks }: Market): void {
  if (highestTradeTicks !== 0) fail(`instrument ${instrumentId}: trades whose stops were not triggered`);
  if (stops === null || lastTradeTicks === 0) return;
  const { nearestBuyTicks, nearestSellTicks } = stops;
  if (nearestBuyTicks !== 0 && nearestBuyTicks <= lastTradeTicks)
    fail(`instrument ${instrumentId}: a buy stop at ${nearestBuyTicks} waits, the last trade was at ${lastTradeTicks}`);
  if (nearestSellTicks >= lastTradeTicks)
    fail(
      `instrument ${instrumentId}: a sell stop at ${nearestSellTicks} waits, the last trade was at ${lastTradeTicks}`,
    );
}
