import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PrivateRedis } from '../../../main/services/private-redis.ts';
import { BALANCE_PREFIX, balanceKey, LEDGER_KEYS } from '../../../workers/ledger/redis/ledger-keys.ts';
import {
  compose,
  LEDGER_SCRIPTS,
  type LedgerScript,
  loadScript,
} from '../../../workers/ledger/redis/ledger-scripts.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { startRedis } from '../../support/servers/test-servers.ts';
import { EPOCH } from './ledger-settings.ts';
import { dumpOf } from './redis-under-test.ts';

const { ledger, holds, closed, closedOrder, credits, debits, pools, watermarks, entries } = LEDGER_KEYS;
const NOW = '1760000000000';
const ALICE = balanceKey(100);
const BOB = balanceKey(101);

let redis: PrivateRedis;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis({ directives: { appendfsync: 'no' } });
  client = new Redis(redis.url);
});
afterEach(() => client.flushall());
afterAll(() => client.disconnect());

function run(script: LedgerScript, keys: readonly string[], args: readonly unknown[]): Promise<unknown> {
  return client.call('EVAL', script.source, keys.length, ...keys, ...args.map(String)) as Promise<unknown>;
}

/** Calls of every script as the ledger makes them; `head` are epoch, known sequence and writer. */
const call = {
  create: (epoch = EPOCH) => run(LEDGER_SCRIPTS.createLedger, Object.values(LEDGER_KEYS), [epoch]),
  read: () => run(LEDGER_SCRIPTS.readLedger, [ledger], []),
  hold: (...holdsOfCall: [id: number, units: string][]) =>
    run(
      LEDGER_SCRIPTS.holdFunds,
      [ledger, holds, closed, entries, ALICE],
      [...head, ...holdsOfCall.flatMap(([id, units]) => [id, 5, 100, 1, units, NOW])],
    ),
  release: (id: number) =>
    run(LEDGER_SCRIPTS.releaseHold, [ledger, holds, closed, closedOrder, entries, BALANCE_PREFIX], [...head, id, NOW]),
  settle: (before: number, last: number, legs: readonly unknown[] = [], met: readonly unknown[] = []) =>
    run(
      LEDGER_SCRIPTS.settleLegs,
      [ledger, holds, closed, closedOrder, entries, watermarks, ALICE, BOB],
      [...head, ...[3, before, last, NOW, legs.length / 7, ...legs, ...met]],
    ),
  credit: (id: number, units: string) =>
    run(LEDGER_SCRIPTS.creditFunds, [ledger, credits, pools, entries, ALICE], [...head, id, 100, 1, units, NOW]),
  debit: (id: number) =>
    run(
      LEDGER_SCRIPTS.debitFunds,
      [ledger, holds, closed, closedOrder, entries, debits, pools, BALANCE_PREFIX],
      [...head, id, NOW],
    ),
  floor: (id: number, starter = 'this start', raisedBefore = 0) =>
    run(LEDGER_SCRIPTS.raiseFloor, [ledger, entries], [...head.with(2, id), raisedBefore, starter, NOW]),
  sequence: () => run(LEDGER_SCRIPTS.readSequence, [ledger], head),
  balances: () => run(LEDGER_SCRIPTS.readBalances, [ledger, watermarks, ALICE], head),
  holds: (bound: number) => run(LEDGER_SCRIPTS.listHolds, [ledger, holds], [...head, bound]),
  find: (...ids: number[]) => run(LEDGER_SCRIPTS.findHolds, [ledger, holds], [...head, ...ids]),
  changes: (after: number) => run(LEDGER_SCRIPTS.readChanges, [ledger, entries], [...head, after, 10]),
  trim: (through: number) => run(LEDGER_SCRIPTS.trimChanges, [ledger, entries], [...head, through]),
};
const everyCall = [
  () => call.hold([12, '1']),
  () => call.release(10),
  () => call.settle(0, 5),
  () => call.credit(2, '1'),
  () => call.debit(10),
  () => call.floor(9),
  call.sequence,
  call.balances,
  () => call.holds(11),
  () => call.find(10),
  () => call.changes(0),
  () => call.trim(3),
];
const WRITER = 9;
let head: [epoch: string, knownSequence: number, writer: number] = [EPOCH, 0, WRITER];

/** Alice has 100 of asset 1: 60 available, 30 held by command 10 and 10 by command 11. Change sequence 3. */
async function prepare(): Promise<void> {
  head = [EPOCH, 0, WRITER];
  await call.create();
  await call.credit(1, '100');
  await call.hold([10, '30'], [11, '10']);
}

/** The same, with one more call made. */
function preparedWith(act: () => Promise<unknown>): () => Promise<void> {
  return async () => {
    await prepare();
    await act();
  };
}

describe('each answer of each script, as its contract names them', () => {
  const legs = [5, 7, 100, 1, '0', '-30', 'fill', 5, 8, 101, 1, '30', '0', 'fill'];
  const cases: [name: string, prepared: () => Promise<unknown>, act: () => Promise<unknown>, answer: unknown][] = [
    ['create-ledger EXISTS', prepare, () => call.create('other'), ['EXISTS', EPOCH]],
    ['create-ledger REMAINS', () => client.hset(pools, 'c1', '5'), () => call.create(), ['REMAINS', pools]],
    ['read-ledger EMPTY', async () => {}, call.read, ['EMPTY']],
    ['read-ledger LEDGER', prepare, call.read, ['LEDGER', EPOCH, '3', '0', '3']],
    ['hold-funds HELD', prepare, () => call.hold([12, '60']), ['OK', ['HELD', '0', '4']]],
    ['hold-funds REPEATED', prepare, () => call.hold([10, '30']), ['OK', ['REPEATED', '70', '2']]],
    ['hold-funds INSUFFICIENT_FUNDS', prepare, () => call.hold([12, '61']), ['OK', ['INSUFFICIENT_FUNDS', '60']]],
    ['hold-funds HOLD_DIFFERS', prepare, () => call.hold([10, '31']), ['OK', ['HOLD_DIFFERS', '30']]],
    ['hold-funds RELEASED', preparedWith(() => call.release(12)), () => call.hold([12, '1']), ['OK', ['RELEASED']]],
    ['hold-funds BELOW_FLOOR', preparedWith(() => call.floor(9)), () => call.hold([8, '1']), ['OK', ['BELOW_FLOOR']]],
    [
      'hold-funds: each of a call for itself, the same one twice too',
      prepare,
      () => call.hold([12, '50'], [13, '20'], [12, '50'], [14, '10']),
      ['OK', ['HELD', '10', '4'], ['INSUFFICIENT_FUNDS', '10'], ['REPEATED', '10', '4'], ['HELD', '0', '5']],
    ],
    ['release-hold RELEASED', prepare, () => call.release(10), ['RELEASED', '30', '4']],
    ['release-hold REPEATED', preparedWith(() => call.release(10)), () => call.release(10), ['REPEATED', '4']],
    ['release-hold SETTLED', preparedWith(() => call.settle(0, 5, [], [10, 5])), () => call.release(10), ['SETTLED']],
    ['settle-legs APPLIED', prepare, () => call.settle(0, 5, legs, [10, 5]), ['APPLIED', '5', '4']],
    [
      'settle-legs REPEATED',
      preparedWith(() => call.settle(0, 5, legs)),
      () => call.settle(0, 5, legs),
      ['REPEATED', '5', '4'],
    ],
    ['settle-legs GAP', prepare, () => call.settle(4, 5, legs), ['GAP', '0']],
    [
      'settle-legs BROKEN',
      prepare,
      () => call.settle(0, 5, [5, 7, 100, 1, '0', '-41', 'fill']),
      ['BROKEN', '5', '100', '1', '60', '-1'],
    ],
    ['credit-funds CREDITED', prepare, () => call.credit(2, '1'), ['CREDITED', '61', '4']],
    ['credit-funds REPEATED', prepare, () => call.credit(1, '100'), ['REPEATED', '100', '1']],
    ['credit-funds CREDIT_DIFFERS', prepare, () => call.credit(1, '101'), ['CREDIT_DIFFERS']],
    ['credit-funds POOL_LIMIT', prepare, () => call.credit(2, '9223372036854775708'), ['POOL_LIMIT', '100']],
    [
      'credit-funds up to the limit',
      prepare,
      () => call.credit(2, '9223372036854775707'),
      ['CREDITED', '9223372036854775767', '4'],
    ],
    ['debit-funds DEBITED', prepare, () => call.debit(10), ['DEBITED', '30', '4']],
    ['debit-funds REPEATED', preparedWith(() => call.debit(10)), () => call.debit(10), ['REPEATED', '30', '4']],
    ['debit-funds NOT_HELD', prepare, () => call.debit(12), ['NOT_HELD']],
    ['raise-floor RAISED', prepare, () => call.floor(9), ['RAISED', '4']],
    ['raise-floor REPEATED', preparedWith(() => call.floor(9)), () => call.floor(9), ['REPEATED', '4']],
    [
      "raise-floor STALE_WRITER: another start's, of the same number",
      preparedWith(() => call.floor(9)),
      () => call.floor(9, 'another start', 8),
      ['STALE_WRITER', '9'],
    ],
    [
      "raise-floor STALE_WRITER: a later start's, of a copy of the folder that raised only 8",
      preparedWith(() => call.floor(9)),
      () => call.floor(10, 'another start', 8),
      ['STALE_WRITER', '9'],
    ],
    [
      'raise-floor RAISED: by the next start of the same folder',
      preparedWith(() => call.floor(9)),
      () => call.floor(10, 'another start', 9),
      ['RAISED', '5'],
    ],
    ['read-sequence SEQUENCE', prepare, call.sequence, ['SEQUENCE', '3']],
    [
      'read-balances BALANCES',
      preparedWith(() => call.settle(0, 5)),
      call.balances,
      ['BALANCES', ['3', '5'], ['a1', '60', 'h1', '40']],
    ],
    ['list-holds HOLDS', prepare, () => call.holds(11), ['HOLDS', ['10', '100 1 30 70 2']]],
    ['find-holds FOUND', prepare, () => call.find(9, 10), ['FOUND', '', '100 1 30 70 2']],
    [
      'read-changes CHANGES',
      prepare,
      () => call.changes(2),
      ['CHANGES', '3', ['3-0', ['t', NOW, 'b', 'E hold 11 100 1 70 60 30 40']]],
    ],
    ['trim-changes TRIMMED', prepare, () => call.trim(2), ['TRIMMED', '2']],
  ];
  test.each(cases)('%s', async (_, prepared, act, answer) => {
    head = [EPOCH, 0, WRITER];
    await prepared();
    expect(await act()).toEqual(answer);
  });

  test('every script is asked for its epoch, its sequence and its writer, and writes nothing when they are not the ones known', async () => {
    await prepare();
    const before = await dumpOf(redis.url);
    head = ['another', 0, WRITER];
    for (const act of everyCall) expect(await act()).toEqual(['STALE_EPOCH', EPOCH]);
    head = [EPOCH, 4, WRITER];
    for (const act of everyCall) expect(await act()).toEqual(['STALE_SEQUENCE', '3']);
    expect(await dumpOf(redis.url)).toEqual(before);
    head = [EPOCH, 0, WRITER];
    await call.floor(10);
    const raised = await dumpOf(redis.url);
    for (const act of everyCall) expect(await act()).toEqual(['STALE_WRITER', '10']);
    expect(await dumpOf(redis.url)).toEqual(raised);
    await client.flushall();
    for (const act of everyCall) expect(await act()).toEqual(['STALE_EPOCH', '']);
    expect(await client.dbsize()).toBe(0);
  });
});

test('amounts are exact to the unit, whatever Lua makes of numbers', async () => {
  const arithmetic = LEDGER_SCRIPTS.readBalances.source.split('\nlocal sequence, refusal')[0]!;
  const sum = compose(
    'sum',
    `${arithmetic}\nreturn formatted(sum(parsed0(ARGV[1], ARGV[2])))`.replace(
      'parsed0(ARGV[1], ARGV[2])',
      '(function() local h, l = parsed(ARGV[1]) return h, l, parsed(ARGV[2]) end)()',
    ),
  );
  const edges = [0n, 1n, 10n ** 10n - 1n, 10n ** 10n, 10n ** 14n, 2n ** 53n, 2n ** 63n - 1n, 10n ** 22n];
  const near = edges.flatMap((edge) => [edge - 1n, edge, edge + 1n]).flatMap((edge) => [edge, -edge]);
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  const random = new RandomIntegers(seed);
  const pairs: [bigint, bigint][] = near.flatMap((one) => near.map((other): [bigint, bigint] => [one, other]));
  for (let count = 0; count < 2_000; count++) {
    const digits = (): bigint => BigInt(random.below(2 ** 31)) * BigInt(random.below(2 ** 31)) - 2n ** 61n;
    pairs.push([digits(), digits()]);
  }
  const answers = await Promise.all(pairs.map(([one, other]) => run(sum, [], [one, other])));
  for (const [index, [one, other]] of pairs.entries())
    expect(answers[index], `${one} + ${other} SEED=${seed}`).toBe(`${one + other}`);
});

test('restore-ledger: RESTORED where there is no ledger, EXISTS and nothing written where there is', async () => {
  const restore = () => run(LEDGER_SCRIPTS.restoreLedger, [ledger], ['restored', 41, 9]);
  expect(await restore()).toEqual(['RESTORED']);
  expect(await call.read()).toEqual(['LEDGER', 'restored', '41', '9', '41']);
  await client.flushall();
  await call.create();
  const before = await dumpOf(redis.url);
  expect(await restore()).toEqual(['EXISTS', EPOCH]);
  expect(await dumpOf(redis.url)).toEqual(before);
});

describe('a script that fails after any of its writes', () => {
  /** The script, made to fail at its nth write: before it, or after it. */
  function failing(name: string, nth: number): LedgerScript {
    const { source } = loadScript(name, true);
    const wrapped = `local writes = 0
local function write(...)
  writes = writes + 1
  if writes == ${nth} then error('injected') end
  return redis.call(...)
end`;
    const replaced = source.replace(/local function write\(\.\.\.\)\n.*\nend/, wrapped);
    if (replaced === source) throw new Error('the prelude has no write function to replace');
    return compose(name, replaced);
  }

  const acts = {
    'hold-funds': ['holdFunds', () => call.hold([12, '5'], [13, '5'])],
    'release-hold': ['releaseHold', () => call.release(10)],
    'settle-legs': ['settleLegs', () => call.settle(0, 5, [5, 7, 100, 1, '5', '-5', 'cancel'], [10, 5])],
    'credit-funds': ['creditFunds', () => call.credit(2, '5')],
    'debit-funds': ['debitFunds', () => call.debit(10)],
    'raise-floor': ['raiseFloor', () => call.floor(9)],
  } as const;

  test.each(Object.entries(acts))(
    '%s: nothing was written, or it is told and nothing is written any more',
    async (name, [key, act]) => {
      const registry = LEDGER_SCRIPTS as Record<string, LedgerScript>;
      const original = registry[key]!;
      let nth = 1;
      for (; ; nth++) {
        await client.flushall();
        await prepare();
        const before = await dumpOf(redis.url);
        registry[key] = failing(name, nth);
        let failure: unknown = null;
        try {
          await act().catch((error: unknown) => {
            failure = error;
          });
        } finally {
          registry[key] = original;
        }
        if (failure === null) break; // it has fewer writes than that
        expect(String(failure)).toContain('injected');
        const [, , sequence, , begun] = (await call.read()) as string[];
        if (nth === 1) {
          expect(await dumpOf(redis.url)).toEqual(before);
          continue;
        }
        expect(begun).not.toBe(sequence);
        const half = await dumpOf(redis.url);
        for (const later of everyCall) expect(await later()).toEqual(['HALF_DONE', begun]);
        expect(await dumpOf(redis.url)).toEqual(half);
      }
      expect(nth).toBeGreaterThan(2);
    },
  );

  test('a key of the wrong type stops each of them before its first write', async () => {
    let stopped = 0;
    for (const key of [ledger, holds, closed, closedOrder, credits, debits, pools, watermarks, entries, ALICE]) {
      await client.flushall();
      await prepare();
      await client.del(key);
      await client.set(key, 'not what it must be');
      const before = await dumpOf(redis.url);
      for (const [name, [, act]] of Object.entries(acts)) {
        const outcome = await act().then(() => 'done', String);
        if (outcome === 'done') {
          await client.flushall();
          await prepare(); // it does not need that key
          await client.del(key);
          await client.set(key, 'not what it must be');
        } else {
          stopped += 1;
          expect(outcome, `${name} ${key}`).toMatch(/WRONGTYPE/);
          expect(await dumpOf(redis.url), `${name} ${key}`).toEqual(before);
        }
      }
    }
    expect(stopped).toBeGreaterThan(25);
  });
});
