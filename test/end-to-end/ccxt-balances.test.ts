import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CcxtClient, ccxtClient } from '../support/ccxt-client.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RandomIntegers } from '../support/random-integers.ts';

const ORDERS = process.env.RINGBOOK_TEST_LONG === '1' ? 10_000 : 1_000;
const SYMBOL = 'BTC/USD';
const USD_DECIMALS = 10;
const BTC_DECIMALS = 8;
const MAKER_PPM = 2_000n;
const TAKER_PPM = 4_000n;
const PPM = 1_000_000n;
const START = { USD: units('1000000', USD_DECIMALS), BTC: units('100', BTC_DECIMALS) };
const OPTIONS = [{}, {}, {}, { timeInForce: 'IOC' }, { timeInForce: 'FOK' }, { postOnly: true }];
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** What a client's answers alone say of an account: its trades and its open orders. */
interface Answers {
  readonly trades: readonly Record<string, string>[];
  readonly open: readonly Record<string, string>[];
}

test(`two accounts trade ${ORDERS} orders through ccxt; every balance is right to the unit (SEED=${seed})`, {
  timeout: 60_000 + ORDERS * 50,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-ccxt-balances-'));
  const exchange = await ExchangeProcess.start(folder);
  const clients = exchange.sandbox.accounts.map((account) => ccxtClient(exchange.sandbox.baseUrl, account));
  try {
    await Promise.all(clients.map((client) => client.loadMarkets()));
    await Promise.all(clients.map((client, at) => trade(client, new RandomIntegers(seed + at), ORDERS / 2)));
    const answers = await Promise.all(clients.map(readAnswers));
    const trades = answers.flatMap((answer) => answer.trades);
    expect(trades.length, `SEED=${seed}`).toBeGreaterThan(ORDERS / 10);
    expectBothSides(trades);
    for (const [at, client] of clients.entries()) {
      const { info } = await client.fetchBalance();
      expect(balancesOf(info), `account ${at} (SEED=${seed})`).toEqual(expectedBalances(answers[at]!));
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    expect(await exchange.stop()).toBe(0);
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Orders of every option around one price; now and then one is cancelled. */
async function trade(client: CcxtClient, random: RandomIntegers, orders: number): Promise<void> {
  const ids: string[] = [];
  for (let count = 0; count < orders; count++) {
    const price = (99_000 + random.below(2_000)) / 100; // 990.00 … 1009.99
    const amount = (1 + random.below(999_999)) / 1e8 + 0.00001;
    const side = random.below(2) === 0 ? 'buy' : 'sell';
    const options = OPTIONS[random.below(OPTIONS.length)];
    const order = await client.createOrder(SYMBOL, 'limit', side, amount, price, options);
    ids.push(order.id!);
    if (random.below(5) === 0) await client.cancelOrder(ids[random.below(ids.length)]!);
  }
}

/** Reads all trades, a page at a time, as a program would: from the newest it has, which it then has twice. */
async function readAnswers(client: CcxtClient): Promise<Answers> {
  const trades = new Map<string, Record<string, string>>();
  let sinceMs = 0;
  for (let isMore = true; isMore; ) {
    const page = await client.fetchMyTrades(SYMBOL, sinceMs, 500);
    const before = trades.size;
    for (const { id, info } of page) trades.set(id!, info);
    isMore = trades.size > before;
    sinceMs = Math.max(sinceMs, ...page.map(({ timestamp }) => timestamp!));
  }
  const open = await client.fetchOpenOrders(SYMBOL);
  return { trades: [...trades.values()], open: open.map(({ info }) => info) };
}

/** Every trade is told to both accounts, alike: one bought, one sold, one took. */
function expectBothSides(trades: readonly Record<string, string>[]): void {
  const byId = new Map<string, Record<string, string>[]>();
  for (const each of trades) byId.set(each.tid!, [...(byId.get(each.tid!) ?? []), each]);
  for (const [tid, sides] of byId) {
    expect(sides.map(({ type }) => type).sort(), `trade ${tid} (SEED=${seed})`).toEqual(['Buy', 'Sell']);
    expect(sides[0]!.aggressor).not.toBe(sides[1]!.aggressor);
    expect([sides[0]!.price, sides[0]!.amount]).toEqual([sides[1]!.price, sides[1]!.amount]);
  }
}

/** Money as it must be, from start, trades and open orders alone, with fees computed here. */
function expectedBalances({ trades, open }: Answers): Record<string, bigint> {
  let usd = START.USD;
  let btc = START.BTC;
  for (const { price, amount, type, aggressor, fee_amount: feeText } of trades) {
    const cost = units(price!, 2) * units(amount!, BTC_DECIMALS); // of 10^-10 USD
    const fee = (cost * (`${aggressor}` === 'true' ? TAKER_PPM : MAKER_PPM)) / PPM;
    expect(units(feeText!, USD_DECIMALS)).toBe(fee);
    usd += (type === 'Sell' ? cost : -cost) - fee;
    btc += type === 'Sell' ? -units(amount!, BTC_DECIMALS) : units(amount!, BTC_DECIMALS);
  }
  let heldUsd = 0n;
  let heldBtc = 0n;
  for (const { side, price, remaining_amount: remaining } of open) {
    const lots = units(remaining!, BTC_DECIMALS);
    const cost = units(price!, 2) * lots;
    if (side === 'sell') heldBtc += lots;
    else heldUsd += cost + (cost * TAKER_PPM + PPM - 1n) / PPM;
  }
  return { usd, btc, availableUsd: usd - heldUsd, availableBtc: btc - heldBtc };
}

function balancesOf(rows: readonly Record<string, string>[]): Record<string, bigint> {
  const row = (currency: string) => rows.find((each) => each.currency === currency)!;
  return {
    usd: units(row('USD').amount!, USD_DECIMALS),
    btc: units(row('BTC').amount!, BTC_DECIMALS),
    availableUsd: units(row('USD').available!, USD_DECIMALS),
    availableBtc: units(row('BTC').available!, BTC_DECIMALS),
  };
}

function units(text: string, decimals: number): bigint {
  const [whole, fraction = ''] = text.split('.');
  if (fraction.length > decimals) throw new Error(`${text} has more than ${decimals} decimals`);
  return BigInt(whole + fraction.padEnd(decimals, '0'));
}
