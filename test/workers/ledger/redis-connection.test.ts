import { cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { LedgerUnavailableError } from '../../../core/ports/ledger.ts';
import { RedisLedger } from '../../../workers/ledger/redis/redis-ledger.ts';
import { CuttingProxy } from '../../support/servers/cutting-proxy.ts';
import { restartRedis, startRedis, startRedisOver } from '../../support/servers/test-servers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { LEDGER_SETTINGS } from './ledger-settings.ts';
import { openRedisLedger } from './redis-under-test.ts';

const NOW = 1_760_000_000_000;
const HOLD = { commandId: 10, accountId: 100, assetId: 1, units: 30n, timestampMs: NOW };
const CREDIT = { operationId: 1, accountId: 100, assetId: 1, units: 100n, timestampMs: NOW };
const LEG = { eventSequence: 1, accountId: 100, assetId: 1, reason: 'cancel' } as const;
const BATCH = {
  partition: 0,
  beforeSequence: 0,
  lastSequence: 1,
  timestampMs: NOW,
  legs: [{ ...LEG, availableDeltaUnits: 1n, heldDeltaUnits: -1n }],
  settledCommands: [],
};

function tryOpen(url: string, settings: Partial<Parameters<typeof RedisLedger.open>[0]> = {}): Promise<RedisLedger> {
  return RedisLedger.open({ ...LEDGER_SETTINGS, ...settings, url });
}

/** A ledger that knows 3 changes, on a Redis that is then stopped, with a copy of what it had after the first two. */
async function openKnowingThree() {
  const redis = await startRedis();
  const troubles: (LedgerUnavailableError | null)[] = [];
  const onChange = (trouble: LedgerUnavailableError | null): void => void troubles.push(trouble);
  const opened = await openRedisLedger(redis, { onChange });
  await opened.ledger.credit(CREDIT);
  await opened.ledger.hold({ ...HOLD, commandId: 9 });
  const older = temporaryFolder();
  cpSync(redis.folder, older, { recursive: true });
  await opened.ledger.hold(HOLD);
  await redis.kill();
  return { ...opened, redis, older, troubles };
}

/** Nothing is written by a paused ledger, whatever is asked of it. */
async function expectPaused(ledger: RedisLedger, code: string): Promise<void> {
  await expect.poll(() => ledger.trouble, { timeout: 20_000 }).toMatchObject({ name: 'LedgerPausedError', code });
  for (const act of [
    () => ledger.hold({ ...HOLD, commandId: 11 }),
    () => ledger.settle(BATCH),
    () => ledger.credit({ ...CREDIT, operationId: 2 }),
    () => ledger.debit({ operationId: 10, timestampMs: NOW }),
    () => ledger.release(9, NOW),
    () => ledger.raiseFloor(5),
    () => ledger.balances(100),
  ])
    await expect(act()).rejects.toMatchObject({ name: 'LedgerPausedError', code });
}

async function expectServing(ledger: RedisLedger): Promise<void> {
  await expect.poll(() => ledger.trouble, { timeout: 20_000 }).toBeNull();
  expect(await ledger.hold(HOLD)).toMatchObject({ outcome: 'REPEATED', availableUnits: 40n });
  expect(await ledger.balances(100)).toMatchObject({ balances: [{ availableUnits: 40n, heldUnits: 60n }] });
}

test('a Redis that was killed is away, with a word for it, and is gone on with when it is back', async () => {
  const { ledger, redis, troubles } = await openKnowingThree();
  await expect.poll(() => ledger.trouble, { timeout: 20_000 }).toMatchObject({ code: 'AWAY' });
  await expect(ledger.hold({ ...HOLD, commandId: 11 })).rejects.toMatchObject({ code: 'AWAY', isOutcomeKnown: true });
  const released = ledger.abandon(9, NOW);
  await expect(ledger.release(9, NOW)).rejects.toMatchObject({ code: 'AWAY', isOutcomeKnown: true });
  const again = await restartRedis(redis);
  expect(await released).toMatchObject({ outcome: 'RELEASED', units: 30n });
  expect(troubles.map((trouble) => trouble?.code ?? 'usable')).toEqual(['usable', 'AWAY', 'usable']);
  ledger.close();
  await again.stop();
});

test('an older copy of Redis is not gone on with, until the newer one is back', async () => {
  const { ledger, redis, older } = await openKnowingThree();
  const restored = await startRedisOver(older, redis.port);
  await expectPaused(ledger, 'OLDER');
  await restored.stop();
  const again = await restartRedis(redis);
  await expectServing(ledger);
  ledger.close();
  await again.stop();
});

test('an append-only file that lost its last bytes is recognised, however many', { timeout: 120_000 }, async () => {
  const { ledger, redis } = await openKnowingThree();
  const folder = join(redis.folder, 'appendonlydir');
  const name = readdirSync(folder).find((file) => file.endsWith('.incr.aof'))!;
  const whole = temporaryFolder();
  cpSync(folder, whole, { recursive: true });
  const length = statSync(join(folder, name)).size;
  const random = [1, 2, 3, 5, 9, 17, 33, 65, 129].filter((bytes) => bytes < length);
  for (const bytes of random) {
    rmSync(folder, { recursive: true });
    cpSync(whole, folder, { recursive: true });
    truncateSync(join(folder, name), length - bytes);
    const cut = await restartRedis(redis);
    await expectPaused(ledger, 'OLDER');
    await cut.kill();
  }
  rmSync(folder, { recursive: true });
  cpSync(whole, folder, { recursive: true });
  const again = await restartRedis(redis);
  await expectServing(ledger);
  ledger.close();
  await again.stop();
});

test('an empty Redis, emptied or new, is not begun anew with, once anything is known', async () => {
  const { ledger, redis } = await openKnowingThree();
  const emptied = await restartRedis(redis);
  await expectServing(ledger);
  const operator = new Redis(emptied.url);
  await operator.flushall();
  operator.disconnect();
  await expect(ledger.hold({ ...HOLD, commandId: 11 })).rejects.toMatchObject({ code: 'EMPTY' });
  await expectPaused(ledger, 'EMPTY');
  await emptied.kill();
  const fresh = await startRedisOver(temporaryFolder(), redis.port);
  await expectPaused(ledger, 'EMPTY');
  ledger.close();
  await fresh.stop();
});

test('the Redis of another folder is not written to', async () => {
  const { ledger, redis } = await openKnowingThree();
  const other = await startRedisOver(temporaryFolder(), redis.port);
  const others = await tryOpen(other.url, { epoch: 'another' }).catch(() => null);
  expect(others).not.toBeNull();
  await expectPaused(ledger, 'FOREIGN');
  expect(await others!.ledgerSequence()).toBe(0);
  await expect(tryOpen(other.url)).rejects.toMatchObject({ code: 'FOREIGN' });
  others!.close();
  ledger.close();
  await other.stop();
});

test('a Redis that keeps nothing on disk, or drops what it likes, is refused; one that syncs late is warned of', async () => {
  const volatile = await startRedis({ directives: { appendonly: 'no' } });
  await expect(tryOpen(volatile.url)).rejects.toMatchObject({ name: 'LedgerPausedError', code: 'NOT_PERSISTENT' });
  const evicting = await startRedis({ directives: { 'maxmemory-policy': 'allkeys-lru' } });
  await expect(tryOpen(evicting.url)).rejects.toMatchObject({ code: 'EVICTING' });
  const lazy = await startRedis({ directives: { appendfsync: 'everysec' } });
  const warnings: string[] = [];
  const ledger = await tryOpen(lazy.url, { onWarning: (warning) => void warnings.push(warning) });
  expect(warnings).toEqual([expect.stringContaining('appendfsync everysec')]);
  ledger.close();
  for (const redis of [volatile, evicting, lazy]) await redis.stop();
});

test('a script that failed half-way is told at once, and nothing is written on top of it', async () => {
  const redis = await startRedis();
  const { ledger } = await openRedisLedger(redis);
  await ledger.credit(CREDIT);
  const operator = new Redis(redis.url);
  await operator.hset('{s0}:ledger', 'begun', '2');
  operator.disconnect();
  await expect(ledger.hold(HOLD)).rejects.toMatchObject({ code: 'HALF_DONE' });
  await expectPaused(ledger, 'HALF_DONE');
  ledger.close();
  await expect(tryOpen(redis.url)).rejects.toMatchObject({ code: 'HALF_DONE' });
  await redis.stop();
});

test('the first start makes the ledger; a later one must know what the archive knows', async () => {
  const redis = await startRedis();
  const first = await tryOpen(redis.url);
  await first.credit(CREDIT);
  first.close();
  await expect(tryOpen(redis.url, { knownSequence: 2 })).rejects.toMatchObject({ code: 'OLDER' });
  const second = await tryOpen(redis.url, { knownSequence: 1 });
  second.close();
  const operator = new Redis(redis.url);
  await operator.del('{s0}:ledger');
  await expect(tryOpen(redis.url)).rejects.toMatchObject({ code: 'FOREIGN' }); // remains of a ledger without its head
  operator.disconnect();
  await redis.stop();
  await expect(tryOpen(redis.url)).rejects.toMatchObject({ name: 'LedgerUnavailableError', code: 'AWAY' });
});

test('an answer that was lost is asked for by its id: what was done is not done twice', async () => {
  const redis = await startRedis();
  const proxy = await CuttingProxy.start(redis.port);
  const ledger = await tryOpen(proxy.url);
  const cutNextAnswer = (): void => proxy.cutNext('BEFORE_CLIENT', LEDGER_SETTINGS.epoch);
  cutNextAnswer();
  expect(await ledger.credit(CREDIT)).toEqual({ outcome: 'REPEATED', availableUnits: 100n, ledgerSequence: 1 });
  cutNextAnswer();
  expect(await ledger.hold(HOLD)).toEqual({ outcome: 'HELD', availableUnits: 70n, ledgerSequence: 2 });
  await ledger.hold({ ...HOLD, commandId: 11, units: 5n });
  cutNextAnswer();
  await expect(ledger.settle(BATCH)).rejects.toMatchObject({ code: 'AWAY', isOutcomeKnown: false });
  await expect.poll(() => ledger.trouble, { timeout: 20_000 }).toBeNull();
  expect(await ledger.settle(BATCH)).toMatchObject({ outcome: 'REPEATED', watermark: 1 });
  cutNextAnswer();
  expect(await ledger.release(11, NOW)).toEqual({ outcome: 'REPEATED', ledgerSequence: expect.any(Number) }); // by the first call, whose answer was lost
  cutNextAnswer();
  expect(await ledger.debit({ operationId: 10, timestampMs: NOW }).catch((error: Error) => error.name)).toBe(
    'LedgerScriptError', // one of its units was settled: a debit takes a whole hold or nothing
  );
  expect(await ledger.balances(100)).toMatchObject({ balances: [{ availableUnits: 71n, heldUnits: 29n }] });
  ledger.close();
  proxy.close();
  await redis.stop();
});

test('a hold that never came to Redis is not taken for held, and can never come late', async () => {
  const redis = await startRedis();
  const proxy = await CuttingProxy.start(redis.port);
  const ledger = await tryOpen(proxy.url);
  await ledger.credit(CREDIT);
  proxy.cutNext('BEFORE_SERVER', LEDGER_SETTINGS.epoch);
  const held = await Promise.allSettled([
    ledger.hold(HOLD),
    ledger.hold({ ...HOLD, commandId: 11 }), // of the same turn, so in the same call
  ]);
  expect(held).toMatchObject([
    { reason: { code: 'AWAY', isOutcomeKnown: false } },
    { reason: { code: 'AWAY', isOutcomeKnown: false } },
  ]);
  expect(await ledger.release(10, NOW)).toEqual({ outcome: 'REPEATED', ledgerSequence: expect.any(Number) });
  expect(await ledger.hold(HOLD)).toEqual({ outcome: 'RELEASED' });
  expect(await ledger.hold({ ...HOLD, commandId: 11 })).toMatchObject({ outcome: 'HELD', availableUnits: 70n });
  ledger.close();
  proxy.close();
  await redis.stop();
});

test('a Redis that hangs is taken for away; what it does late is found, or refused by a tombstone', async () => {
  const redis = await startRedis();
  const ledger = await tryOpen(redis.url, { answerTimeoutMs: 2_000 });
  await ledger.credit(CREDIT);
  redis.signal('SIGSTOP');
  const holding = ledger.hold(HOLD).then(
    ({ outcome }) => outcome,
    ({ isOutcomeKnown }: LedgerUnavailableError) => `known: ${isOutcomeKnown}`,
  );
  await expect.poll(() => ledger.trouble, { timeout: 20_000 }).toMatchObject({ code: 'AWAY' });
  redis.signal('SIGCONT');
  expect(['HELD', 'known: false']).toContain(await holding);
  expect(['RELEASED', 'REPEATED']).toContain((await ledger.release(10, NOW)).outcome);
  expect(await ledger.hold(HOLD)).toEqual({ outcome: 'RELEASED' });
  expect(await ledger.balances(100)).toMatchObject({ balances: [{ availableUnits: 100n, heldUnits: 0n }] });
  ledger.close();
  await redis.stop();
});
