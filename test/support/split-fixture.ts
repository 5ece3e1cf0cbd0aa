import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type RunningBroker, startRedis } from './servers/test-servers.ts';
import { SplitExchange } from './split-exchange.ts';

/** Of a broker on a loaded machine, and of a folder's first start. */
const HOOK_TIMEOUT_MS = 240_000;

/**
 * @param startBroker the shared one, or one of its own for a test that ends it
 * @returns the running test's own split exchange: its servers run, none of its processes does yet
 */
export function splitExchange<Broker extends RunningBroker>(
  startBroker: () => Promise<Broker>,
): () => SplitExchange<Broker> {
  let split: SplitExchange<Broker>;
  beforeEach(async () => {
    const servers = { redis: await startRedis(), rabbitmq: await startBroker() };
    split = new SplitExchange(mkdtempSync(join(tmpdir(), 'ringbook-split-')), servers);
  }, HOOK_TIMEOUT_MS);
  afterEach(async () => {
    await split.kill();
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
