import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { journalledOrders } from '../support/journalled-orders.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type Answer, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 30 : 4;
const HOUR_MS = 3_600_000;
/** Back, forward, and beyond the second that no longer fits into 31 bits. */
const MOVES_MS = [-HOUR_MS, HOUR_MS, 0, Date.UTC(2038, 0, 19, 3, 14, 8) - Date.now()];
const PRELOAD = new URL('../support/preload/moved-clock.ts', import.meta.url).href;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`a wall clock moved while the exchange runs and between its starts: order, times and nonces only rise, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: ROUNDS * 30_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-clock-'));
  const clockPath = join(folder, 'clock');
  const dataFolder = join(folder, 'data');
  const move = (milliseconds: number): void => {
    writeFileSync(`${clockPath}.new`, `${milliseconds}`);
    renameSync(`${clockPath}.new`, clockPath);
  };
  move(0);
  const environment = {
    NODE_OPTIONS: `--import=${PRELOAD}`,
    RINGBOOK_TEST_CLOCK: clockPath,
    RINGBOOK_RATE_LIMIT: 'gemini',
  };
  const placed: string[] = [];
  let nonce = 1n;
  let lastMs = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const when = `round ${round} (SEED=${seed})`;
      move(random.oneOf(MOVES_MS));
      const exchange = await ExchangeProcess.start(dataFolder, environment);
      const { baseUrl, accounts } = exchange.sandbox;
      const place = (side: 'buy' | 'sell', fields: object = {}): Promise<Answer> =>
        signedPost(
          baseUrl,
          accounts[side === 'buy' ? 0 : 1]!,
          '/v1/order/new',
          { symbol: 'btcusd', amount: '0.001', price: '100.00', side, type: 'exchange limit', ...fields },
          `${nonce++}`,
        );
      for (let step = 0; step < 8; step++) {
        move(random.oneOf(MOVES_MS));
        const { status, body } = await place(step % 2 === 0 ? 'buy' : 'sell');
        expect(status, `${JSON.stringify(body)} ${when}`).toBe(200);
        placed.push(body.order_id);
        expect(body.timestampms, `the time of order ${body.order_id}, ${when}`).toBeGreaterThanOrEqual(lastMs);
        lastMs = body.timestampms;
        if (step % 2 === 1) expect(body.executed_amount, 'every second order meets the one before').toBe('0.001');
        expect(
          await signedPost(baseUrl, accounts[0]!, '/v1/heartbeat', {}, '1'),
          `an old nonce, ${when}`,
        ).toMatchObject({ status: 400, body: { reason: 'InvalidNonce' } });
      }
      const repeated = { client_order_id: `round-${round}` };
      const first = await place('buy', { ...repeated, price: '1.00' });
      placed.push(first.body.order_id);
      lastMs = first.body.timestampms;
      move(random.oneOf(MOVES_MS));
      const second = await place('buy', { ...repeated, price: '1.00' });
      expect(second.body.order_id, `a retry across a clock step, ${when}`).toBe(first.body.order_id);
      expect((await fetch(`${baseUrl}/v1/pubticker/btcusd`)).status, `the rate limit is calm, ${when}`).toBe(200);

      if (random.onceIn(2)) await exchange.kill();
      else expect(await exchange.stop()).toBe(0);
      await expectSound(dataFolder, when);
    }
    const journalled = journalledOrders(dataFolder);
    expect(journalled.map(({ orderId }) => orderId)).toEqual(placed);
    const times = journalled.map(({ timestampMs }) => timestampMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
