import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { ONE_MARKET_FILE } from '../support/one-market-file.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type Answer, type Credentials, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { waitUntil } from '../support/wait-until.ts';

const isLong = process.env.RINGBOOK_TEST_LONG === '1';
const ROUNDS = isLong ? 100 : 1;
const FILLS = 1_000;
const DECIMALS = 8; // of both assets
const LOT_UNITS = 100n;
const PPM = 1_000_000n;
const MAKER_PPM = 1_999n; // with tick and lot of one unit each, hardly any fee is a whole number of units
const TAKER_PPM = 4_001n;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

interface Funds {
  readonly totalUnits: bigint;
  readonly availableUnits: bigint;
}

function units(text: string): bigint {
  const [whole, fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(DECIMALS, '0'));
}

function text(unitCount: bigint): string {
  const digits = `${unitCount}`.padStart(DECIMALS + 1, '0');
  return `${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`;
}

test(`an order filled in ${FILLS} fills of one lot pays each fee from its hold, to the unit, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: ROUNDS * 120_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-reserve-'));
  const dataFolder = join(folder, 'data');
  const instrumentsPath = join(folder, 'instruments.json');
  const rates = { makerRatePpm: Number(MAKER_PPM), takerRatePpm: Number(TAKER_PPM) };
  const [market] = ONE_MARKET_FILE.instruments;
  const instruments = [{ ...market, minimum: market!.lotSize, ...rates }];
  writeFileSync(instrumentsPath, JSON.stringify({ ...ONE_MARKET_FILE, instruments }));
  const environment = { RINGBOOK_INSTRUMENTS_FILE: instrumentsPath };
  let exchange = await ExchangeProcess.start(dataFolder, environment);
  try {
    const alice = exchange.sandbox.accounts[0]!;
    const bob = exchange.sandbox.accounts[1]!;
    const order = (who: Credentials, side: 'buy' | 'sell', lots: number, priceTicks: bigint): Promise<Answer> =>
      signedPost(exchange.sandbox.baseUrl, who, '/v1/order/new', {
        symbol: 'btceur',
        amount: text(BigInt(lots) * LOT_UNITS),
        price: text(priceTicks * PPM).slice(0, -6), // two decimals
        side,
        type: 'exchange limit',
      });
    const funds = async (who: Credentials, asset: string): Promise<Funds> => {
      await waitUntil(async () => {
        const { events } = await exchange.status();
        return events.settledSequence === events.answeredSequence;
      }, 'settlement has caught up');
      const { body } = await signedPost(exchange.sandbox.baseUrl, who, '/v1/balances');
      const found = body.find(({ currency }: { currency: string }) => currency === asset);
      return { totalUnits: units(found.amount), availableUnits: units(found.available) };
    };
    for (let round = 0; round < ROUNDS; round++) {
      const when = `round ${round} (SEED=${seed})`;
      const limitTicks = BigInt(random.between(1, 200_000));
      const [aliceBefore, bobBefore] = [await funds(alice, 'EUR'), await funds(bob, 'EUR')];

      // Alice's order rests with the reserve of the higher rate, rounded up; then it is filled lot by lot.
      const notional = BigInt(FILLS) * limitTicks; // one tick times one lot is one unit
      expect((await order(alice, 'buy', FILLS, limitTicks)).body, when).toMatchObject({ is_live: true });
      const reserve = notional + (notional * TAKER_PPM + PPM - 1n) / PPM;
      const held = await funds(alice, 'EUR');
      expect(held.totalUnits - held.availableUnits, `held, ${when}`).toBe(reserve);
      expect(held.totalUnits, when).toBe(aliceBefore.totalUnits);
      const makerFee = (limitTicks * MAKER_PPM) / PPM;
      const takerFee = (limitTicks * TAKER_PPM) / PPM;
      const killAt = random.below(FILLS);
      for (let fill = 0; fill < FILLS; fill++) {
        const { status, body } = await order(bob, 'sell', 1, limitTicks);
        expect([status, body.remaining_amount], `fill ${fill}, ${when}`).toEqual([200, '0']);
        if (fill !== killAt) continue;
        await exchange.kill();
        exchange = await ExchangeProcess.start(dataFolder, environment);
        const remaining = BigInt(FILLS - fill - 1) * limitTicks;
        const now = await funds(alice, 'EUR');
        const spent = BigInt(fill + 1) * (limitTicks + makerFee);
        expect(now.totalUnits, `after ${fill + 1} fills and a kill, ${when}`).toBe(aliceBefore.totalUnits - spent);
        expect(now.totalUnits - now.availableUnits, `held after ${fill + 1} fills, ${when}`).toBe(
          remaining + (remaining * TAKER_PPM + PPM - 1n) / PPM,
        );
      }
      const [aliceAfter, bobAfter] = [await funds(alice, 'EUR'), await funds(bob, 'EUR')];
      expect(aliceBefore.totalUnits - aliceAfter.totalUnits, `alice paid, ${when}`).toBe(
        notional + BigInt(FILLS) * makerFee,
      );
      expect(bobAfter.totalUnits - bobBefore.totalUnits, `bob got, ${when}`).toBe(notional - BigInt(FILLS) * takerFee);
      for (const { totalUnits, availableUnits } of [aliceAfter, bobAfter])
        expect(availableUnits, `nothing stays held, ${when}`).toBe(totalUnits);
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
