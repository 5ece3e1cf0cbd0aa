import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { KillPoint } from '../support/kill-point.ts';
import { adminPost } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { startRedis } from '../support/servers/test-servers.ts';
import { signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';

const IS_LONG = process.env.RINGBOOK_TEST_LONG === '1';
const ROUNDS = IS_LONG ? 5 : 1;
const SHORT_STEPS = 2; // of each kind, drawn by lot
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const AMOUNT = '0.12345678';
const UNITS = 12_345_678n;
const GRANT_UNITS = 100n * 10n ** 8n;

let folder: string;
let killPoint: KillPoint;
let exchange: ExchangeProcess | null;
let redis: PrivateRedis | null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-transfers-'));
  killPoint = new KillPoint();
  exchange = null;
  redis = null;
});
afterEach(async () => {
  await exchange?.kill();
  await redis?.kill();
  killPoint.remove();
  rmSync(folder, { recursive: true, force: true });
});

const admin = async (path: string, input: object) => {
  const { status, body } = await adminPost(exchange!.sandbox, path, input);
  expect([status, body.message]).toEqual([200, undefined]);
  return body;
};

/** What the operator or the client does, step by step, as if nothing had happened: every step may be repeated. */
const KINDS = {
  deposit: {
    steps: ['insert', 'start to pending', 'credit', 'pending to done'],
    act: async (key: string) => {
      const { id } = await admin('/deposits', { account: 'alice', asset: 'BTC', amount: AMOUNT, idempotencyKey: key });
      return admin('/deposits/confirm', { id });
    },
    state: 'done',
    change: UNITS,
  },
  withdrawal: {
    steps: ['insert', 'hold', 'start to pending', 'pending to pending', 'debit', 'pending to done'],
    act: async (key: string) => {
      const id = await withdraw(key);
      return admin('/withdrawals/confirm', { id });
    },
    state: 'done',
    change: -UNITS,
  },
  'withdrawal that fails': {
    steps: ['insert', 'hold', 'start to pending', 'pending to pending', 'release', 'pending to failed'],
    act: async (key: string) => {
      const id = await withdraw(key);
      return admin('/withdrawals/fail', { id, reason: 'the address is unknown' });
    },
    state: 'failed',
    change: 0n,
  },
} as const;

async function withdraw(key: string): Promise<number> {
  const { baseUrl, accounts } = exchange!.sandbox;
  const request = { amount: AMOUNT, address: 'bc1-somewhere', client_transfer_id: key };
  const { status, body } = await signedPost(baseUrl, accounts[0]!, '/v1/withdraw/BTC', request);
  expect([status, body.reason]).toEqual([200, undefined]);
  return Number(body.withdrawalId);
}

async function availableBtc(): Promise<bigint> {
  const { baseUrl, accounts } = exchange!.sandbox;
  const { body } = await signedPost(baseUrl, accounts[0]!, '/v1/balances');
  const row = body.find(({ currency }: { currency: string }) => currency === 'BTC');
  expect(row.available).toBe(row.amount); // nothing stays held
  const [whole, fraction = ''] = row.amount.split('.');
  return BigInt(whole + fraction.padEnd(8, '0'));
}

function environment(): Record<string, string> {
  return { ...killPoint.environment, ...(redis === null ? {} : { RINGBOOK_REDIS_URL: redis.url }) };
}

/** Starts it, killed on the way by its own recovery now and then: the next start goes on from there. */
async function restart(pointOfRecovery: string | null): Promise<void> {
  if (pointOfRecovery !== null) {
    killPoint.arm(pointOfRecovery);
    try {
      exchange = await ExchangeProcess.start(folder, environment());
      killPoint.disarm();
      return;
    } catch {
      await expectSound(folder, `killed while it recovered, ${pointOfRecovery} (SEED=${seed})`);
    }
  }
  killPoint.disarm();
  exchange = await ExchangeProcess.start(folder, environment());
}

const CASES = (['embedded', 'Redis'] as const).flatMap((ledger) =>
  (['deposit', 'withdrawal', 'withdrawal that fails'] as const).map((kind) => [kind, ledger] as const),
);
test.each(CASES)(
  `a %s on the %s ledger, killed before or after a step, moves its money once (SEED=${seed})`,
  {
    timeout: ROUNDS * 300_000,
  },
  async (name, ledger) => {
    const { steps: allSteps, act, state, change } = KINDS[name];
    if (ledger === 'Redis') redis = await startRedis();
    const random = new RandomIntegers(seed);
    const steps: string[] = [...allSteps];
    while (!IS_LONG && steps.length > SHORT_STEPS) steps.splice(random.below(steps.length), 1);
    await restart(null);
    let expected = GRANT_UNITS;
    for (let round = 0; round < ROUNDS; round++)
      for (const side of ['before', 'after'])
        for (const step of steps) {
          const point = `${side} ${step}`;
          const key = `${round} ${point}`;
          killPoint.arm(point);
          await expect(act(key), point).rejects.toThrow(/fetch failed|other side closed|terminated/);
          killPoint.disarm();
          await exchange!.kill();
          await expectSound(folder, `${name} killed ${point} (SEED=${seed})`);

          await restart(random.onceIn(3) ? `${random.oneOf(['before', 'after'])} ${random.oneOf(allSteps)}` : null);
          for (const kind of ['deposits', 'withdrawals'])
            expect(await admin(`/${kind}/list`, { stuck: true }), `${name} ${point}`).toEqual([]);
          const finished = await act(key);
          expect([finished.state, finished.waitsFor], `${name} ${point}`).toEqual([state, null]);
          expect((await act(key)).id, `${name} ${point}`).toBe(finished.id);
          expected += change;
          expect(await availableBtc(), `${name} ${point} (SEED=${seed})`).toBe(expected);
        }
    expect(await exchange!.stop()).toBe(0);
    await expectSound(folder, `${name}, in the end (SEED=${seed})`);
  },
);

test('a deposit submitted 100 times at once and confirmed 100 times at once is credited once', async () => {
  await restart(null);
  const request = { account: 'alice', asset: 'BTC', amount: AMOUNT, txHash: '0xabc' };
  const hundred = <Result>(act: () => Promise<Result>): Promise<Result[]> =>
    Promise.all(Array.from({ length: 100 }, act));
  const submitted = await hundred(() => admin('/deposits', request));
  expect(new Set(submitted.map(({ id }) => id)).size).toBe(1);
  expect(submitted.filter(({ isRepeat }) => !isRepeat)).toHaveLength(1);
  expect(await availableBtc()).toBe(GRANT_UNITS);
  const { id } = submitted[0];
  const confirmed = await hundred(() => admin('/deposits/confirm', { id }));
  expect(new Set(confirmed.map(({ state }) => state))).toEqual(new Set(['done']));
  expect(await availableBtc()).toBe(GRANT_UNITS + UNITS);
  const both = await hundred(() => admin('/deposits', { ...request, txHash: '0xdef', confirm: true }));
  expect(new Set(both.map(({ state }) => state))).toEqual(new Set(['done']));
  expect(await availableBtc()).toBe(GRANT_UNITS + 2n * UNITS);
  const history = await admin('/accounts/history', { account: 'alice', asset: 'BTC' });
  expect(history.map(({ operation }: { operation: number }) => operation)).toEqual([
    both[0].id,
    id,
    expect.any(Number),
  ]);
  await exchange!.kill();
  await expectSound(folder, 'after a hundred of everything');
});

test('a withdrawal asked for 100 times at once, confirmed and failed 50 times at once, is held once and ends one way', async () => {
  await restart(null);
  const ids = await Promise.all(Array.from({ length: 100 }, () => withdraw('the only one')));
  expect(new Set(ids).size).toBe(1);
  const { body } = await signedPost(exchange!.sandbox.baseUrl, exchange!.sandbox.accounts[0]!, '/v1/balances');
  expect(body.find(({ currency }: { currency: string }) => currency === 'BTC')).toMatchObject({
    amount: '100',
    available: '99.87654322',
  });
  const [id] = ids;
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, at) =>
      at % 2 === 0
        ? adminPost(exchange!.sandbox, '/withdrawals/confirm', { id })
        : adminPost(exchange!.sandbox, '/withdrawals/fail', { id, reason: 'no' }),
    ),
  );
  const { state } = await admin('/withdrawals/show', { id });
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(50);
  expect(await availableBtc()).toBe(state === 'done' ? GRANT_UNITS - UNITS : GRANT_UNITS);
  await exchange!.kill();
  await expectSound(folder, 'after a hundred decisions');
});
