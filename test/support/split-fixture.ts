import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { startRabbitmq, startRedis } from './servers/test-servers.ts';
import { SplitExchange } from './split-exchange.ts';

/** Of a broker on a loaded machine, and of a folder's first start. */
const HOOK_TIMEOUT_MS = 240_000;

/** @returns the running test's own split exchange: its servers run, none of its processes does yet */
export function splitExchange(): () => SplitExchange {
  let split: SplitExchange;
  beforeEach(async () => {
    const servers = { redis: await startRedis(), rabbitmq: await startRabbitmq() };
    split = new SplitExchange(mkdtempSync(join(tmpdir(), 'ringbook-split-')), servers);
  }, HOOK_TIMEOUT_MS);
  afterEach(async () => {
    await split.kill();
    await split.servers.rabbitmq.kill();
    await split.servers.redis.kill();
    rmSync(split.folder, { recursive: true, force: true });
  }, HOOK_TIMEOUT_MS);
  return () => split;
}

export function limitOrder(fields: object): object {
  const common = {
    symbol: 'btcusd',
    amount: '0.01',
    price: '100.00',
    side: 'buy',
    type: 'exchange limit',
    options: [],
  };
  return { ...common, ...fields };
}
