import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { buyNeedUnits, type FeeRates, feeUnits, fineOrder, unitsOf, writeFineMarket } from '../support/fine-market.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type Answer, type Credentials, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 8 : 1;
const FILLS = 1_000;
const RATES: FeeRates = { makerPpm: 1_999n, takerPpm: 4_001n };
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

interface Funds {
  readonly totalUnits: bigint;
  readonly heldUnits: bigint;
}

test(`an order filled in ${FILLS} fills of one lot pays each fee from its hold, to the unit, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: ROUNDS * 120_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-reserve-'));
  const dataFolder = join(folder, 'data');
  const environment = { RINGBOOK_INSTRUMENTS_FILE: join(folder, 'instruments.json') };
  writeFineMarket(environment.RINGBOOK_INSTRUMENTS_FILE, RATES);
  let exchange = await ExchangeProcess.start(dataFolder, environment);
  try {
    const alice = exchange.sandbox.accounts[0]!;
    const bob = exchange.sandbox.accounts[1]!;
    const order = (who: Credentials, side: 'buy' | 'sell', lots: number, priceTicks: bigint): Promise<Answer> =>
      signedPost(exchange.sandbox.baseUrl, who, '/v1/order/new', fineOrder(side, lots, priceTicks));
    const euros = async (who: Credentials): Promise<Funds> => {
      await waitUntil(async () => {
        const { events } = await exchange.status();
        return events.settledSequence === events.answeredSequence;
      }, 'settlement has caught up');
      const { body } = await signedPost(exchange.sandbox.baseUrl, who, '/v1/balances');
      const { amount, available } = body.find(({ currency }: { currency: string }) => currency === 'EUR');
      return { totalUnits: unitsOf(amount), heldUnits: unitsOf(amount) - unitsOf(available) };
    };
    for (let round = 0; round < ROUNDS; round++) {
      const when = `round ${round} (SEED=${seed})`;
      const limitTicks = BigInt(random.between(1, 200_000)); // one tick times one lot is one unit
      const notional = BigInt(FILLS) * limitTicks;
      const makerFee = feeUnits(limitTicks, RATES.makerPpm);
      const takerFee = feeUnits(limitTicks, RATES.takerPpm);
      const [aliceBefore, bobBefore] = [await euros(alice), await euros(bob)];
      expect((await order(alice, 'buy', FILLS, limitTicks)).body, when).toMatchObject({ is_live: true });
      expect(await euros(alice), when).toEqual({
        totalUnits: aliceBefore.totalUnits,
        heldUnits: buyNeedUnits(notional, RATES),
      });
      const killAt = random.below(FILLS);
      for (let fill = 0; fill < FILLS; fill++) {
        const { status, body } = await order(bob, 'sell', 1, limitTicks);
        expect([status, body.remaining_amount], `fill ${fill}, ${when}`).toEqual([200, '0']);
        if (fill !== killAt) continue;
        await exchange.kill();
        exchange = await ExchangeProcess.start(dataFolder, environment);
        expect(await euros(alice), `after ${fill + 1} fills and a kill, ${when}`).toEqual({
          totalUnits: aliceBefore.totalUnits - BigInt(fill + 1) * (limitTicks + makerFee),
          heldUnits: buyNeedUnits(BigInt(FILLS - fill - 1) * limitTicks, RATES),
        });
      }
      expect(await euros(alice), `what alice paid, and nothing stays held, ${when}`).toEqual({
        totalUnits: aliceBefore.totalUnits - notional - BigInt(FILLS) * makerFee,
        heldUnits: 0n,
      });
      expect(await euros(bob), `what bob got, ${when}`).toEqual({
        totalUnits: bobBefore.totalUnits + notional - BigInt(FILLS) * takerFee,
        heldUnits: 0n,
      });
      // The lots go back, so that no round runs out of them.
      expect((await order(bob, 'buy', FILLS, limitTicks)).body, when).toMatchObject({ is_live: true });
      expect((await order(alice, 'sell', FILLS, limitTicks)).body, when).toMatchObject({ remaining_amount: '0' });
    }
    expect(await exchange.stop()).toBe(0);
    await expectSound(dataFolder, `after ${ROUNDS} orders of ${FILLS} fills (SEED=${seed})`);
  } finally {
    await exchange.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
