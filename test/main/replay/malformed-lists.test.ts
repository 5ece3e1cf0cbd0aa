import { describe, expect, test } from 'vitest';
import { parseProbe } from '../../../main/replay/probes.ts';
import { MalformedLineError, ReplayFullError, ReplayInputError } from '../../../main/replay/replay-errors.ts';
import { replayText, tryReplayText } from './replay-text.ts';

const SOUND = 'new 1 sell 100 5\n# ten lots more\n\n';

describe('a line that is no message names itself and what was expected', () => {
  test.each<[line: string, expected: RegExp]>([
    ['New 1 buy 1 1', /^line 4: expected "new", "cancel" or "modify", found "New 1 buy 1 1"/],
    ['1 new buy 1 1', /expected "new", "cancel" or "modify"/],
    ['new', /expected an order id, a whole number from 0 to 2\^53 - 1 at character 4, found "new"/],
    ['new -1 buy 1 1', /expected an order id/],
    ['new 01 buy 1 1', /expected an order id/],
    ['new 9007199254740992 buy 1 1', /expected an order id/],
    ['new 9007199254740993 buy 1 1', /expected an order id/],
    ['new 10000000000000000 buy 1 1', /expected an order id/],
    ['new 1e3 buy 1 1', /expected an order id/],
    ['new 1 bid 1 1', /expected "buy" or "sell" at character 7/],
    ['new 1', /expected "buy" or "sell"/],
    ['new 1 buy 0 1', /expected a price, a whole number from 1 to 2\^31 - 1 at character 11/],
    ['new 1 buy 2147483648 1', /expected a price/],
    ['new 1 buy 100.5 1', /expected a price/],
    ['new 1 buy 1', /expected a quantity, a whole number from 1 to 2\^53 - 1/],
    ['new 1 buy 1 0', /expected a quantity/],
    ['new 1 buy 1 9007199254740992', /expected a quantity/],
    ['new 1 buy 1 1 fok', /expected "ioc" or the end of the line at character 15/],
    ['new 1 buy 1 1 ioc 7', /expected the end of the line at character 19/],
    ['cancel', /expected an order id/],
    ['cancel 1 2', /expected the end of the line/],
    ['modify 1 100', /expected a quantity/],
    ['modify 1 x 5', /expected a price/],
    ['modify 1 100 5 ioc', /expected the end of the line/],
    ['\u{feff}new 1 buy 1 1', /expected "new", "cancel" or "modify"/],
    [`new 1 buy 1 1 ${'x'.repeat(200)}`, /found "new 1 buy 1 1 x+…"/],
    [`# ${'x'.repeat(5_000)}`, /^line 4: expected a line of at most 4096 bytes/],
  ])('%j', async (line, expected) => {
    for (const chunkBytes of [7, 2 ** 16]) {
      const { error, report } = await tryReplayText(`${SOUND}${line}\nnew 2 sell 100 5\n`, { chunkBytes });
      expect(error).toBeInstanceOf(MalformedLineError);
      expect((error as MalformedLineError).lineNumber).toBe(4);
      expect((error as MalformedLineError).message).toMatch(expected);
      expect(report).toBe('1 order-ack 1\n'); // everything before is reported
    }
  });

  test('a file without line feeds ends soon, however long it is', async () => {
    const { error } = await tryReplayText('x'.repeat(2 ** 20), { chunkBytes: 1_000 });
    expect((error as MalformedLineError).message).toMatch(/^line 1: expected a line of at most 4096 bytes/);
  });
});

test('spaces, tabs, carriage returns, comments, empty lines and a missing last line feed are taken; all lines count', async () => {
  const list = '\r\n  new\t7   buy 100 5 \r\n# cancel 7\n\nmodify 7 101 9\t\r\n   #\ncancel 7';
  const { report, summary } = await replayText(list);
  expect(report).toBe('2 order-ack 7\n5 modify-ack 7\n7 cancel-ack 7 9\n');
  expect([summary.lines, summary.messages]).toEqual([7, { new: 1, cancel: 1, modify: 1 }]);
});

test('an empty list has an empty report', async () => {
  const { report, summary } = await replayText('');
  expect([report, summary.lines, summary.restingOrders, summary.bestBid]).toEqual(['', 0, 0, null]);
  expect(summary.sha256).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

describe('a book that is full ends the replay with what to do', () => {
  const three = 'new 1 sell 100 1\nnew 2 sell 101 1\nnew 3 sell 102 1\n';

  test('orders', async () => {
    const limits = { maxOrders: 3, maxLevels: 10 };
    expect((await tryReplayText(`${three}modify 1 105 1\nnew 4 buy 105 9 ioc`, { limits })).error).toBeNull();
    const { error, report } = await tryReplayText(`${three}new 4 sell 100 1`, { limits });
    expect(error).toBeInstanceOf(ReplayFullError);
    expect((error as Error).message).toBe(
      'line 4: all places for 3 resting orders are taken; run it again with a larger --max-orders',
    );
    expect(report.split('\n').slice(0, -1)).toHaveLength(3);
  });

  test.each(['new 4 sell 105 1', 'modify 1 105 1'])('prices: %s', async (message) => {
    const limits = { maxOrders: 10, maxLevels: 3 };
    expect((await tryReplayText(`${three}new 4 sell 100 1\nmodify 4 101 1`, { limits })).error).toBeNull();
    const { error } = await tryReplayText(`${three}${message}`, { limits });
    expect(error).toBeInstanceOf(ReplayFullError);
    expect((error as Error).message).toMatch(/^line 4: no place for another price.*larger --max-levels$/);
  });
});

describe('probes', () => {
  test.each(['', 'x', '0', '01', '5:', '5:0', '5:2147483648', '5:1:1', '-1', '1.5'])('%j is refused', (text) => {
    expect(() => parseProbe(text)).toThrow(ReplayInputError);
    expect(() => parseProbe(text)).toThrow(/expected LINE or LINE:PRICE/);
  });

  test('are answered line by line, several of one line, of comments too, in any order asked', async () => {
    const probes = ['4:101', '2', '3:100', '4:100'].map(parseProbe);
    const { summary } = await replayText('new 1 buy 100 5\nnew 2 sell 101 6\n#\ncancel 1', { probes });
    expect(summary.probes).toEqual([
      { line: 2, price: null, bestBid: 100, bestAsk: 101, quantity: null, orders: null },
      { line: 3, price: 100, bestBid: 100, bestAsk: 101, quantity: 5, orders: 1 },
      { line: 4, price: 101, bestBid: null, bestAsk: 101, quantity: 6, orders: 1 },
      { line: 4, price: 100, bestBid: null, bestAsk: 101, quantity: 0, orders: 0 },
    ]);
  });

  test('after the end of the list are refused; the report is whole', async () => {
    const { error, report } = await tryReplayText('new 1 buy 100 5\n', { probes: [parseProbe('2:100')] });
    expect(error).toBeInstanceOf(ReplayInputError);
    expect((error as Error).message).toBe('--probe 2: the list has 1 lines; the report is written');
    expect(report).toBe('1 order-ack 1\n');
  });
});
