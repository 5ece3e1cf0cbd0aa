import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { replay } from '../../../main/replay/replay.ts';

const lines = process.env.RINGBOOK_TEST_LONG === undefined ? 600_000 : 6_000_000;
const LINES_PER_CHUNK = 5_000;
const MEASURED_EVERY = 20; // chunks
/** Far below the list and its report, which is as long; far above what a collector leaves lying about. */
const MOST_GROWTH_BYTES = 6 * 2 ** 20;

/** A crowd that comes and goes: at most 2 of 5 lines of the last 3,003 left an order, and every id is new. */
async function* longList(): AsyncGenerator<Uint8Array> {
  for (let line = 1; line <= lines; line += LINES_PER_CHUNK) {
    let text = '';
    for (let index = line; index < line + LINES_PER_CHUNK; index++) {
      const id = 2 ** 40 + index;
      const way = index % 5;
      if (way <= 1) text += `cancel ${id - 3_003}\n`;
      else if (way === 4) text += `modify ${id - 2} ${1_000 + (index % 7)} 5\n`;
      else text += `new ${id} ${index % 3 === 0 ? 'buy' : 'sell'} ${1_000 + (index % 13)} ${1 + (index % 4)}\n`;
    }
    yield Buffer.from(text);
  }
}

test('a long list is replayed in the memory of a short one', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const measured: number[] = [];
  let chunks = 0;
  let listBytes = 0;
  let reportBytes = 0;
  const summary = await replay(longList(), {
    limits: { maxOrders: 2_000, maxLevels: 64 },
    probes: [],
    write: (text) => {
      reportBytes += text.length;
    },
    onProgress: (_, bytes) => {
      listBytes = bytes;
      chunks += 1;
      if (chunks % MEASURED_EVERY !== 0) return;
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      measured.push(heapUsed + arrayBuffers);
    },
  });
  expect([summary.lines, measured.length]).toEqual([lines, lines / LINES_PER_CHUNK / MEASURED_EVERY]);
  expect(listBytes).toBeGreaterThan(2 * MOST_GROWTH_BYTES);
  expect(reportBytes).toBeGreaterThan(2 * MOST_GROWTH_BYTES);
  expect(summary.restingOrders).toBeLessThan(2_000);
  expect(Math.max(...measured) - measured[0]!).toBeLessThan(MOST_GROWTH_BYTES);
});
