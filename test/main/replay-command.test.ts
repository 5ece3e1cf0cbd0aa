import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ReplaySummary } from '../../main/replay/replay.ts';
import { MAIN } from '../support/exchange-process.ts';
import { SlowReplay } from './replay/slow-replay.ts';

const GOLDEN = join(import.meta.dirname, '../golden/replay');
const LIST = join(GOLDEN, 'list.txt');
const REPORT = readFileSync(join(GOLDEN, 'report.txt'), 'utf8');
const REPORT_SHA256 = '82b0fffb4eda006469077ab2055d6f979d4bfaa77b9577a8077335af2453c28a';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-replay-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function ringbookReplay(
  args: readonly string[],
  input = '',
): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'replay', ...args], {
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('the golden list gives the golden report and its hash, which stay as they are', () => {
  expect(createHash('sha256').update(REPORT).digest('hex')).toBe(REPORT_SHA256);
  expect(SlowReplay.of(readFileSync(LIST, 'utf8')).report).toBe(REPORT);
  const out = join(temporaryFolder(), 'report.txt');
  const { status, stdout, stderr } = ringbookReplay([LIST, '--report', out, '--probe', '6:103', '--probe', '7']);
  expect([status, stderr]).toEqual([0, '']);
  expect(readFileSync(out, 'utf8')).toBe(REPORT);
  expect(stdout).toContain(`sha256     ${REPORT_SHA256}\n`);
  expect(stdout).toContain('after line 6: best bid 100, best ask 101, at 103: quantity 4, orders 1\n');
  expect(stdout).toContain('after line 7: best bid 103, best ask none\n');
});

test('the same list from standard input, as JSON and without a report, has the same hash', () => {
  const { status, stdout } = ringbookReplay(['-', '--json', '--probe', '7:103'], readFileSync(LIST, 'utf8'));
  expect(status).toBe(0);
  const summary = JSON.parse(stdout) as ReplaySummary;
  expect(summary).toEqual({
    lines: 25,
    messages: { new: 11, cancel: 4, modify: 5 },
    reports: {
      orderAcks: 9,
      orderRejects: 2,
      trades: 6,
      cancelAcks: 2,
      cancelRejects: 3,
      modifyAcks: 4,
      modifyRejects: 1,
    },
    restingOrders: 0,
    bestBid: null,
    bestAsk: null,
    probes: [{ line: 7, price: 103, bestBid: 103, bestAsk: null, quantity: 9, orders: 1 }],
    sha256: REPORT_SHA256,
  });
});

test('a malformed line ends with exit code 1 and one sentence; what came before is in the report', () => {
  const out = join(temporaryFolder(), 'report.txt');
  const { status, stdout, stderr } = ringbookReplay(['-', '--report', out], 'new 1 buy 5 5\nnew 2 buy 5\n');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /^ringbook: line 2: expected a quantity.*found "new 2 buy 5"; correct the line and run it again\n$/,
  );
  expect(readFileSync(out, 'utf8')).toBe('1 order-ack 1\n');
});

describe('what cannot be used is refused in one sentence', () => {
  test.each<[args: readonly string[], sentence: RegExp]>([
    [['/nowhere/list.txt'], /^ringbook: \/nowhere\/list.txt can't be read: name a text file, or - for standard input/],
    [[GOLDEN], /^ringbook: .* can't be read: name a text file/],
    [[LIST, '--report', '/nowhere/report.txt'], /^ringbook: \/nowhere\/report.txt can't be written: name another file/],
    [[LIST, '--report', LIST], /^ringbook: --report .*list.txt is the list itself: name another file/],
    [[LIST, '--probe', 'x'], /^ringbook: --probe "x": expected LINE or LINE:PRICE/],
    [[LIST, '--max-orders', '0'], /^ringbook: --max-orders "0": expected a whole number from 1 to/],
    [[LIST, '--max-levels', '1e9'], /^ringbook: --max-levels "1e9": expected a whole number from 1 to/],
    [[LIST, '--max-orders', '2'], /^ringbook: line 4: all places for 2 resting orders are taken; run it again/],
  ])('%j', (args, sentence) => {
    const { status, stderr } = ringbookReplay(args);
    expect(stderr).toMatch(sentence);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(status).toBe(1);
  });

  test('the list survives being named as its own report', () => {
    const list = join(temporaryFolder(), 'list.txt');
    writeFileSync(list, 'new 1 buy 5 5\n');
    expect(ringbookReplay([list, '--report', list]).status).toBe(1);
    expect(readFileSync(list, 'utf8')).toBe('new 1 buy 5 5\n');
  });

  test('a full disk while the report is written', () => {
    const { status, stderr } = ringbookReplay([LIST, '--report', '/dev/full']);
    expect(stderr).toMatch(/^ringbook: \/dev\/full can't be written: make room or name another file \(ENOSPC/);
    expect(status).toBe(1);
  });
});

test('a long list tells how far it is, on standard error alone', async () => {
  const child = spawn(process.execPath, [MAIN, 'replay', '-', '--json'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const closed = once(child, 'close');
  let lines = 0;
  for (; stderr === '' && lines < 100_000; lines++) {
    child.stdin.write(`cancel ${lines}\n`);
    await setTimeout(5);
  }
  child.stdin.end();
  expect(await closed).toEqual([0, null]);
  expect(stderr).toMatch(/^(replaying: \d+ lines …\n)+$/);
  expect((JSON.parse(stdout) as ReplaySummary).lines).toBe(lines);
});

test('--help tells the whole format', () => {
  const { status, stdout } = ringbookReplay(['--help']);
  expect(status).toBe(0);
  for (const word of REPORT.match(/[a-z]+-[a-z]+|trade/g)!) expect(stdout).toContain(word);
  for (const form of [
    'new ID buy|sell PRICE QUANTITY',
    'cancel ID',
    'modify ID PRICE QUANTITY',
    '2^53 - 1',
    '2^31 - 1',
  ])
    expect(stdout).toContain(form);
});
