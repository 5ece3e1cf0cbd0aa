import { describe, expect, test } from 'vitest';
import { replayText, reportsOf } from './replay-text.ts';

const TOP = 2 ** 31 - 1;

describe('cancelling within a queue loses nobody behind it, nor before it', () => {
  test.each([
    ['the head', 1],
    ['the middle', 2],
    ['the tail', 3],
  ])('%s', async (_, cancelled) => {
    const reports = await reportsOf(
      'new 1 buy 100 5',
      'new 2 buy 100 6',
      'new 3 buy 100 7',
      `cancel ${cancelled}`,
      'new 4 buy 100 8',
      'new 9 sell 100 99',
    );
    const left = [1, 2, 3, 4].filter((id) => id !== cancelled);
    expect(reports.slice(3)).toEqual([
      `4 cancel-ack ${cancelled} ${cancelled + 4}`,
      '5 order-ack 4',
      '6 order-ack 9',
      ...left.map((id) => `6 trade 100 ${id} 9 ${id + 4}`),
    ]);
  });
});

test('a sweep fills the best price first and rests its remainder at its own limit, never through it', async () => {
  const list = ['new 1 sell 103 5', 'new 2 sell 101 5', 'new 3 sell 104 5', 'new 4 sell 102 5', 'new 9 buy 103 20'];
  const { report, summary } = await replayText(list.join('\n'), { probes: [{ line: 5, price: 103 }] });
  expect(report.split('\n').slice(4, -1)).toEqual([
    '5 order-ack 9',
    '5 trade 101 2 9 5',
    '5 trade 102 4 9 5',
    '5 trade 103 1 9 5',
  ]);
  expect(summary.probes).toEqual([{ line: 5, price: 103, bestBid: 103, bestAsk: 104, quantity: 5, orders: 1 }]);
});

test('an ioc takes what its limit reaches, and its remainder is cancelled, not rested', async () => {
  const reports = await reportsOf('new 1 sell 100 5', 'new 2 sell 102 5', 'new 3 buy 101 9 ioc', 'cancel 3');
  expect(reports.slice(2)).toEqual([
    '3 order-ack 3',
    '3 trade 100 1 3 5',
    '3 cancel-ack 3 4',
    '4 cancel-reject 3 unknown-id',
  ]);
});

test("a modify into the cross is answered first and trades at the maker's price", async () => {
  const reports = await reportsOf('new 1 sell 100 5', 'new 2 buy 90 9', 'modify 2 105 7', 'new 3 sell 105 9 ioc');
  expect(reports.slice(2)).toEqual([
    '3 modify-ack 2',
    '3 trade 100 1 2 5',
    '4 order-ack 3',
    '4 trade 105 2 3 2',
    '4 cancel-ack 3 7',
  ]);
});

test('modifying one of two orders at a price keeps the other, in its place', async () => {
  const away = await reportsOf('new 1 buy 100 5', 'new 2 buy 100 6', 'modify 1 99 5', 'new 9 sell 99 99 ioc');
  expect(away.slice(4, 6)).toEqual(['4 trade 100 2 9 6', '4 trade 99 1 9 5']);
  const inPlace = await reportsOf('new 1 buy 100 5', 'new 2 buy 100 6', 'modify 1 100 4', 'new 9 sell 100 99 ioc');
  expect(inPlace.slice(4, 6)).toEqual(['4 trade 100 2 9 6', '4 trade 100 1 9 4']);
  const second = await reportsOf('new 1 buy 100 5', 'new 2 buy 100 6', 'modify 2 101 1', 'new 9 sell 1 99 ioc');
  expect(second.slice(4, 6)).toEqual(['4 trade 101 2 9 1', '4 trade 100 1 9 5']);
});

test('a modify gives what is left another quantity, however much was filled before', async () => {
  const reports = await reportsOf('new 1 sell 100 10', 'new 2 buy 100 9', 'modify 1 100 3', 'new 3 buy 100 9 ioc');
  expect(reports.slice(3)).toEqual(['3 modify-ack 1', '4 order-ack 3', '4 trade 100 1 3 3', '4 cancel-ack 3 6']);
});

describe('a stale cancel or modify is rejected', () => {
  test.each([
    ['of a filled id', ['new 1 sell 100 5', 'new 2 buy 100 5'], 1],
    ['of an id that was filled as taker', ['new 1 sell 100 5', 'new 2 buy 100 5'], 2],
    ['of a cancelled id', ['new 1 sell 100 5', 'cancel 1'], 1],
    ['of an ioc', ['new 1 sell 100 5', 'new 2 buy 100 9 ioc'], 2],
    ['of an id filled by a modify', ['new 1 sell 100 5', 'new 2 buy 99 5', 'modify 2 100 5'], 2],
    ['of an id never issued', ['new 1 sell 100 5', 'new 2 sell 100 5'], 77],
  ])('%s', async (_, before, id) => {
    const reports = await reportsOf(...before, `cancel ${id}`, `modify ${id} 100 5`);
    expect(reports.slice(-2)).toEqual([
      `${before.length + 1} cancel-reject ${id} unknown-id`,
      `${before.length + 2} modify-reject ${id} unknown-id`,
    ]);
  });

  test('and the order that took its slot is not touched', async () => {
    const reports = await reportsOf('new 1 buy 100 5', 'cancel 1', 'new 2 buy 100 6', 'cancel 1', 'cancel 2');
    expect(reports.slice(3)).toEqual(['4 cancel-reject 1 unknown-id', '5 cancel-ack 2 6']);
  });
});

describe('an id', () => {
  test('is free again after a cancel, a full fill as maker or taker, and an ioc', async () => {
    const reports = await reportsOf(
      'new 1 sell 100 5',
      'cancel 1',
      'new 1 buy 99 5',
      'new 2 sell 99 5',
      'new 1 sell 101 5',
      'new 2 buy 101 9 ioc',
      'new 2 buy 50 1',
      'cancel 2',
    );
    expect(reports.filter((report) => report.includes('reject'))).toEqual([]);
    expect(reports.at(-1)).toBe('8 cancel-ack 2 1');
  });

  test('that is live is refused, on either side and for an ioc too, and the live order stays as it is', async () => {
    const reports = await reportsOf(
      'new 1 sell 100 5',
      'new 9 buy 100 2',
      'new 1 sell 99 7',
      'new 1 buy 100 7 ioc',
      'cancel 1',
    );
    expect(reports.slice(3)).toEqual([
      '3 order-reject 1 duplicate-id',
      '4 order-reject 1 duplicate-id',
      '5 cancel-ack 1 3',
    ]);
  });

  test('is any whole number from 0 to 2^53 - 1', async () => {
    const last = 2 ** 53 - 1;
    const reports = await reportsOf(`new ${last} sell 5 1`, 'new 0 buy 4 1', `modify 0 5 1`, `cancel ${last}`);
    expect(reports.slice(2)).toEqual(['3 modify-ack 0', `3 trade 5 ${last} 0 1`, `4 cancel-reject ${last} unknown-id`]);
  });
});

describe('there is no phantom best price', () => {
  test.each([
    ['cancelled', 'cancel 1', 99],
    ['filled', 'new 8 sell 100 5', 99],
    ['modified away', 'modify 1 98 5', 99],
  ])('after the best bid is %s', async (_, message, next) => {
    const list = ['new 1 buy 100 5', 'new 2 buy 99 5', message, 'new 9 sell 100 5', 'cancel 9'];
    const probes = [3, 4, 5].map((line) => ({ line, price: 100 }));
    const { summary, report } = await replayText(list.join('\n'), { probes });
    expect(summary.probes.map(({ bestBid, bestAsk, quantity }) => [bestBid, bestAsk, quantity])).toEqual([
      [next, null, 0],
      [next, 100, 5],
      [next, null, 0],
    ]);
    expect(report).not.toContain('4 trade');
  });

  test('after the only ask is cancelled', async () => {
    const { summary } = await replayText('new 1 sell 100 5\ncancel 1\nnew 2 buy 200 5\n');
    expect([summary.bestBid, summary.bestAsk, summary.reports.trades]).toEqual([200, null, 0]);
  });
});

test('a partly filled maker keeps its place between takers', async () => {
  const reports = await reportsOf(
    'new 1 sell 100 10',
    'new 2 sell 100 10',
    'new 3 buy 100 4',
    'new 4 sell 100 10',
    'new 5 buy 100 4',
    'new 6 buy 100 4',
  );
  expect(reports.filter((report) => report.includes('trade'))).toEqual([
    '3 trade 100 1 3 4',
    '5 trade 100 1 5 4',
    '6 trade 100 1 6 2',
    '6 trade 100 2 6 2',
  ]);
});

test('5,000 fills in one sweep are reported whole and in order', async () => {
  const makers = Array.from({ length: 5_000 }, (_, index) => ({ id: index + 1, price: 100 + (index % 10) }));
  const list = [...makers.map(({ id, price }) => `new ${id} sell ${price} 2`), 'new 9999 buy 109 10001'];
  const { report, summary } = await replayText(list.join('\n'));
  const expected = makers.toSorted((one, other) => one.price - other.price || one.id - other.id);
  expect(report.split('\n').slice(5_000, -1)).toEqual([
    '5001 order-ack 9999',
    ...expected.map(({ id, price }) => `5001 trade ${price} ${id} 9999 2`),
  ]);
  expect([summary.restingOrders, summary.bestBid, summary.bestAsk]).toEqual([1, 109, null]);
});

test('prices at both ends of the range rest, trade, are modified and cancelled', async () => {
  const list = [
    'new 1 buy 1 5',
    `new 2 sell ${TOP} 5`,
    `new 3 buy ${TOP} 2`,
    'new 4 sell 1 2',
    `modify 2 1 1`,
    `modify 1 ${TOP} 9`,
    'cancel 1',
  ];
  const { report, summary } = await replayText(list.join('\n'), { probes: [{ line: 4, price: TOP }] });
  expect(report.split('\n').slice(2, -1)).toEqual([
    '3 order-ack 3',
    `3 trade ${TOP} 2 3 2`,
    '4 order-ack 4',
    '4 trade 1 1 4 2',
    '5 modify-ack 2',
    '5 trade 1 1 2 1',
    '6 modify-ack 1',
    `7 cancel-ack 1 9`,
  ]);
  expect(summary.probes).toMatchObject([{ bestBid: 1, bestAsk: TOP, quantity: 3, orders: 1 }]);
});

test('a side of 2^53 - 1 takes not one lot more, by an order or a modify, and what is refused changes nothing', async () => {
  const most = 2 ** 53 - 1;
  const reports = await reportsOf(
    'new 1 buy 100 1',
    `new 2 buy 99 ${most - 1}`,
    'new 3 buy 98 1',
    'modify 1 98 2',
    `modify 2 97 ${most - 1}`,
    'new 4 sell 100 1',
    `modify 2 97 ${most}`,
  );
  expect(reports.slice(2)).toEqual([
    '3 order-reject 3 side-full',
    '4 modify-reject 1 side-full',
    '5 modify-ack 2',
    '6 order-ack 4',
    '6 trade 100 1 4 1',
    '7 modify-ack 2',
  ]);
});
