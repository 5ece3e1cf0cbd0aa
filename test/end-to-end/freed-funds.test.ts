import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { signedPost } from '../support/signed-client.ts';

test('what a cancel or a fill has freed can be used as soon as it is answered', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-freed-'));
  const exchange = await ExchangeProcess.start(folder);
  const { baseUrl, accounts } = exchange.sandbox;
  const [alice, bob] = accounts as [(typeof accounts)[number], (typeof accounts)[number]];
  const order = (account: typeof alice, side: string, amount: string) =>
    signedPost(baseUrl, account, '/v1/order/new', {
      ...{ symbol: 'btcusd', side, amount, price: '9000.00', type: 'exchange limit' },
    });
  for (let round = 0; round < 20; round++) {
    const placed = await order(alice, 'buy', '100'); // 900,000 of 1,000,000 dollars
    expect(placed, `round ${round}`).toMatchObject({ status: 200 });
    const cancelled = await signedPost(baseUrl, alice, '/v1/order/cancel', { order_id: placed.body.order_id });
    expect(cancelled).toMatchObject({ status: 200, body: { is_cancelled: true } });
  }
  await order(alice, 'buy', '50');
  expect(await order(bob, 'sell', '50')).toMatchObject({ status: 200, body: { executed_amount: '50' } });
  const withdrawal = await signedPost(baseUrl, bob, '/v1/withdraw/USD', { amount: '1448000', address: 'bank' });
  expect(withdrawal).toMatchObject({ status: 200 });
  expect(await exchange.stop()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
});
