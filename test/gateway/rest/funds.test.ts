import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
import { nextNonce, signedHeaders } from '../../support/signed-client.ts';

let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

beforeAll(async () => {
  exchange = await InlineExchange.start();
  [alice, bob] = [await exchange.account(), await exchange.account()];
});
afterAll(() => exchange.close());

const withdraw = (currency: string, fields: object, account = alice) =>
  exchange.post(account, `/v1/withdraw/${currency}`, { address: 'bc1-somewhere', ...fields });

async function balanceOf(currency: string, account = alice) {
  const { body } = await exchange.post(account, '/v1/balances');
  return body.find((row: { currency: string }) => row.currency === currency);
}

describe('withdrawals', () => {
  test('what is asked for is held before it is answered, and listed', async () => {
    const { status, body } = await withdraw('btc', { amount: '1.5', client_transfer_id: 'w-1' });
    expect([status, body]).toEqual([
      200,
      {
        address: 'bc1-somewhere',
        amount: '1.5',
        fee: '0',
        withdrawalId: expect.stringMatching(/^[0-9]+$/),
        message: expect.stringContaining('1.5 BTC to bc1-somewhere'),
      },
    ]);
    expect(await balanceOf('BTC')).toMatchObject({ amount: '100', available: '98.5', availableForWithdrawal: '98.5' });
    const transfers = await exchange.post(alice, '/v1/transfers');
    expect(transfers.body).toEqual([
      {
        type: 'Withdrawal',
        status: 'Pending',
        timestampms: expect.any(Number),
        eid: Number(body.withdrawalId),
        currency: 'BTC',
        amount: '1.5',
        feeAmount: '0',
        feeCurrency: 'BTC',
        withdrawalId: body.withdrawalId,
        client_transfer_id: 'w-1',
        destination: 'bc1-somewhere',
      },
    ]);
    expect((await exchange.post(bob, '/v1/transfers')).body).toEqual([]);
  });

  test('the same client_transfer_id is the same withdrawal; other fields under it are refused; other accounts have their own', async () => {
    const first = await withdraw('ETH', { amount: '2', client_transfer_id: 'w-2' });
    const repeats = await Promise.all(
      Array.from({ length: 20 }, () => withdraw('ETH', { amount: '2.0', client_transfer_id: 'w-2' })),
    );
    for (const { status, body } of repeats) expect([status, body]).toEqual([200, first.body]);
    expect(await balanceOf('ETH')).toMatchObject({ available: '98' });
    for (const fields of [{ amount: '3' }, { amount: '2', address: 'elsewhere' }, { amount: '2', memo: 'x' }])
      expect(await withdraw('ETH', { client_transfer_id: 'w-2', ...fields })).toMatchObject({
        status: 400,
        body: { reason: 'Bad Request', message: expect.stringContaining(first.body.withdrawalId) },
      });
    expect((await withdraw('BTC', { amount: '2', client_transfer_id: 'w-2' })).status).toBe(400);
    expect((await withdraw('ETH', { amount: '2', client_transfer_id: 'w-2' }, bob)).status).toBe(200);
  });

  test('to the last unit, and not one more', async () => {
    const carol = await exchange.account();
    expect(await withdraw('DOGE', { amount: '100.00000001' }, carol)).toMatchObject({
      status: 406,
      body: { reason: 'InsufficientFunds', message: expect.stringContaining('Only 100 DOGE') },
    });
    expect((await withdraw('DOGE', { amount: '100.00000000' }, carol)).status).toBe(200);
    expect(await withdraw('DOGE', { amount: '0.00000001' }, carol)).toMatchObject({ status: 406 });
    expect((await exchange.post(carol, '/v1/transfers')).body).toHaveLength(1);
  });

  test.each<[what: string, currency: string, fields: object, reason: string, message: string]>([
    ['no amount', 'BTC', {}, 'MissingPayloadKey', 'amount'],
    ['no address', 'BTC', { amount: '1', address: '' }, 'MissingPayloadKey', 'address'],
    ['zero', 'BTC', { amount: '0' }, 'InvalidQuantity', 'above zero'],
    ['zero with decimals', 'BTC', { amount: '0.00000000' }, 'InvalidQuantity', 'above zero'],
    ['a sign', 'BTC', { amount: '-1' }, 'InvalidQuantity', 'without sign'],
    ['a plus', 'BTC', { amount: '+1' }, 'InvalidQuantity', 'without sign'],
    ['an exponent', 'BTC', { amount: '1e2' }, 'InvalidQuantity', 'exponent'],
    ['an exponent in a number', 'BTC', { amount: 1e-7 }, 'InvalidQuantity', 'exponent'],
    ['too many decimals', 'BTC', { amount: '0.000000001' }, 'InvalidQuantity', 'at most 8 decimals'],
    ['too many digits', 'BTC', { amount: '9'.repeat(80) }, 'InvalidQuantity', 'too many digits'],
    [
      'more than 63 bits',
      'BTC',
      { amount: '92233720368.54775808' },
      'InvalidQuantity',
      '92233720368.54775807 BTC at most',
    ],
    ['no number', 'BTC', { amount: true }, 'InvalidQuantity', 'digits'],
    ['blanks', 'BTC', { amount: ' 1' }, 'InvalidQuantity', 'blanks'],
    ['an unknown currency', 'GOLD', { amount: '1' }, 'InvalidSymbol', 'GOLD'],
    ['a long key', 'BTC', { amount: '1', client_transfer_id: 'x'.repeat(129) }, 'Bad Request', 'client_transfer_id'],
    ['a key that is no text', 'BTC', { amount: '1', client_transfer_id: 7 }, 'Bad Request', 'client_transfer_id'],
    ['an unprintable address', 'BTC', { amount: '1', address: 'a\nb' }, 'Bad Request', 'address'],
  ])('%s is refused by name, and nothing is held', async (_what, currency, fields, reason, message) => {
    const before = await balanceOf('BTC', bob);
    const { status, body } = await withdraw(currency, fields, bob);
    expect([status, body.reason]).toEqual([400, reason]);
    expect(body.message).toContain(message);
    expect(await balanceOf('BTC', bob)).toEqual(before);
  });

  test('the largest amount that can be asked for is short of funds, not malformed', async () => {
    expect(await withdraw('BTC', { amount: '92233720368.54775807' }, bob)).toMatchObject({ status: 406 });
  });
});

describe('deposit addresses', () => {
  test('each is new, unique, of its account and network, and found by network or by currency code', async () => {
    const made = await Promise.all([
      exchange.post(alice, '/v1/deposit/bitcoin/newAddress', { label: 'savings' }),
      exchange.post(alice, '/v1/deposit/BTC/newAddress'),
      exchange.post(bob, '/v1/deposit/btc/newAddress'),
      exchange.post(alice, '/v1/deposit/link/newAddress'),
    ]);
    for (const { status } of made) expect(status).toBe(200);
    expect(made.map(({ body }) => body.network)).toEqual(['bitcoin', 'bitcoin', 'bitcoin', 'ethereum']);
    expect(new Set(made.map(({ body }) => body.address)).size).toBe(4);
    const listed = await exchange.post(alice, '/v1/addresses/bitcoin');
    expect(listed.body.map((row: { address: string }) => row.address).sort()).toEqual(
      [made[0]!.body.address, made[1]!.body.address].sort(),
    );
    expect(listed.body).toContainEqual({
      address: made[0]!.body.address,
      label: 'savings',
      network: 'bitcoin',
      timestamp: expect.any(Number),
    });
    expect((await exchange.post(alice, '/v1/addresses/bitcoin', { timestamp: Date.now() + 60_000 })).body).toEqual([]);
    expect((await exchange.post(alice, '/v1/addresses/ETH')).body).toMatchObject([{ network: 'ethereum' }]);
  });

  test('a hundred at once are a hundred', async () => {
    const carol = await exchange.account();
    await Promise.all(Array.from({ length: 100 }, () => exchange.post(carol, '/v1/deposit/dogecoin/newAddress')));
    const { body } = await exchange.post(carol, '/v1/addresses/doge');
    expect(new Set(body.map((row: { address: string }) => row.address)).size).toBe(100);
  });

  test.each(['nowhere', 'USD', 'GOLD', '%00'])('there is none in %s', async (network) => {
    for (const path of [`/v1/deposit/${network}/newAddress`, `/v1/addresses/${network}`])
      expect(await exchange.post(alice, path)).toMatchObject({ status: 400, body: { reason: 'Bad Request' } });
  });
});

describe('lists', () => {
  test('are narrowed by currency and time, and bounded', async () => {
    const carol = await exchange.account();
    for (let at = 1; at <= 12; at++) await withdraw(at % 2 === 0 ? 'BTC' : 'ETH', { amount: `${at}` }, carol);
    const amounts = async (fields: object) =>
      (await exchange.post(carol, '/v1/transfers', fields)).body.map(({ amount }: { amount: string }) => amount);
    expect(await amounts({})).toEqual(['12', '11', '10', '9', '8', '7', '6', '5', '4', '3']);
    expect(await amounts({ limit_transfers: 2 })).toEqual(['12', '11']);
    expect(await amounts({ limit_transfers: '50', currency: 'btc' })).toEqual(['12', '10', '8', '6', '4', '2']);
    expect(await amounts({ timestamp: Date.now() + 60_000 })).toEqual([]);
    expect(await amounts({ timestamp: Math.floor(Date.now() / 1_000) - 3_600, limit_transfers: 2 })).toEqual([
      '2',
      '1',
    ]);
    for (const fields of [{ limit_transfers: 0 }, { limit_transfers: 'x' }])
      expect(await exchange.post(carol, '/v1/transfers', fields)).toMatchObject({
        status: 400,
        body: { reason: 'InvalidJson' },
      });
    expect(await exchange.post(carol, '/v1/transfers', { timestamp: 'soon' })).toMatchObject({
      body: { reason: 'InvalidTimestampInPayload' },
    });
    expect(await exchange.post(carol, '/v1/transfers', { currency: 'GOLD' })).toMatchObject({
      body: { reason: 'InvalidSymbol' },
    });
  });

  test('balances are valued at last prices, by way of another asset where there is no market, and at nothing without a price', async () => {
    const [seller, buyer] = [await exchange.account(), await exchange.account()];
    await exchange.order(seller, 'sell', '1', '64000.25');
    await exchange.order(buyer, 'buy', '1', '64000.25');
    const rows = async (currency: string) => {
      const { body } = await exchange.post(bob, `/v1/notionalbalances/${currency}`);
      return Object.fromEntries(body.map((row: { currency: string }) => [row.currency, row]));
    };
    const usd = await rows('usd');
    expect(usd.BTC).toEqual({
      currency: 'BTC',
      amount: '100',
      amountNotional: '6400025.00',
      available: '100',
      availableNotional: '6400025.00',
      availableForWithdrawal: '100',
      availableForWithdrawalNotional: '6400025.00',
    });
    expect(usd.USD).toMatchObject({ amount: '1000000', amountNotional: '1000000.00' });
    expect(usd.XRP).toMatchObject({ amount: '100', amountNotional: '0.00' });
    const btc = await rows('BTC');
    expect(btc.USD).toMatchObject({ amountNotional: '15.62493897' }); // 1,000,000 / 64,000.25
    await exchange.order(seller, 'sell', '1', '3200.00', { symbol: 'ethusd' }); // an offer alone is a price too
    expect((await rows('BTC')).ETH).toMatchObject({ amountNotional: '4.99998047', availableNotional: '4.89998086' }); // two of 100 are held
    expect(await exchange.post(bob, '/v1/notionalbalances/GOLD')).toMatchObject({ body: { reason: 'InvalidSymbol' } });
  });
});

test('roles: money moves for fund managers alone, and is seen by all', async () => {
  const trader = exchange.key(alice.accountId, ['trader']);
  const auditor = exchange.key(alice.accountId, ['auditor']);
  const manager = exchange.key(alice.accountId, ['fundManager']);
  for (const key of [trader, auditor])
    for (const path of ['/v1/withdraw/BTC', '/v1/deposit/BTC/newAddress'])
      expect(await exchange.post(key, path, { amount: '1', address: 'x' })).toMatchObject({
        status: 403,
        body: { reason: 'MissingRole' },
      });
  for (const key of [trader, auditor, manager])
    for (const path of ['/v1/transfers', '/v1/addresses/BTC', '/v1/notionalbalances/USD'])
      expect((await exchange.post(key, path)).status).toBe(200);
  expect((await exchange.post(manager, '/v1/withdraw/BTC', { amount: '1', address: 'x' })).status).toBe(200);
});

test('the payload must name the path as it was sent, parameters included', async () => {
  const payload = { request: '/v1/withdraw/ETH', nonce: nextNonce(), amount: '1', address: 'x' };
  const headers = signedHeaders(alice, payload);
  const response = await fetch(`${exchange.baseUrl}/v1/withdraw/BTC`, { method: 'POST', headers });
  expect([response.status, ((await response.json()) as { reason: string }).reason]).toEqual([400, 'EndpointMismatch']);
});
