import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { listSnapshots } from '../../core/journal/snapshot-files.ts';
import { SnapshotReader } from '../../core/journal/snapshot-reader.ts';
import { auditDataFolder } from '../../workers/audit/audit.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { readViews } from '../support/exchange-views.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { TradingLoad } from '../support/trading-load.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 60 : 6;
const CLIENTS = 12;
const SYMBOLS = ['btcusd', 'ethusd'];
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** Small enough that at any moment a snapshot is under way, a segment begins or one goes to the archive. */
function settings(random: RandomIntegers): Record<string, string> {
  return {
    RINGBOOK_SNAPSHOT_EVERY: String(random.oneOf([1, 7, 40, 150])),
    RINGBOOK_JOURNAL_SEGMENT_MIB: '0.0625',
  };
}

test(`kill -9 amid snapshots, segment changes and renames, ${ROUNDS} rounds, each proved (SEED=${seed})`, {
  timeout: 60_000 + ROUNDS * 40_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-amid-'));
  const random = new RandomIntegers(seed);
  const orders: TradingLoad['orders'] = [];
  let startsFromSnapshot = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const exchange = await ExchangeProcess.start(folder, settings(random));
      const { start } = await exchange.status();
      expect(start.refusedSnapshots, `round ${round} (SEED=${seed})`).toEqual([]);
      if (start.snapshot !== null) startsFromSnapshot += 1;
      const { baseUrl, accounts } = exchange.sandbox;
      const load = new TradingLoad(accounts, random);
      const running = load.run(baseUrl, CLIENTS, round);
      const enough = random.between(200, 500); // orders, not time: a slow machine must fill segments too
      for (let waits = 0; load.orders.length < enough && waits < 6_000; waits++) await sleep(10);
      await exchange.kill();
      await running;
      orders.push(...load.orders.filter((order) => typeof order.orderId === 'string'));

      await expectSound(folder, `after kill ${round} (SEED=${seed})`);
      for (const { path } of listSnapshots(folder)) new SnapshotReader(path); // whole wherever it has its name
    }
    expect(startsFromSnapshot).toBeGreaterThan(0);
    expect(existsSync(join(folder, 'archive', 'journal')), `archive (SEED=${seed})`).toBe(true);

    // What was acknowledged before any of the snapshots is there once, and the same without them.
    const exchange = await ExchangeProcess.start(folder, settings(random));
    expect(new Set(orders.map(({ orderId }) => orderId)).size).toBe(orders.length);
    for (const { credentials, fields, orderId } of orders.filter((_, index) => index % 10 === 0))
      expect(
        (await signedPost(exchange.sandbox.baseUrl, credentials, '/v1/order/new', fields)).body.order_id,
        `SEED=${seed}`,
      ).toBe(orderId);
    const views = await readViews(exchange, SYMBOLS, []);
    expect(await exchange.stop()).toBe(0);
    await expectSound(folder, `stopped in order (SEED=${seed})`);
    rmSync(join(folder, 'snapshots'), { recursive: true });
    const whole = await ExchangeProcess.start(folder, settings(random));
    expect((await whole.status()).start.snapshot).toBeNull();
    expect(await readViews(whole, SYMBOLS, [])).toEqual(views);
    expect(await whole.stop()).toBe(0);
    const archived = readdirSync(join(folder, 'archive', 'journal')).length;
    console.log(`${startsFromSnapshot} starts from a snapshot, ${archived} journal segments archived (SEED=${seed})`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test(`audited at work, while snapshots are taken and segments go to the archive (SEED=${seed})`, {
  timeout: 180_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-amid-'));
  const random = new RandomIntegers(seed);
  try {
    const exchange = await ExchangeProcess.start(folder, { ...settings(random), RINGBOOK_SNAPSHOT_EVERY: '100' });
    const load = new TradingLoad(exchange.sandbox.accounts, random);
    const running = load.run(exchange.sandbox.baseUrl, CLIENTS, 0);
    let fromSnapshot = 0;
    for (let audits = 0; audits < 60 && fromSnapshot < 3; audits++) {
      const report = await auditDataFolder(folder, { isRunning: true });
      expect(
        report.statements.flatMap(({ findings }) => findings),
        `SEED=${seed}`,
      ).toEqual([]);
      if (report.replayedFromCommand > 1) fromSnapshot += 1;
    }
    expect(fromSnapshot).toBe(3);
    await exchange.kill();
    await running;
    await expectSound(folder, `SEED=${seed}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
