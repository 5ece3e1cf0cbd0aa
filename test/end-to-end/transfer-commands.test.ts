import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { adminPost } from '../support/operator.ts';
import { RingbookCommands } from '../support/ringbook-commands.ts';
import { type Answer, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';

let folder: string;
let exchange: ExchangeProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-transfer-commands-'));
  exchange = await ExchangeProcess.start(folder);
});
afterAll(async () => {
  await exchange.kill();
  await expectSound(folder, 'after all commands');
  rmSync(folder, { recursive: true, force: true });
});

const commands = new RingbookCommands(() => folder);

const admin = (path: string, input: object): Promise<Answer> => adminPost(exchange.sandbox, path, input);
const post = (path: string, fields: object = {}): Promise<Answer> =>
  signedPost(exchange.sandbox.baseUrl, exchange.sandbox.accounts[0]!, path, fields);

test('a deposit is submitted, listed, shown, confirmed; another one fails', async () => {
  const submitted = await commands.json('deposits', 'submit', 'alice', 'btc', '1.25', '--tx-hash', 'beef');
  expect(submitted).toEqual({
    id: expect.any(Number),
    kind: 'deposit',
    state: 'start',
    waitsFor: 'operator',
    account: 'alice',
    asset: 'BTC',
    amount: '1.25',
    decision: null,
    idempotencyKey: 'bitcoin:BTC:beef',
    network: 'bitcoin',
    address: null,
    memo: null,
    txHash: 'beef',
    failure: null,
    createdMs: expect.any(Number),
    updatedMs: expect.any(Number),
    isRepeat: false,
  });
  const { isRepeat: _, ...row } = submitted;
  expect(await commands.json('deposits', 'list', '--state', 'start')).toEqual([row]);
  expect(await commands.json('deposits', 'show', `${submitted.id}`)).toEqual(row);
  expect(await commands.json('deposits', 'confirm', `${submitted.id}`)).toMatchObject({
    state: 'done',
    waitsFor: null,
  });
  const other = await commands.json('deposits', 'submit', 'alice', 'btc', '1', '--key', 'mistake');
  const failed = await commands.json('deposits', 'fail', `${other.id}`, 'it was never there');
  expect(failed).toMatchObject({ state: 'failed', failure: 'it was never there' });
  const table = await commands.run('deposits', 'list', '--account', 'alice', '--since', '2026-01-01');
  expect(table.stdout.split('\n').map((line) => line.split(/ {2,}/).slice(1))).toEqual([
    ['state', 'waitsFor', 'account', 'asset', 'amount', 'idempotencyKey', 'failure'],
    ['failed', '-', 'alice', 'BTC', '1', 'mistake', 'it was never there'],
    ['done', '-', 'alice', 'BTC', '1.25', 'bitcoin:BTC:beef', '-'],
    [],
  ]);
  expect(await commands.json('deposits', 'list', '--stuck')).toEqual([]);
});

test('a withdrawal is listed with its hold, confirmed, and stands in the history of the account', async () => {
  const { body } = await post('/v1/withdraw/ETH', { amount: '2', address: '0xabc', client_transfer_id: 'mine' });
  const [waiting] = await commands.json('withdrawals', 'list');
  expect(waiting).toMatchObject({
    id: Number(body.withdrawalId),
    state: 'pending',
    waitsFor: 'operator',
    address: '0xabc',
  });
  await commands.json('withdrawals', 'confirm', body.withdrawalId);
  const second = await post('/v1/withdraw/ETH', { amount: '3', address: '0xabc' });
  expect(await commands.json('withdrawals', 'fail', second.body.withdrawalId, 'no such address')).toMatchObject({
    state: 'failed',
    decision: 'fail',
  });
  const history = await commands.json('accounts', 'history', 'alice', '--asset', 'eth', '--limit', '4');
  expect(history.map((row: Record<string, unknown>) => [row.reason, row.availableAfter, row.heldAfter])).toEqual([
    ['release', '98', '0'],
    ['hold', '95', '3'],
    ['withdrawal', '98', '0'],
    ['hold', '98', '2'],
  ]);
  expect(history[2]).toMatchObject({ operation: Number(body.withdrawalId), availableBefore: '98', heldBefore: '2' });
  expect(await commands.json('accounts', 'history', 'alice', '--since', `${Date.now() + 60_000}`)).toEqual([]);
});

const USD = { account: 'alice', asset: 'USD', idempotencyKey: 'k' };
test.each<[path: string, input: object, status: number, message: string]>([
  ['/deposits', { ...USD, amount: '0' }, 400, 'amount: must be above zero'],
  ['/deposits', { ...USD, amount: '-1' }, 400, 'amount: must be digits'],
  ['/deposits', { ...USD, amount: '1e9' }, 400, 'exponent'],
  ['/deposits', { ...USD, amount: '0.00000000001' }, 400, 'at most 10 decimals'],
  ['/deposits', { ...USD, amount: '9'.repeat(70) }, 400, 'too many digits'],
  ['/deposits', { ...USD, amount: '922337203.6854775808' }, 400, '922337203.6854775807 USD at most'],
  ['/deposits', { ...USD, amount: 5 }, 400, 'amount'],
  ['/deposits', { ...USD, asset: 'GOLD', amount: '1' }, 404, 'there is no asset "GOLD"'],
  ['/deposits', { ...USD, account: 'nobody', amount: '1' }, 404, 'there is no account "nobody"'],
  ['/deposits', { asset: 'USD', amount: '1', idempotencyKey: 'k' }, 400, 'account'],
  ['/deposits', { account: 'alice', asset: 'USD', amount: '1' }, 400, 'idempotencyKey'],
  ['/deposits', { ...USD, amount: '1', idempotencyKey: '' }, 400, 'idempotencyKey'],
  ['/deposits', { ...USD, amount: '1', idempotencyKey: 'tab\t' }, 400, 'printable'],
  ['/deposits', { ...USD, amount: '1', network: 'nowhere' }, 404, 'there is no network "nowhere"'],
  ['/deposits', { ...USD, amount: '1', address: 'ringbook-bitcoin-100-9-00000000' }, 404, 'no deposit address'],
  ['/deposits/confirm', { id: 7 }, 404, 'there is no deposit 7'],
  ['/deposits/confirm', { id: 0 }, 400, 'id'],
  ['/deposits/fail', { id: 7 }, 400, 'reason'],
  ['/deposits/show', { id: 7 }, 404, 'there is no deposit 7'],
  ['/deposits/list', { state: 'lost' }, 400, 'state'],
  ['/deposits/list', { limit: 1_001 }, 400, 'limit'],
  ['/withdrawals/confirm', { id: 7 }, 404, 'there is no withdrawal 7'],
  ['/withdrawals/list', { account: 'nobody' }, 404, 'nobody'],
  ['/accounts/history', { account: 'nobody' }, 404, 'nobody'],
])('%s %j is refused with %i, and nothing is done', async (path, input, status, message) => {
  const before = await admin('/deposits/list', {});
  const refused = await admin(path, input);
  expect([refused.status, refused.body.message]).toEqual([status, expect.stringContaining(message)]);
  expect(await admin('/deposits/list', {})).toEqual(before);
});

test('a key stands for one deposit; one more than all accounts may hold together is refused, and takes its key with it', async () => {
  const request = { account: 'bob', asset: 'DOGE', idempotencyKey: 'limit', confirm: true };
  const most = '92233720168.54775807'; // what 2^63 - 1 units leave beside the sandbox's 200
  const tooMuch = await admin('/deposits', { ...request, amount: '92233720168.54775808' });
  expect([tooMuch.status, tooMuch.body.message]).toEqual([
    400,
    expect.stringContaining('all accounts together hold 200 DOGE'),
  ]);
  expect((await admin('/deposits', { ...request, amount: most })).body).toMatchObject({ state: 'done', amount: most });
  const other = await admin('/deposits', { ...request, amount: '1' });
  expect([other.status, other.body.reason]).toEqual([409, 'AlreadyDefined']);
  const again = await admin('/deposits', { ...request, idempotencyKey: 'one more', amount: '0.00000001' });
  expect(again.status).toBe(400);
});

test('a deposit to an address is credited to its account, whoever is named otherwise is not', async () => {
  const { body } = await post('/v1/deposit/BTC/newAddress');
  const request = { address: body.address, asset: 'BTC', amount: '1', txHash: 'cafe', confirm: true };
  expect((await admin('/deposits', { ...request, account: 'bob' })).body.message).toContain('not one of account "bob"');
  expect((await admin('/deposits', { ...request, asset: 'ETH' })).body.message).toContain('is one of bitcoin');
  expect((await admin('/deposits', request)).body).toMatchObject({
    account: 'alice',
    state: 'done',
    address: body.address,
  });
});

test('every command explains itself; a decision that came too late is one sentence and exit code 1', async () => {
  for (const words of [
    ['deposits', 'submit'],
    ['withdrawals', 'confirm'],
    ['accounts', 'history'],
    ['deposits', 'list'],
  ]) {
    const { code, stdout } = await commands.run(...words, '--help');
    expect([code, stdout]).toEqual([0, expect.stringContaining('Usage: ringbook')]);
  }
  const { id } = await commands.json('deposits', 'submit', 'bob', 'usd', '5', '--key', 'late', '--confirm');
  const late = await commands.run('deposits', 'fail', `${id}`, 'too late');
  expect([late.code, late.stdout, late.stderr]).toEqual([
    1,
    '',
    `ringbook: deposit ${id} is done, decided to confirm\n`,
  ]);
  const wrong = await commands.run('deposits', 'show', 'first');
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('is no transfer')]);
});
