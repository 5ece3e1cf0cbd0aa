import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../../main/services/free-ports.ts';
import type { PrivateRedis } from '../../../main/services/private-redis.ts';
import { startRedis } from '../../support/servers/test-servers.ts';
import { dumpOf, type OpenRedisLedger, openRedisLedger } from './redis-under-test.ts';

/** States of the server in which it answers a script with a refusal. Each is made on a real one. */

const BLOCKED_FILE = 'blocked.rdb';
const NOW = 1_760_000_000_000;
const FUNDS = { operationId: 1, accountId: 100, assetId: 1, units: 100n, timestampMs: NOW };

let redis: PrivateRedis;
let operator: Redis;
let opened: OpenRedisLedger;
let lastId = 1_000;

beforeEach(async () => {
  redis = await startRedis({ directives: { save: '3600 1', dbfilename: BLOCKED_FILE, 'busy-reply-threshold': '20' } });
  operator = new Redis(redis.url);
  opened = await openRedisLedger(redis);
  await opened.ledger.credit(FUNDS);
});
afterEach(async () => {
  operator.disconnect();
  await opened.close();
});

function hold(units = 1n) {
  lastId += 1;
  return opened.ledger.hold({ commandId: lastId, accountId: 100, assetId: 1, units, timestampMs: NOW });
}

function settlement(lastSequence: number) {
  const leg = { eventSequence: lastSequence, accountId: 100, assetId: 1, reason: 'cancel' } as const;
  const legs = [{ ...leg, availableDeltaUnits: 1n, heldDeltaUnits: -1n }];
  const beforeSequence = lastSequence - 1;
  return { partition: 0, beforeSequence, lastSequence, timestampMs: NOW, legs, settledCommands: [] };
}

/** Every writing operation is refused with this word and writes nothing; afterwards the same ones are done, once each. */
async function expectRefused(code: string, trouble: () => Promise<unknown>, recover: () => Promise<unknown>) {
  const { ledger } = opened;
  const held = { commandId: 10, accountId: 100, assetId: 1, units: 7n, timestampMs: NOW };
  await ledger.hold({ ...held, commandId: 11 });
  const acts = {
    hold: () => ledger.hold(held),
    settle: () => ledger.settle(settlement(1)),
    credit: () => ledger.credit({ ...FUNDS, operationId: 2 }),
    debit: () => ledger.debit({ operationId: 11, timestampMs: NOW }),
    release: () => ledger.release(13, NOW),
    raiseFloor: () => ledger.raiseFloor(5),
  };
  const entries = await opened.entries();
  await trouble();
  for (const act of Object.values(acts)) await expect(act()).rejects.toMatchObject({ code, isOutcomeKnown: true });
  const releasing = ledger.abandon(12, NOW); // patient: it has nobody to tell
  await recover();
  expect(await releasing).toEqual({ outcome: 'REPEATED', ledgerSequence: expect.any(Number) });
  expect(await opened.entries()).toEqual(entries);
  expect(await acts.hold()).toMatchObject({ outcome: 'HELD', availableUnits: 86n });
  expect(await acts.settle()).toMatchObject({ outcome: 'APPLIED' });
  expect(await acts.credit()).toMatchObject({ outcome: 'CREDITED', availableUnits: 187n });
  expect(await acts.debit()).toMatchObject({ outcome: 'DEBITED', units: 7n });
  expect(await acts.release()).toEqual({ outcome: 'REPEATED', ledgerSequence: expect.any(Number) });
  await acts.raiseFloor();
  expect(await ledger.balances(100)).toMatchObject({ balances: [{ availableUnits: 187n, heldUnits: 6n }] });
}

test('NOSCRIPT: a Redis that has forgotten the scripts is told them again', async () => {
  expect(await hold()).toMatchObject({ outcome: 'HELD', availableUnits: 99n });
  await operator.script('FLUSH');
  expect(await hold()).toMatchObject({ outcome: 'HELD', availableUnits: 98n });
  await operator.script('FLUSH');
  const answers = await Promise.all([hold(), opened.ledger.settle(settlement(1)), opened.ledger.balances(100)]);
  expect(answers).toMatchObject([{ outcome: 'HELD' }, { outcome: 'APPLIED' }, {}]);
});

test('BUSY: another script keeps Redis for itself', async () => {
  const endless = new Redis(redis.url);
  let running: Promise<unknown> = Promise.resolve();
  await expectRefused(
    'BUSY',
    async () => {
      running = endless.call('EVAL', 'while true do end', '0').catch((error: Error) => error.message);
      await expect
        .poll(() => operator.ping().catch((error: Error) => error.message), { timeout: 20_000 })
        .toMatch(/^BUSY/);
    },
    () => operator.script('KILL'),
  );
  expect(await running).toMatch(/killed/i);
  endless.disconnect();
});

test('OOM: no memory left for anything new', async () => {
  await expectRefused(
    'OOM',
    () => operator.config('SET', 'maxmemory', '1mb'),
    () => operator.config('SET', 'maxmemory', '0'),
  );
});

test('OOM: what only reads is answered all the same', async () => {
  await operator.config('SET', 'maxmemory', '1mb');
  expect(await opened.ledger.balances(100)).toMatchObject({ balances: [{ availableUnits: 100n }] });
});

test('READONLY: it has become a replica', async () => {
  const nobody = String(await freePort());
  await expectRefused(
    'READONLY',
    () => operator.replicaof('127.0.0.1', nobody),
    () => operator.replicaof('NO', 'ONE'),
  );
});

test("MISCONF: it can't write its snapshots, and says so rather than going on", async () => {
  const blocked = join(redis.folder, BLOCKED_FILE);
  const saved = async (): Promise<string | undefined> =>
    /rdb_last_bgsave_status:(\w+)/.exec(await operator.info('persistence'))?.[1];
  await expectRefused(
    'MISCONF',
    async () => {
      mkdirSync(blocked);
      await operator.bgsave();
      await expect.poll(saved, { timeout: 20_000 }).toBe('err');
    },
    async () => {
      rmdirSync(blocked);
      await operator.bgsave();
      await expect.poll(saved, { timeout: 20_000 }).toBe('ok');
    },
  );
});

test('any other failure of a script is no answer: it is told as a fault, and nothing is taken for done', async () => {
  await operator.set('{s0}:credits', 'not a hash');
  const before = await dumpOf(redis.url);
  await expect(opened.ledger.credit({ ...FUNDS, operationId: 2 })).rejects.toMatchObject({ name: 'LedgerScriptError' });
  expect(await dumpOf(redis.url)).toEqual(before);
  expect(await hold()).toMatchObject({ outcome: 'HELD' }); // what does not need that key goes on
});
