import { beforeEach, describe, expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import { BookMemory, type OrderBook } from '../../../core/book/order-book.ts';
import { OrderType, TimeInForce } from '../../../core/protocol/kinds.ts';
import { TEST_LIMITS } from '../../support/engine-harness.ts';
import { type Outcome, TradingDesk } from '../../support/trading-desk.ts';

// Where the facts lie, from the descriptions of the records: words of an order and of a level, entries of a page.
const ORDER = { ACCOUNT: 4, LEVEL: 5, PREVIOUS: 6, GENERATION: 7, TYPE: 9, LIMIT: 10, STOP: 11, HEAD: 14 };
const LEVEL = { HEAD: 2, TAIL: 3, PRICE: 4, COUNT: 5, NEXT_FREE: 6 };
const PAGE = { BITMAP: 1_024, SUMMARY: 1_056, COUNT: 1_057, WORDS: 1_072 };
const GTD = 3;
const UNTRIGGERED = 4;

/** An engine with something of everything: queues, stops, expiries, free slots, levels and pages. */
class Crowd {
  readonly memory = new BookMemory(TEST_LIMITS.maxOrders, TEST_LIMITS.maxLevels);
  readonly desk = new TradingDesk({ memory: this.memory });
  readonly head: Outcome;
  readonly middle: Outcome;
  readonly tail: Outcome;
  readonly lower: Outcome;
  readonly ask: Outcome;
  readonly buyStop: Outcome;
  readonly laterBuyStop: Outcome;
  readonly sellStop: Outcome;
  readonly expiring: readonly Outcome[];
  readonly freed: Outcome;
  readonly freedLevel: number;
  readonly freePage: number;

  constructor() {
    const { desk } = this;
    desk.buy(100, 1);
    desk.sell(100, 1); // the last trade
    [this.head, this.middle, this.tail] = [desk.buy(100, 5), desk.buy(100, 6), desk.buy(100, 7)];
    this.lower = desk.buy(90, 3);
    this.ask = desk.sell(110, 4);
    const stop = { orderType: OrderType.STOP_LIMIT };
    this.buyStop = desk.buy(130, 2, { ...stop, stopPriceTicks: 120 });
    this.laterBuyStop = desk.buy(130, 2, { ...stop, stopPriceTicks: 120 });
    this.sellStop = desk.sell(70, 2, { ...stop, stopPriceTicks: 80 });
    this.expiring = [9_000, 5_000, 7_000].map((expiresAtMs) =>
      desk.sell(115, 1, { timeInForce: TimeInForce.GTD, expiresAtMs }),
    );
    desk.buy(50, 2, { instrumentId: 3 });
    const far = [desk.sell(2 ** 30, 1), desk.sell(2 ** 30 + 1, 1)];
    this.freed = far[1]!;
    this.freedLevel = this.levelOf(this.freed);
    for (const order of far) desk.cancel(order);
    const { words, used } = this.memory.pages;
    this.freePage = (1 + used) * PAGE.WORDS; // the one at 0 is never used; those in use came first, those of the far prices last
    expect(words[this.freePage + PAGE.SUMMARY]).toBe(0);
  }

  get book(): OrderBook {
    return this.desk.harness.engine.book(1)!;
  }

  levelOf({ slot }: Outcome): number {
    return this.memory.orders.orderI32[slot * 16 + ORDER.LEVEL]!;
  }

  setOrder({ slot }: Outcome, word: number, value: number): void {
    this.memory.orders.orderI32[slot * 16 + word] = value;
  }
  setLots({ slot }: Outcome, lots: number): void {
    this.memory.orders.orderF64[slot * 8] = lots;
  }
  /** @param side which stands with the instrument in one word, as records begin */
  setHead(order: Outcome, side: number, instrumentId: number): void {
    this.setOrder(order, ORDER.HEAD, (side << 8) | (instrumentId << 16));
  }
  setTerm({ slot }: Outcome, term: 0 | 1, value: number): void {
    this.memory.orders.terms[slot * 2 + term] = value;
  }
  setNext({ slot }: Outcome, next: number): void {
    this.memory.orders.nextSlot[slot] = next;
  }
  setLevel(order: Outcome, word: number, value: number): void {
    this.memory.levels.i32[this.levelOf(order) * 8 + word] = value;
  }

  /** @returns where the entry of a price below 1,024 stands: the page of instrument 1's first level, and its own */
  leafPage(): number {
    const { words } = this.memory.pages;
    for (let page = PAGE.WORDS; page < this.freePage; page += PAGE.WORDS)
      if (words[page + 100] === this.levelOf(this.head) + 1 && words[page + PAGE.COUNT]! > 2) return page;
    throw new Error('no page knows the level at 100');
  }
}

let crowd: Crowd;
beforeEach(() => {
  crowd = new Crowd();
});

type Tampering = readonly [fact: string, tamper: (crowd: Crowd) => void, named: RegExp];

const BOOK_TAMPERINGS: readonly Tampering[] = [
  [
    'the best bid is a phantom',
    (c) => {
      c.book.bestBidTicks = 105;
    },
    /side 0: best 105, index 100/,
  ],
  [
    'the best bid is forgotten',
    (c) => {
      c.book.bestBidTicks = 0;
    },
    /side 0: best 0, index 100/,
  ],
  [
    'the best ask is a phantom',
    (c) => {
      c.book.bestAskTicks = 105;
    },
    /side 1: best 105, index 110/,
  ],
  [
    'the book is crossed',
    (c) => {
      c.book.bestBidTicks = 110;
    },
    /crossed, bid 110 ask 110/,
  ],
  [
    'the sum of the bids',
    (c) => {
      c.book.bidLots += 1;
    },
    /bidLots=22, orders 21/,
  ],
  [
    'the sum of the asks',
    (c) => {
      c.book.askLots -= 1;
    },
    /askLots=6, orders 7/,
  ],
  [
    "a level's lots",
    (c) => {
      c.memory.levels.f64[c.levelOf(c.head) * 4] = 19;
    },
    /levelLots=19, orders 18/,
  ],
  ["a level's count", (c) => c.setLevel(c.head, LEVEL.COUNT, 4), /levelOrderCount=4, orders 3/],
  ["a level's head", (c) => c.setLevel(c.head, LEVEL.HEAD, c.middle.slot), /broken link/],
  ["a level's tail", (c) => c.setLevel(c.head, LEVEL.TAIL, c.middle.slot), /tail is not/],
  ["a level's price", (c) => c.setLevel(c.head, LEVEL.PRICE, 99), /at 100 stands level \d+ of price 99/],
  ['a queue that loses its end', (c) => c.setNext(c.middle, -1), /levelOrderCount=3, orders 2/],
  ['a queue that skips one', (c) => c.setNext(c.head, c.tail.slot), /broken link/],
  [
    'a queue that goes round',
    (c) => {
      c.setNext(c.tail, c.head.slot);
      c.setOrder(c.head, ORDER.PREVIOUS, c.tail.slot);
    },
    /broken link/,
  ],
  ['a link back', (c) => c.setOrder(c.tail, ORDER.PREVIOUS, c.head.slot), /broken link/],
  ['the level that an order names', (c) => c.setOrder(c.middle, ORDER.LEVEL, c.levelOf(c.lower)), /linked in/],
  ['lots of zero', (c) => c.setLots(c.middle, 0), /restingLots=0/],
  ['lots of a half', (c) => c.setLots(c.middle, 5.5), /restingLots=5.5/],
  ['negative lots', (c) => c.setLots(c.middle, -6), /restingLots=-6/],
  ['lots that are more', (c) => c.setLots(c.middle, 5), /levelLots=18, orders 17/],
  ["an order's limit", (c) => c.setOrder(c.middle, ORDER.LIMIT, 101), /limit is not 100/],
  ["an order's side", (c) => c.setHead(c.middle, 1, 1), /rests on side 0/],
  ["an order's instrument", (c) => c.setHead(c.middle, 0, 2), /stands in instrument 1, is of 2/],
  ["an order's total", (c) => c.setTerm(c.middle, 0, 5), /totalLots=5, restingLots=6/],
  ['an order that says it waits', (c) => c.setOrder(c.middle, ORDER.TYPE, UNTRIGGERED << 24), /untriggered flag/],
];

const INDEX_TAMPERINGS: readonly Tampering[] = [
  [
    'a price without its bit',
    (c) => {
      c.memory.pages.words[c.leafPage() + PAGE.BITMAP + 2]! &= ~(1 << (90 - 64));
    },
    /the bitmap is wrong about entry 90/,
  ],
  [
    'a bit without a price',
    (c) => {
      c.memory.pages.words[c.leafPage() + PAGE.BITMAP + 20] = 1;
    },
    /the bitmap is wrong about entry 640/,
  ],
  [
    'the summary',
    (c) => {
      c.memory.pages.words[c.leafPage() + PAGE.SUMMARY]! |= 1 << 20;
    },
    /the summary is wrong about word 20/,
  ],
  [
    'the count of entries',
    (c) => {
      c.memory.pages.words[c.leafPage() + PAGE.COUNT]! += 1;
    },
    /counts \d+ entries/,
  ],
  [
    'a price at the wrong level',
    (c) => {
      c.memory.pages.words[c.leafPage() + 90] = c.levelOf(c.ask) + 1;
    },
    /at 90 stands level \d+ of price 110/,
  ],
  [
    'a free page with entries',
    (c) => {
      c.memory.pages.words[c.freePage + PAGE.BITMAP + 3] = 1;
    },
    /page \d+ is free and has entries/,
  ],
  [
    'a level where nothing leads, in the page that stays empty',
    (c) => {
      c.memory.pages.words[77] = 1;
    },
    /page 0 is free and has entries/,
  ],
  [
    'free pages that go round',
    (c) => {
      c.memory.pages.words[c.freePage + PAGE.COUNT] = c.freePage;
    },
    /page pool: the free list goes round/,
  ],
  [
    'a free page lost',
    (c) => {
      c.memory.pages.allocate();
    },
    /index pages in use \d+, in books \d+/,
  ],
  ['a page of a book given back', (c) => c.memory.pages.release(c.leafPage()), /counts \d+ entries, has \d+/],
];

const STOP_TAMPERINGS: readonly Tampering[] = [
  ['lots of zero', (c) => c.setLots(c.buyStop, 0), /no lots/],
  ['its level', (c) => c.setOrder(c.buyStop, ORDER.LEVEL, c.levelOf(c.head)), /not of level/],
  ['its link', (c) => c.setOrder(c.laterBuyStop, ORDER.PREVIOUS, -1), /broken link/],
  ['its price', (c) => c.setOrder(c.buyStop, ORDER.STOP, 121), /its price is not 120/],
  ['its side', (c) => c.setHead(c.buyStop, 1, 1), /waits on side 0/],
  ['its instrument', (c) => c.setHead(c.buyStop, 0, 3), /stands in instrument 1, is of 3/],
  ['its flag', (c) => c.setOrder(c.buyStop, ORDER.TYPE, OrderType.STOP_LIMIT), /untriggered flag/],
  ["its level's count", (c) => c.setLevel(c.buyStop, LEVEL.COUNT, 1), /levelOrderCount=1, stops 2/],
  ["its level's tail", (c) => c.setLevel(c.buyStop, LEVEL.TAIL, c.buyStop.slot), /tail is not/],
  ["its level's price", (c) => c.setLevel(c.sellStop, LEVEL.PRICE, 81), /at 80 stands level \d+ of price 81/],
];

const POOL_TAMPERINGS: readonly Tampering[] = [
  ['a free slot with lots', (c) => c.setLots(c.freed, 1), /free slot \d+ holds lots/],
  ['free slots that go round', (c) => c.setNext(c.freed, c.freed.slot), /order pool: the free list goes round/],
  [
    'free slots that end early',
    (c) => c.setNext({ ...c.freed, slot: lastFreedSlot(c) }, -1),
    /order pool: free=1 live=/,
  ],
  [
    'a slot in no book',
    (c) => {
      c.memory.orders.allocate();
    },
    /live orders \d+, in books \d+/,
  ],
  ['a slot freed that rests', (c) => c.memory.orders.free(c.middle.slot), /restingLots=0/],
  [
    'a free level with orders',
    (c) => {
      c.memory.levels.i32[c.freedLevel * 8 + LEVEL.COUNT] = 1;
    },
    /free level \d+ has orders/,
  ],
  [
    'free levels that go round',
    (c) => {
      c.memory.levels.i32[c.freedLevel * 8 + LEVEL.NEXT_FREE] = c.freedLevel;
    },
    /level pool: the free list goes round/,
  ],
  [
    'a level in no book',
    (c) => {
      c.memory.levels.allocate(7);
    },
    /levels in use \d+, in books \d+/,
  ],
  ['a level freed that is in use', (c) => c.memory.levels.free(c.levelOf(c.head)), /free level \d+ has orders/],
];

const EXPIRY_TAMPERINGS: readonly Tampering[] = [
  [
    'an order that expires before those above it',
    (c) => c.setTerm(c.expiring[0]!, 1, 1_001),
    /stands below one that expires later/,
  ],
  [
    'an order that no longer expires',
    (c) => {
      c.setTerm(c.expiring[0]!, 1, 0);
      c.setOrder(c.expiring[0]!, ORDER.TYPE, 0);
    },
    /expiry queue: 3 slots, 2 live orders expire/,
  ],
  [
    'an order that expires without a queue',
    (c) => {
      c.setTerm(c.head, 1, 9_999);
      c.setOrder(c.head, ORDER.TYPE, GTD << 8);
    },
    /expiry queue: 3 slots, 4 live orders expire/,
  ],
  ['an expiry without its time in force', (c) => c.setTerm(c.head, 1, 9_999), /expiresAtMs=9999 with time in force 0/],
  [
    'a time in force without its expiry',
    (c) => c.setOrder(c.head, ORDER.TYPE, GTD << 8),
    /expiresAtMs=0 with time in force 3/,
  ],
];

/** @returns the free slot that will be given out first */
function lastFreedSlot({ memory }: Crowd): number {
  const slots: number[] = [];
  memory.orders.visitFreeSlots((slot) => slots.push(slot));
  return slots[0]!;
}

test('an engine with something of everything is sound', () => {
  expect(() => crowd.desk.harness.engine.verifyInvariants()).not.toThrow();
  expect(crowd.memory.levels.used).toBe(7);
});

describe.each([
  ['book', BOOK_TAMPERINGS],
  ['price index', INDEX_TAMPERINGS],
  ['stop', STOP_TAMPERINGS],
  ['pools', POOL_TAMPERINGS],
  ['expiry queue', EXPIRY_TAMPERINGS],
])('a fact of the %s, broken by hand, is found and named', (_, tamperings) => {
  test.each(tamperings)('%s', (_fact, tamper, named) => {
    tamper(crowd);
    const verify = (): void => crowd.desk.harness.engine.verifyInvariants();
    expect(verify).toThrow(InvariantError);
    expect(verify).toThrow(named);
  });
});
