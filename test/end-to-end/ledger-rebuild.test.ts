import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import { ExchangeDatabase } from '../../workers/storage/exchange-database.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { LedgerCommands } from '../support/redis-exchange.ts';
import { startRedis } from '../support/servers/test-servers.ts';
import { signedPost } from '../support/signed-client.ts';

let folder: string;
let redis: PrivateRedis;
let url: string | undefined;
let exchange: ExchangeProcess | null;
const commands = () => new LedgerCommands(folder, () => url);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-rebuild-'));
  redis = await startRedis();
  url = undefined;
  exchange = null;
});
afterEach(async () => {
  await exchange?.kill();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<ExchangeProcess> {
  exchange = await ExchangeProcess.start(folder, url === undefined ? {} : { RINGBOOK_REDIS_URL: url });
  return exchange;
}

async function trade({ sandbox: { baseUrl, accounts } }: ExchangeProcess, amount: string): Promise<void> {
  const order = { symbol: 'btcusd', amount, price: '100.00', type: 'exchange limit' };
  for (const [index, side] of ['buy', 'sell'].entries())
    expect(await signedPost(baseUrl, accounts[index]!, '/v1/order/new', { ...order, side })).toMatchObject({
      status: 200,
    });
  const resting = { ...order, price: '50.00', side: 'buy' };
  expect(await signedPost(baseUrl, accounts[0]!, '/v1/order/new', resting)).toMatchObject({ status: 200 });
}

/** A start that goes on without its ledger, and ends. */
async function expectPausedStart(reason: RegExp): Promise<void> {
  const paused = await start();
  expect((await paused.status()).ledger.trouble).toMatch(reason);
  expect(await paused.stop()).toBe(0);
}

/** What everybody has, held and available. */
async function balances({ sandbox: { baseUrl, accounts } }: ExchangeProcess): Promise<unknown[]> {
  const answers = await Promise.all(accounts.map((account) => signedPost(baseUrl, account, '/v1/balances')));
  return answers.map(({ body }) => body);
}

test('a folder moves into Redis, on into another one, and back, with every balance and hold', {
  timeout: 240_000,
}, async () => {
  const first = await start();
  await trade(first, '0.1');
  const before = await balances(first);
  expect(await first.stop()).toBe(0);

  url = redis.url;
  await expect(start()).rejects.toThrow(/takes a Redis only through `ledger rebuild`/);
  const moved = await commands().rebuild('into Redis');
  expect(moved).toMatchObject({ to: 'redis', settledEvents: 0, entriesWritten: 0, correctedBalances: 0 });
  expect(moved.comparedFacts).toBeGreaterThan(20);
  await commands().expectAudited('in Redis');
  const inRedis = await start();
  expect(await balances(inRedis)).toEqual(before);
  expect(await inRedis.status()).toMatchObject({ ledger: { kind: 'redis', epoch: moved.epoch, trouble: null } });
  await trade(inRedis, '0.2');
  const later = await balances(inRedis);
  expect(await inRedis.stop()).toBe(0);

  url = (await startRedis()).url;
  await expectPausedStart(/Redis is empty, but \d+ changes are known: .*ledger rebuild/);
  const next = await commands().rebuild('into another Redis');
  expect(next.epoch).not.toBe(moved.epoch);
  const inNext = await start();
  expect(await balances(inNext)).toEqual(later);
  await inNext.kill();

  url = redis.url; // the first one, as it was left
  await expectPausedStart(/a copy from before `ledger rebuild`/);
  const back = await commands().rebuild('back into the folder', '--to', 'embedded');
  expect(back).toMatchObject({ to: 'embedded', epoch: null });
  await expect(start()).rejects.toThrow(/takes a Redis only through `ledger rebuild`/);
  url = undefined;
  const embedded = await start();
  expect(await balances(embedded)).toEqual(later);
  await trade(embedded, '0.3');
  expect(await embedded.stop()).toBe(0);
  await commands().expectAudited('back in the folder');
});

test('a Redis that has the ledger of another folder is overwritten only when told to', async () => {
  url = redis.url;
  const other = await start();
  expect(await other.stop()).toBe(0);
  const own = folder;
  folder = mkdtempSync(join(tmpdir(), 'ringbook-rebuild-other-'));
  url = undefined;
  const embedded = await start();
  expect(await embedded.stop()).toBe(0);
  url = redis.url;
  const refused = await commands().run(['ledger', 'rebuild']);
  expect(refused.code).toBe(1);
  expect(refused.output).toMatch(/the ledger of another data folder: name another Redis .* --replace/);
  await new LedgerCommands(own, () => url).expectAudited('left alone');
  await commands().rebuild('told to', '--replace');
  expect(await (await start()).stop()).toBe(0);
  rmSync(own, { recursive: true });
});

test('refusals say what to do: a running exchange, no Redis named, no data folder', async () => {
  expect(await commands().run(['ledger', 'rebuild'])).toMatchObject({
    code: 1,
    output: expect.stringContaining('holds no exchange: name the folder with --data-dir'),
  });
  url = redis.url;
  const running = await start();
  expect(await commands().run(['ledger', 'rebuild'])).toMatchObject({
    code: 1,
    output: expect.stringMatching(/is in use by process \d+ .*stop it first/),
  });
  expect(await running.stop()).toBe(0);
  url = undefined;
  expect(await commands().run(['ledger', 'rebuild'])).toMatchObject({
    code: 1,
    output: expect.stringContaining('name the Redis to rebuild it in by RINGBOOK_REDIS_URL'),
  });
  url = 'redis://127.0.0.1:1';
  expect(await commands().run(['ledger', 'rebuild'])).toMatchObject({
    code: 1,
    output: expect.stringContaining('Redis'),
  });
  url = redis.url;
  await commands().expectAudited('nothing was changed');
});

test('held amounts that nobody can explain are put right, each with its entry', async () => {
  const first = await start();
  await trade(first, '0.1');
  expect(await first.stop()).toBe(0);
  const exchangeDatabase = await ExchangeDatabase.open(folder, (error) => {
    throw error;
  });
  const { database } = exchangeDatabase;
  // An entry that holds more than any order needs, joined to the one before, so that the chain is unbroken.
  await database.exec(`
    UPDATE balances SET available_units = available_units - 7, held_units = held_units + 7 WHERE account_id = 100 AND asset_id = 1;
    INSERT INTO entries SELECT (SELECT max(entry_sequence) + 1 FROM entries), (SELECT value FROM meta WHERE name = 'ledgerSequence'),
      account_id, asset_id, available_units + 7, available_units, held_units - 7, held_units, 'hold', 4294967299, 1
      FROM balances WHERE account_id = 100 AND asset_id = 1;`);
  await exchangeDatabase.close();
  const { code, output } = await commands().run(['audit']);
  expect([code, output]).toEqual([1, expect.stringMatching(/BROKEN 3/)]);
  expect(await commands().rebuild('put right')).toMatchObject({ correctedBalances: 1, entriesWritten: 1 });
  await commands().expectAudited('afterwards');
});
