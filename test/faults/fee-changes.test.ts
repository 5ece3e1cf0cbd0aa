import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import {
  buyNeedUnits,
  type FeeRates,
  feeUnits,
  fineOrder,
  lotsOf,
  ticksOf,
  unitsOf,
  writeFineMarket,
} from '../support/fine-market.ts';
import { adminPost } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type Credentials, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 40 : 4;
const STEPS = 60;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** Each account's orders with the rates that were in force when they were taken: those they keep. */
class Trader {
  readonly rates = new Map<string, FeeRates>(); // by order id
  readonly credentials: Credentials;

  constructor(credentials: Credentials) {
    this.credentials = credentials;
  }

  async post(baseUrl: string, path: string, fields: object = {}) {
    return signedPost(baseUrl, this.credentials, path, fields);
  }

  /** What is held is what the open orders need at their own rates, to the unit. */
  async expectHeld(baseUrl: string, when: string): Promise<void> {
    const needed: Record<string, bigint> = { EUR: 0n, BTC: 0n };
    for (const { order_id: id, side, price, remaining_amount: remaining } of (await this.post(baseUrl, '/v1/orders'))
      .body)
      if (side === 'sell') needed.BTC! += unitsOf(remaining);
      else needed.EUR! += buyNeedUnits(ticksOf(price) * lotsOf(remaining), this.rates.get(id)!);
    const { body: balances } = await this.post(baseUrl, '/v1/balances');
    for (const { currency, amount, available } of balances)
      expect(unitsOf(amount) - unitsOf(available), `${currency} held, ${when}`).toBe(needed[currency]);
  }

  /** Every trade was charged the rate that its order was taken with. */
  async expectFees(baseUrl: string, when: string): Promise<number> {
    const { body: trades } = await this.post(baseUrl, '/v1/mytrades', { symbol: 'btceur', limit_trades: 500 });
    for (const { order_id: id, price, amount, aggressor, fee_amount: fee } of trades) {
      const { makerPpm, takerPpm } = this.rates.get(id)!;
      const expected = feeUnits(ticksOf(price) * lotsOf(amount), aggressor ? takerPpm : makerPpm);
      expect(unitsOf(fee), `fee of a fill of order ${id}, ${when}`).toBe(expected);
    }
    return trades.length;
  }
}

test(`fees changed while orders rest: each keeps those it was taken with, and its hold suffices, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: ROUNDS * 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-fees-'));
  const dataFolder = join(folder, 'data');
  const environment = { RINGBOOK_INSTRUMENTS_FILE: join(folder, 'instruments.json') };
  let rates: FeeRates = { makerPpm: 1_999n, takerPpm: 4_001n };
  writeFineMarket(environment.RINGBOOK_INSTRUMENTS_FILE, rates);
  let exchange = await ExchangeProcess.start(dataFolder, environment);
  try {
    const traders = exchange.sandbox.accounts.map((account) => new Trader(account));
    let tradeCount = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const when = `round ${round} (SEED=${seed})`;
      for (let step = 0; step < STEPS; step++) {
        const { baseUrl } = exchange.sandbox;
        if (random.onceIn(6)) {
          rates = { makerPpm: BigInt(random.below(20_000)), takerPpm: BigInt(random.below(20_000)) };
          const changed = { makerRatePpm: Number(rates.makerPpm), takerRatePpm: Number(rates.takerPpm) };
          const { status, body } = await adminPost(exchange.sandbox, '/instruments/update', {
            symbol: 'btceur',
            ...changed,
          });
          expect([status, body], when).toMatchObject([200, changed]);
          continue;
        }
        const trader = random.oneOf(traders);
        const side = random.oneOf(['buy', 'sell'] as const);
        const fields = fineOrder(side, random.between(1, 500), BigInt(random.between(9_990, 10_010)));
        const { status, body } = await trader.post(baseUrl, '/v1/order/new', fields);
        expect(status, `${JSON.stringify(body)} ${when}`).toBe(200);
        trader.rates.set(body.order_id, rates);
      }
      if (random.onceIn(2)) await exchange.kill();
      else expect(await exchange.stop()).toBe(0);
      await expectSound(dataFolder, when);
      exchange = await ExchangeProcess.start(dataFolder, environment);
      await waitUntil(async () => {
        const { answeredSequence, settledSequence, historySequence } = (await exchange.status()).events;
        return settledSequence === answeredSequence && historySequence === answeredSequence;
      }, `settlement and history have caught up, ${when}`);
      for (const trader of traders) {
        await trader.expectHeld(exchange.sandbox.baseUrl, when);
        tradeCount += await trader.expectFees(exchange.sandbox.baseUrl, when);
      }
    }
    expect(tradeCount, 'trades whose fees were looked at').toBeGreaterThan(ROUNDS * 10);
    for (const trader of traders) {
      await trader.post(exchange.sandbox.baseUrl, '/v1/order/cancel/all');
      await trader.expectHeld(exchange.sandbox.baseUrl, `after all is cancelled (SEED=${seed})`);
    }
    expect(await exchange.stop()).toBe(0);
    await expectSound(dataFolder, `at the end (SEED=${seed})`);
  } finally {
    await exchange.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
