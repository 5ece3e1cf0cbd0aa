import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FRAME, FrameBuilder, LogKind } from '../../core/journal/frame.ts';
import { LogReader } from '../../core/journal/log-reader.ts';
import { encodeCheckpoint } from '../../core/protocol/command-encoder.ts';
import { RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const ORDER = { symbol: 'btcusd', amount: '0.001', price: '100.00', side: 'buy', type: 'exchange limit' };
const PAGE_BYTES = 4_096;

/** What a crash in the middle of a group's write can leave behind. */
const TAILS: readonly (readonly [name: string, tear: (group: Buffer, random: RandomIntegers) => Buffer])[] = [
  ['cut short', (group, random) => group.subarray(0, random.between(1, group.length - 1))],
  ['its first page lost', (group) => Buffer.concat([Buffer.alloc(PAGE_BYTES), group.subarray(PAGE_BYTES)])],
  ['its last page lost', (group) => Buffer.concat([group.subarray(0, -PAGE_BYTES), Buffer.alloc(PAGE_BYTES)])],
  ['zeros', (group) => Buffer.alloc(group.length)],
  ['noise', (group, random) => Buffer.from(group.map(() => random.below(256)))],
];

test.each(TAILS)('a last journal group %s is dropped, and nothing acknowledged with it', async (name, tear) => {
  const random = new RandomIntegers(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-torn-'));
  try {
    const first = await ExchangeProcess.start(folder);
    const [alice] = first.sandbox.accounts;
    const ids: string[] = [];
    for (let count = 0; count < 10; count++)
      ids.push((await signedPost(first.sandbox.baseUrl, alice!, '/v1/order/new', ORDER)).body.order_id);
    await first.kill();
    appendTorn(folder, (group) => tear(group, random));

    const second = await ExchangeProcess.start(folder);
    const open = await signedPost(second.sandbox.baseUrl, alice!, '/v1/orders');
    expect(open.body.map((order: { order_id: string }) => order.order_id).sort()).toEqual(ids.sort());
    const { adminUrl, adminToken } = second.sandbox;
    const status = await fetch(`${adminUrl}/status`, { headers: { Authorization: `Bearer ${adminToken}` } });
    const { start } = (await status.json()) as { start: { tornJournalBytes: number } };
    if (name === 'zeros') expect(start.tornJournalBytes).toBe(0);
    else expect(start.tornJournalBytes).toBeGreaterThan(0);
    expect((await signedPost(second.sandbox.baseUrl, alice!, '/v1/order/new', ORDER)).status).toBe(200);
    expect(await second.stop()).toBe(0);
    await expectSound(folder, `torn group ${name} (SEED=${seed})`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Writes a torn group where the next one would go: behind the last frame. */
function appendTorn(folder: string, tear: (group: Buffer) => Buffer): void {
  const reader = new LogReader(folder, LogKind.JOURNAL);
  let lastSequence = 0;
  let end = 0;
  for (let frame = reader.nextFrame(); frame !== null; frame = reader.nextFrame()) {
    lastSequence = frame.lastSequence;
    end += FRAME.HEADER_BYTES + frame.byteLength;
  }
  reader.close();
  const names = readdirSync(join(folder, 'journal')).filter((name) => name.endsWith('.journal'));
  const path = join(folder, 'journal', names[0]!);
  const bytes = readFileSync(path);
  tear(nextGroup(lastSequence)).copy(bytes, end);
  writeFileSync(path, bytes);
}

/** A whole group of three pages, as the journal thread would write it next. */
function nextGroup(lastSequence: number): Buffer {
  const group = new FrameBuilder(LogKind.JOURNAL);
  const window = new RecordWindow(new ArrayBuffer(SLOT_BYTES));
  for (let count = 1; count < (3 * PAGE_BYTES) / SLOT_BYTES; count++) {
    const commandSequence = lastSequence + count;
    encodeCheckpoint(window, 0, {
      commandSequence,
      commandId: 2 ** 33 + count,
      timestampMs: Date.now(),
      accountId: 0,
      ledgerSequence: 0,
    });
    expect(group.tryAdd(window, 0, 0, 1)).toBe(true);
  }
  return Buffer.from(group.finish());
}

test('an event log that lost its end, or all of it, is written again from the journal', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-torn-'));
  try {
    const first = await ExchangeProcess.start(folder);
    for (let count = 0; count < 10; count++)
      await signedPost(first.sandbox.baseUrl, first.sandbox.accounts[0]!, '/v1/order/new', ORDER);
    await first.kill();
    const name = readdirSync(join(folder, 'events'))[0]!;
    const whole = readFileSync(join(folder, 'events', name));
    for (const bytes of [0, 1, Math.floor(whole.length / 2), whole.length - 1]) {
      const copy = mkdtempSync(join(tmpdir(), 'ringbook-torn-copy-'));
      cpSync(folder, copy, { recursive: true });
      truncateSync(join(copy, 'events', name), bytes);
      const restarted = await ExchangeProcess.start(copy);
      expect(await restarted.stop()).toBe(0);
      // The audit compares the log with the replayed journal, byte by byte, as far as it reaches.
      expect(await expectSound(copy, `event log cut to ${bytes} bytes`)).toMatchObject({ unloggedEvents: 0 });
      rmSync(copy, { recursive: true, force: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
