import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ccxt from 'ccxt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CcxtClient, ccxtClient } from '../support/ccxt-client.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { adminPost } from '../support/operator.ts';
import { expectSound } from '../support/sound.ts';

let folder: string;
let exchange: ExchangeProcess;
let alice: CcxtClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-ccxt-funds-'));
  exchange = await ExchangeProcess.start(folder);
  alice = ccxtClient(exchange.sandbox.baseUrl, exchange.sandbox.accounts[0]!);
});
afterAll(async () => {
  await alice.close();
  expect(await exchange.stop()).toBe(0);
  await expectSound(folder, 'after deposits and withdrawals by ccxt');
  rmSync(folder, { recursive: true, force: true });
});

test('money comes in by an address and goes out again, and both are listed', async () => {
  const created = await alice.createDepositAddress('BTC');
  expect(await alice.fetchDepositAddress('BTC', { network: 'BTC' })).toMatchObject({
    currency: 'BTC',
    address: created.address,
    network: 'BTC',
  });
  const submitted = { address: created.address, asset: 'BTC', amount: '2.5', txHash: 'f00d' };
  const deposit = await adminPost(exchange.sandbox, '/deposits', submitted);
  expect(deposit.body).toMatchObject({ account: 'alice', state: 'start', waitsFor: 'operator' });
  const [pending] = await alice.fetchDepositsWithdrawals();
  expect(pending).toMatchObject({ type: 'deposit', status: 'Pending', amount: 2.5, currency: 'BTC', txid: 'f00d' });
  expect((await alice.fetchBalance()).BTC!.total).toBe(100);
  await adminPost(exchange.sandbox, '/deposits/confirm', { id: deposit.body.id });
  expect((await alice.fetchBalance()).BTC!.total).toBe(102.5);

  const sent = await alice.withdraw('BTC', 0.5, 'bc1-somewhere', undefined, { client_transfer_id: 'ccxt-1' });
  expect(sent).toMatchObject({ id: expect.stringMatching(/^[0-9]+$/), amount: 0.5, currency: 'BTC' });
  expect((await alice.fetchBalance()).BTC).toMatchObject({ total: 102.5, free: 102, used: 0.5 });
  await adminPost(exchange.sandbox, '/withdrawals/confirm', { id: Number(sent.id) });
  expect((await alice.fetchBalance()).BTC).toMatchObject({ total: 102, free: 102, used: 0 });
  const transfers = await alice.fetchDepositsWithdrawals('BTC', undefined, 5);
  expect(transfers.map(({ type, status, id, address, fee }) => [type, status, id, address, fee?.cost])).toEqual([
    ['deposit', 'ok', String(deposit.body.id), created.address, 0],
    ['withdrawal', 'ok', sent.id, 'bc1-somewhere', 0],
  ]);
  expect(await alice.fetchDepositsWithdrawals('BTC', Date.now() + 60_000)).toEqual([]);
});

test('refusals are the errors that programs catch', async () => {
  await expect(alice.withdraw('BTC', 1_000, 'bc1-somewhere')).rejects.toBeInstanceOf(ccxt.InsufficientFunds);
  await expect(alice.withdraw('BTC', 1e-9, 'bc1-somewhere')).rejects.toThrow(/amount/);
  await expect(alice.createDepositAddress('USD')).rejects.toThrow(/network/);
});
