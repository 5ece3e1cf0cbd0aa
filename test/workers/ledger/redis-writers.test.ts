import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PrivateRedis } from '../../../main/services/private-redis.ts';
import type { LedgerStart } from '../../../workers/ledger/redis/ledger-calls.ts';
import { RedisLedger } from '../../../workers/ledger/redis/redis-ledger.ts';
import { CuttingProxy } from '../../support/servers/cutting-proxy.ts';
import { restartRedis, startRedis } from '../../support/servers/test-servers.ts';
import { LEDGER_SETTINGS } from './ledger-settings.ts';
import { dumpOf } from './redis-under-test.ts';

/** Starts of one data folder, and of copies of it, at one ledger. */

const NOW = 1_760_000_000_000;
const CREDIT = { operationId: 1, accountId: 100, assetId: 1, units: 100n, timestampMs: NOW };
const HOLD = { commandId: 2_001, accountId: 100, assetId: 1, units: 30n, timestampMs: NOW };
const STALE = { name: 'StaleWriterError', code: 'STALE_WRITER', isOutcomeKnown: true };

let redis: PrivateRedis;
const opened: RedisLedger[] = [];
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const ledger of opened.splice(0)) ledger.close();
  await redis.stop();
});

/** A start that gives out command ids from 1000 times its number on. */
function startOf(number: number, url = redis.url): RedisLedger {
  const ledger = RedisLedger.toBegin({ ...LEDGER_SETTINGS, writer: number * 1_000, url });
  opened.push(ledger);
  return ledger;
}

/** What the start finds in its folder, with the number of the start that raised the floor there last. */
function after(raisedBefore: number, facts: Partial<LedgerStart> = {}): LedgerStart {
  return {
    raisedBefore: raisedBefore * 1_000,
    lastLedgerSequence: 0,
    lastEventSequence: 0,
    onRaising: async () => {},
    ...facts,
  };
}

async function begun(number: number, raisedBefore = number - 1): Promise<RedisLedger> {
  const ledger = startOf(number);
  expect(await ledger.begin(after(raisedBefore))).toBeNull();
  return ledger;
}

test('nothing that an earlier start asks for is done, once a later one has begun', async () => {
  const earlier = await begun(1);
  await earlier.credit(CREDIT);
  await earlier.hold(HOLD);
  const later = await begun(2);
  const before = await dumpOf(redis.url);
  const leg = { eventSequence: 1, accountId: 100, assetId: 1, reason: 'cancel' } as const;
  const legs = [{ ...leg, availableDeltaUnits: 1n, heldDeltaUnits: -1n }];
  for (const act of [
    () => earlier.hold({ ...HOLD, commandId: 9_999 }),
    () => earlier.release(HOLD.commandId, NOW),
    () => earlier.abandon(HOLD.commandId, NOW),
    () =>
      earlier.settle({ partition: 0, beforeSequence: 0, lastSequence: 1, timestampMs: NOW, legs, settledCommands: [] }),
    () => earlier.credit({ ...CREDIT, operationId: 2 }),
    () => earlier.debit({ operationId: HOLD.commandId, timestampMs: NOW }),
    () => earlier.trimThrough(2),
    () => earlier.changesAfter(0, 10),
    () => earlier.balances(100),
    () => earlier.openHoldsBelow(9_999),
    () => earlier.ledgerSequence(),
  ])
    await expect(act()).rejects.toMatchObject(STALE);
  expect(earlier.trouble).toMatchObject(STALE);
  expect(await dumpOf(redis.url)).toEqual(before);
  expect(await later.release(HOLD.commandId, NOW)).toMatchObject({ outcome: 'RELEASED' });
});

test('two copies of a folder begin at once: one of them has the ledger, with the same number or a higher one', async () => {
  await begun(1);
  const one = startOf(2);
  const other = startOf(2);
  const troubles = await Promise.all([one.begin(after(1)), other.begin(after(1))]);
  expect(troubles.filter((trouble) => trouble === null)).toHaveLength(1);
  expect(troubles.find((trouble) => trouble !== null)).toMatchObject(STALE);
  // The refused one starts again and again: its folder raised 1 and nothing since.
  const before = await dumpOf(redis.url);
  for (const number of [2, 3, 4]) expect(await startOf(number).begin(after(1))).toMatchObject(STALE);
  expect(await dumpOf(redis.url)).toEqual(before);
  await begun(3, 2);
});

test('a start whose answer was lost has the ledger all the same', async () => {
  const proxy = await CuttingProxy.start(redis.port);
  const ledger = startOf(1, proxy.url);
  proxy.cutNext('BEFORE_CLIENT', '1000');
  const raised: number[] = [];
  const trouble = await ledger.begin(after(0, { onRaising: async () => void raised.push(1) }));
  expect(trouble).toMatchObject({ code: 'AWAY' });
  await expect.poll(() => ledger.trouble, { timeout: 20_000 }).toBeNull();
  expect(raised.length).toBeGreaterThan(1); // it was asked for twice, and done once
  expect(await ledger.ledgerSequence()).toBe(1);
  proxy.close();
});

test('a start begins by itself when the Redis that it must be is there, and before anything else is done', async () => {
  const first = await begun(1);
  await first.credit(CREDIT);
  first.close();
  await redis.stop();
  const told: string[] = [];
  const ledger = startOf(2);
  const start = after(1, { lastLedgerSequence: 2, onRaising: async () => void told.push('raising') });
  expect(await ledger.begin(start)).toMatchObject({ code: 'AWAY' });
  await expect(ledger.hold(HOLD)).rejects.toMatchObject({ code: 'AWAY' });
  expect(told).toEqual([]);
  redis = await restartRedis(redis);
  await ledger.untilUsable(20_000);
  expect(told).toEqual(['raising']);
  expect(await ledger.hold({ ...HOLD, commandId: 1_999 })).toEqual({ outcome: 'BELOW_FLOOR' });
  expect(await ledger.hold(HOLD)).toMatchObject({ outcome: 'HELD', availableUnits: 70n });
});

test('a ledger that lacks what the journal is based on, or has settled more than it yields, is left as it is', async () => {
  const first = await begun(1);
  await first.settle({
    partition: 3,
    beforeSequence: 0,
    lastSequence: 7,
    timestampMs: NOW,
    legs: [],
    settledCommands: [],
  });
  const before = await dumpOf(redis.url);
  expect(await startOf(2).begin(after(1, { lastLedgerSequence: 3, lastEventSequence: 7 }))).toMatchObject({
    code: 'OLDER',
  });
  expect(await startOf(2).begin(after(1, { lastLedgerSequence: 2, lastEventSequence: 6 }))).toMatchObject({
    code: 'AHEAD',
  });
  expect(await dumpOf(redis.url)).toEqual(before);
  expect(await startOf(2).begin(after(1, { lastLedgerSequence: 2, lastEventSequence: 7 }))).toBeNull();
});
