import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
import { nextNonce, signedHeaders } from '../../support/signed-client.ts';

let exchange: InlineExchange;
let alice: TestAccount;

beforeAll(async () => {
  exchange = await InlineExchange.start();
  alice = await exchange.account();
});
afterAll(() => exchange.close());

/** @returns status, reason and message, after checking that an error has the three texts and nothing else */
async function refused(response: Response): Promise<[number, string, string]> {
  const body = (await response.json()) as Record<string, string>;
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(Object.keys(body).sort()).toEqual(['message', 'reason', 'result']);
  expect(body.result).toBe('error');
  expect(body.message).not.toContain(alice.secret);
  expect(body.message).not.toMatch(/[\r\n]/);
  return [response.status, body.reason!, body.message!];
}

async function sent(
  path: string,
  headers: Record<string, string>,
  method = 'POST',
): Promise<readonly [number, string, string]> {
  return refused(await fetch(exchange.baseUrl + path, { method, headers }));
}

/** @param json the payload's text, whatever it is */
function signText(json: string | Buffer, account: TestAccount = alice): Record<string, string> {
  const payload = Buffer.from(json as string).toString('base64');
  return {
    'X-GEMINI-APIKEY': account.key,
    'X-GEMINI-PAYLOAD': payload,
    'X-GEMINI-SIGNATURE': createHmac('sha384', account.secret).update(payload).digest('hex'),
  };
}

const heartbeat = (fields: object = {}) =>
  signedHeaders(alice, { request: '/v1/heartbeat', nonce: nextNonce(), ...fields });

describe('authentication, in the order of its checks', () => {
  test.each([
    ['X-GEMINI-APIKEY', 'MissingApikeyHeader'],
    ['X-GEMINI-PAYLOAD', 'MissingPayloadHeader'],
    ['X-GEMINI-SIGNATURE', 'MissingSignatureHeader'],
  ])('without %s: %s', async (name, reason) => {
    const { [name]: _left, ...headers } = heartbeat();
    expect((await sent('/v1/heartbeat', headers)).slice(0, 2)).toEqual([400, reason]);
    expect((await sent('/v1/heartbeat', { ...headers, [name]: '' })).slice(0, 2)).toEqual([400, reason]);
  });

  test('an unknown key, a wrong secret, a changed payload and no hex at all are one reason', async () => {
    const good = heartbeat();
    for (const changed of [
      { 'X-GEMINI-APIKEY': 'account-unknown' },
      { 'X-GEMINI-APIKEY': '__proto__' },
      signedHeaders({ ...alice, secret: 'other' }, { request: '/v1/heartbeat', nonce: nextNonce() }),
      { 'X-GEMINI-PAYLOAD': `${good['X-GEMINI-PAYLOAD']!.slice(0, -4)}AAAA` },
      { 'X-GEMINI-SIGNATURE': 'signature' },
      { 'X-GEMINI-SIGNATURE': good['X-GEMINI-SIGNATURE']!.slice(1) },
    ])
      expect((await sent('/v1/heartbeat', { ...good, ...changed })).slice(0, 2)).toEqual([400, 'InvalidSignature']);
  });

  test('a request whose signature is wrong uses up no nonce', async () => {
    const nonce = nextNonce();
    const payload = { request: '/v1/heartbeat', nonce };
    await sent('/v1/heartbeat', signedHeaders({ ...alice, secret: 'other' }, payload));
    expect(await exchange.post(alice, '/v1/heartbeat', {}, nonce)).toEqual({ status: 200, body: { result: 'ok' } });
  });

  test('a signature in upper-case hex is accepted, and any body is ignored', async () => {
    const headers = heartbeat();
    headers['X-GEMINI-SIGNATURE'] = headers['X-GEMINI-SIGNATURE']!.toUpperCase();
    const body = '{"request": "/v1/order/new", "nonce": "0"';
    const response = await fetch(`${exchange.baseUrl}/v1/heartbeat`, { method: 'POST', headers, body });
    expect([response.status, await response.json()]).toEqual([200, { result: 'ok' }]);
  });

  test.each([
    ['no JSON', 'request'],
    ['cut JSON', '{"request": "/v1/heartbeat"'],
    ['an array', '["/v1/heartbeat"]'],
    ['arrays 1,200 deep', `{"a": ${'['.repeat(1_200)}${']'.repeat(1_200)}`],
    ['bad UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
  ])('%s is InvalidJson', async (_name, json) => {
    expect((await sent('/v1/heartbeat', signText(json))).slice(0, 2)).toEqual([400, 'InvalidJson']);
  });

  test('a payload that is not base64 is InvalidJson too', async () => {
    const payload = '{"request":"/v1/heartbeat"}';
    const signature = createHmac('sha384', alice.secret).update(payload).digest('hex');
    const headers = { ...heartbeat(), 'X-GEMINI-PAYLOAD': payload, 'X-GEMINI-SIGNATURE': signature };
    expect((await sent('/v1/heartbeat', headers)).slice(0, 2)).toEqual([400, 'InvalidJson']);
  });

  test.each([
    [{}, 400, 'MissingPayloadKey'],
    [{ request: '' }, 400, 'MissingPayloadKey'],
    [{ request: '/v1/no/such' }, 404, 'EndpointNotFound'],
    [{ request: 5 }, 404, 'EndpointNotFound'],
    [{ request: ['/v1/heartbeat'] }, 404, 'EndpointNotFound'],
    [{ request: '/v1/balances' }, 400, 'EndpointMismatch'],
    [{ request: '/v1/heartbeat?a=1' }, 400, 'EndpointMismatch'],
    [{ request: '/V1/heartbeat' }, 404, 'EndpointNotFound'],
  ])('payload %j is %i %s', async (payload, status, reason) => {
    const headers = signText(JSON.stringify({ nonce: nextNonce(), ...payload }));
    expect((await sent('/v1/heartbeat', headers)).slice(0, 2)).toEqual([status, reason]);
  });

  test('a query may be part of what is signed, or left out', async () => {
    for (const request of ['/v1/heartbeat', '/v1/heartbeat?a=1']) {
      const headers = signText(JSON.stringify({ request, nonce: nextNonce() }));
      const response = await fetch(`${exchange.baseUrl}/v1/heartbeat?a=1`, { method: 'POST', headers });
      expect(response.status, request).toBe(200);
    }
  });

  test.each([
    ['', 'MissingNonce'],
    [', "nonce": null', 'MissingNonce'],
    [', "nonce": ""', 'MissingNonce'],
    [', "nonce": 1e309', 'InvalidNonce'],
    [', "nonce": -0', 'InvalidNonce'],
    [`, "nonce": ${'9'.repeat(400)}`, 'InvalidNonce'],
    [', "nonce": {"__proto__": 1}', 'InvalidNonce'],
    [', "nonce": "0"', 'InvalidNonce'], // far behind
  ])('nonce field %j is %s', async (field, reason) => {
    const headers = signText(`{"request": "/v1/heartbeat"${field}}`);
    expect((await sent('/v1/heartbeat', headers)).slice(0, 2)).toEqual([400, reason]);
  });

  test('nonces rise strictly to the last of 19 digits and 9 decimals, whatever form they come in', async () => {
    const carol = await exchange.account();
    const outcomes: [string, number][] = [
      ['1760000000000000001', 200],
      ['1760000000000000001', 400], // replayed
      ['"1760000000000000001"', 400],
      ['1760000000000000000', 400], // a double would not tell these apart
      ['1760000000000000001.000000001', 200],
      ['"1760000000000000001.000000001"', 400],
      ['1760000000000000002', 200],
      ['9999999999999999999', 200],
      ['9999999999999999998', 400],
    ];
    for (const [nonce, status] of outcomes) {
      const headers = signText(`{"request": "/v1/heartbeat", "nonce": ${nonce}}`, carol);
      const response = await fetch(`${exchange.baseUrl}/v1/heartbeat`, { method: 'POST', headers });
      expect(response.status, nonce).toBe(status);
    }
    expect(await exchange.post(exchange.key(carol.accountId), '/v1/heartbeat', {}, '1')).toMatchObject({ status: 200 });
  });

  test('one nonce on twenty connections at once is accepted once', async () => {
    const headers = heartbeat();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => fetch(`${exchange.baseUrl}/v1/heartbeat`, { method: 'POST', headers })),
    );
    expect(answers.filter((answer) => answer.status === 200).length).toBe(1);
    for (const answer of answers) if (answer.status !== 200) expect((await refused(answer))[1]).toBe('InvalidNonce');
  });

  test('roles: who may not is told what is needed and what the key has', async () => {
    const auditor = exchange.key(alice.accountId, ['auditor']);
    const fundManager = exchange.key(alice.accountId, ['fundManager']);
    const call = async (account: TestAccount, path: string) => (await exchange.post(account, path)).body.reason;
    for (const path of ['/v1/order/new', '/v1/order/cancel', '/v1/heartbeat'])
      for (const account of [auditor, fundManager]) expect(await call(account, path), path).toBe('MissingRole');
    for (const path of ['/v1/order/status', '/v1/orders'])
      expect(await call(fundManager, path), path).toBe('MissingRole');
    expect((await exchange.post(auditor, '/v1/orders')).status).toBe(200);
    for (const account of [auditor, fundManager])
      expect((await exchange.post(account, '/v1/balances')).status).toBe(200);
    const answer = await exchange.post(auditor, '/v1/order/new');
    expect(answer.status).toBe(403);
    expect(answer.body.message).toContain('Trader');
    expect(answer.body.message).toContain('Auditor');
  });

  test('the account field of a key with one account may name only that one', async () => {
    for (const account of ['primary', `desk-${alice.accountId}`, ''])
      expect((await exchange.post(alice, '/v1/heartbeat', { account })).status, account).toBe(200);
    for (const account of ['other', ['primary'], 5]) {
      const answer = await exchange.post(alice, '/v1/heartbeat', { account });
      expect([answer.status, answer.body.reason]).toEqual([400, 'AccountsOnGroupOnlyApi']);
    }
  });
});

describe('paths and methods', () => {
  test.each([
    ['GET', '/v1/no/such', 404, 'EndpointNotFound'],
    ['POST', '/v1/no/such', 404, 'EndpointNotFound'],
    ['GET', '/v1/symbols/', 404, 'EndpointNotFound'],
    ['GET', '/v1/book/', 404, 'EndpointNotFound'],
    ['GET', '//', 404, 'EndpointNotFound'],
    ['GET', '/..%2f..%2fetc/passwd', 404, 'EndpointNotFound'],
    ['DELETE', '/v1/nothing', 404, 'EndpointNotFound'],
    ['GET', '/v1/order/new', 405, 'MethodNotAllowed'],
    ['PUT', '/v1/order/new', 405, 'MethodNotAllowed'],
    ['POST', '/v1/symbols', 405, 'MethodNotAllowed'],
    ['DELETE', '/v1/book/btcusd', 405, 'MethodNotAllowed'],
    ['OPTIONS', '/v1/order/new', 405, 'MethodNotAllowed'],
    ['GET', '/v1/book/nosuch', 400, 'Bad Request'],
    ['GET', '/v1/book/%E2%82%BF', 400, 'Bad Request'],
    ['GET', '/v1/symbols/details/nosuch', 400, 'Bad Request'],
    ['GET', '/v1/book/btcusd?limit_bids=-1', 400, 'Bad Request'],
    ['GET', '/v1/book/btcusd?limit_asks=1e3', 400, 'Bad Request'],
    ['GET', `/v1/book/btcusd?limit_asks=${'9'.repeat(400)}`, 400, 'Bad Request'],
  ])('%s %s is %i %s', async (method, path, status, reason) => {
    expect((await sent(path, heartbeat(), method)).slice(0, 2)).toEqual([status, reason]);
  });

  test('405 names the method that is taken', async () => {
    expect((await fetch(`${exchange.baseUrl}/v1/order/new`)).headers.get('allow')).toBe('POST');
    expect((await fetch(`${exchange.baseUrl}/v1/symbols`, { method: 'POST' })).headers.get('allow')).toBe('GET');
  });
});

test('an order’s refusals come with status 400 and reach no ledger', async () => {
  const holds = exchange.ledger.holds.size;
  const good = { symbol: 'btcusd', side: 'buy', amount: '1', price: '1.00', type: 'exchange limit' };
  for (const [fields, reason] of [
    [{ symbol: 'nosuch' }, 'InvalidSymbol'],
    [{ amount: '-1' }, 'InvalidQuantity'],
    [{ price: '10.005' }, 'InvalidPrice'],
    [{ type: 'exchange stop' }, 'InvalidOrderType'],
    [{ options: 'maker-or-cancel' }, 'OptionsMustBeArray'],
    [{ client_order_id: 5 }, 'ClientOrderIdMustBeString'],
  ] as const) {
    const answer = await exchange.post(alice, '/v1/order/new', { ...good, ...fields });
    expect([answer.status, answer.body.reason]).toEqual([400, reason]);
  }
  const both = await exchange.post(alice, '/v1/order/status', { order_id: 1, client_order_id: 'c' });
  expect([both.status, both.body.reason]).toEqual([400, 'MissingOrderField']);
  const unknown = await exchange.post(alice, '/v1/order/status', { client_order_id: 'never sent' });
  expect([unknown.status, unknown.body.reason]).toEqual([404, 'OrderNotFound']);
  expect(exchange.ledger.holds.size).toBe(holds);
});

test('rate limits: by key for signed calls, by address for public ones, with a time to come back', async () => {
  const limited = await InlineExchange.start({ rateLimit: 'gemini' });
  try {
    const account = await limited.account();
    const other = limited.key(account.accountId);
    let reason = '';
    for (let call = 0; call < 700 && reason === ''; call++)
      reason = (await limited.post(account, '/v1/heartbeat')).body.reason ?? '';
    expect(reason).toBe('RateLimit');
    expect((await limited.post(other, '/v1/heartbeat')).status).toBe(200);
    let response = await fetch(`${limited.baseUrl}/v1/symbols`);
    for (let call = 0; call < 200 && response.status === 200; call++)
      response = await fetch(`${limited.baseUrl}/v1/symbols`);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('1');
    expect((await refused(response))[1]).toBe('RateLimit');
  } finally {
    limited.close();
  }
});
