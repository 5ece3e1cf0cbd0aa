import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ccxt from 'ccxt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CcxtClient, ccxtClient } from '../support/ccxt-client.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';

const SYMBOL = 'BTC/USD';

/**
 * An unmodified ccxt client trades, whatever the exchange keeps its balances in.
 * @param environment settings of the exchange, asked for once before it starts
 */
export function ccxtSuite(environment: () => Promise<Record<string, string>>): void {
  let folder: string;
  let exchange: ExchangeProcess;
  let alice: CcxtClient;
  let bob: CcxtClient;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ringbook-ccxt-'));
    exchange = await ExchangeProcess.start(folder, await environment());
    [alice, bob] = exchange.sandbox.accounts.map((account) => ccxtClient(exchange.sandbox.baseUrl, account)) as [
      CcxtClient,
      CcxtClient,
    ];
  });
  afterAll(async () => {
    await Promise.all([alice.close(), bob.close()]);
    expect(await exchange.stop()).toBe(0);
    rmSync(folder, { recursive: true, force: true });
  });

  describe('what everybody may see', () => {
    test('markets have their precision and minimum', async () => {
      const markets = await alice.loadMarkets();
      expect(Object.keys(markets).sort()).toEqual(
        ['BTC/USD', 'DOGE/USD', 'ETH/BTC', 'ETH/USD', 'LINK/USD', 'XRP/USD'].sort(),
      );
      expect(markets[SYMBOL]).toMatchObject({
        id: 'btcusd',
        base: 'BTC',
        quote: 'USD',
        spot: true,
        precision: { price: 0.01, amount: 1e-8 },
        limits: { amount: { min: 0.00001 } },
      });
      expect(markets['ETH/BTC']!.precision).toEqual({ price: 0.00001, amount: 0.001 });
    });

    test('the fees', async () => {
      const fees = await alice.fetchTradingFees();
      expect(fees[SYMBOL]).toMatchObject({ maker: 0.002, taker: 0.004 });
    });

    test('order book, tickers and trades', async () => {
      await alice.createOrder(SYMBOL, 'limit', 'sell', 0.5, 64_000.25);
      await alice.createOrder(SYMBOL, 'limit', 'sell', 1, 64_001);
      await alice.createOrder(SYMBOL, 'limit', 'buy', 2, 63_999);
      await bob.createOrder(SYMBOL, 'limit', 'buy', 0.1, 64_000.25);
      expect(await bob.fetchOrderBook(SYMBOL, 5)).toMatchObject({
        bids: [[63_999, 2]],
        asks: [
          [64_000.25, 0.4],
          [64_001, 1],
        ],
      });
      expect(await bob.fetchTicker(SYMBOL)).toMatchObject({
        bid: 63_999,
        ask: 64_000.25,
        last: 64_000.25,
        baseVolume: 0.1,
        quoteVolume: 6_400.025,
      });
      expect((await bob.fetchTickers())[SYMBOL]).toMatchObject({ last: 64_000.25 });
      const second = await bob.fetchTickerV2(SYMBOL);
      expect(second).toMatchObject({ open: 64_000.25, high: 64_000.25, low: 64_000.25, close: 64_000.25 });
      const [trade] = await bob.fetchTrades(SYMBOL);
      expect(trade).toMatchObject({ symbol: SYMBOL, side: 'buy', price: 64_000.25, amount: 0.1 });
      expect(await bob.fetchTrades(SYMBOL, trade!.timestamp! + 60_000)).toEqual([]);
      expect(await bob.fetchTrades(SYMBOL, trade!.timestamp! - 60_000, 10)).toHaveLength(1);
    });
  });

  describe('orders', () => {
    test('a limit order rests, is found, shows among the open ones, and is cancelled', async () => {
      const placed = await bob.createOrder(SYMBOL, 'limit', 'buy', 0.25, 50_000, { clientOrderId: 'ccxt-1' });
      expect(placed).toMatchObject({
        status: 'open',
        symbol: SYMBOL,
        side: 'buy',
        type: 'limit',
        price: 50_000,
        amount: 0.25,
        filled: 0,
        remaining: 0.25,
        clientOrderId: 'ccxt-1',
      });
      expect(await bob.fetchOrder(placed.id!)).toMatchObject({ id: placed.id, status: 'open' });
      expect((await bob.fetchOpenOrders(SYMBOL)).map(({ id }) => id)).toContain(placed.id);
      expect(await bob.cancelOrder(placed.id!)).toMatchObject({ id: placed.id, status: 'canceled' });
      expect(await bob.fetchOrder(placed.id!)).toMatchObject({ status: 'canceled', remaining: 0.25 });
      expect((await bob.fetchOpenOrders(SYMBOL)).map(({ id }) => id)).not.toContain(placed.id);
    });

    test.each([
      ['IOC', { timeInForce: 'IOC' }, { status: 'canceled', filled: 0.4, timeInForce: 'IOC' }],
      ['FOK', { timeInForce: 'FOK' }, { status: 'canceled', filled: 0, timeInForce: 'FOK' }],
      ['PO', { timeInForce: 'PO' }, { status: 'canceled', filled: 0, postOnly: true }],
      ['postOnly', { postOnly: true }, { status: 'canceled', filled: 0, postOnly: true }],
    ])('%s that can’t be done is cancelled, not an error', async (_name, parameters, outcome) => {
      const maker = await alice.createOrder('ETH/USD', 'limit', 'sell', 0.4, 3_000);
      const taker = await bob.createOrder('ETH/USD', 'limit', 'buy', 1, 3_000, parameters);
      expect(taker).toMatchObject(outcome);
      await alice.cancelOrder(maker.id!);
    });

    test('an order that is filled is closed, with its average price and its trade', async () => {
      await alice.createOrder('ETH/USD', 'limit', 'sell', 0.4, 3_000);
      const taker = await bob.createOrder('ETH/USD', 'limit', 'buy', 0.4, 3_100);
      expect(taker).toMatchObject({ status: 'closed', filled: 0.4, average: 3_000 });
      const [trade] = (await bob.fetchMyTrades('ETH/USD')).slice(-1);
      expect(trade).toMatchObject({
        order: taker.id,
        side: 'buy',
        price: 3_000,
        amount: 0.4,
        takerOrMaker: undefined,
        fee: { cost: 4.8, currency: 'USD' },
      });
    });

    test('a trigger price makes a stop limit: it waits, is found, is triggered by a trade, and is cancelled', async () => {
      const symbol = 'DOGE/USD';
      const tradeAt = async (price: number): Promise<void> => {
        const maker = await alice.createOrder(symbol, 'limit', 'sell', 10, price);
        await bob.createOrder(symbol, 'limit', 'buy', 10, price);
        expect(await alice.fetchOrder(maker.id!)).toMatchObject({ status: 'closed', filled: 10 });
      };
      await tradeAt(0.1);
      const stop = await bob.createOrder(symbol, 'limit', 'buy', 100, 0.12, { triggerPrice: 0.11 });
      expect(stop).toMatchObject({
        status: 'open',
        type: 'stop-limit',
        price: 0.12,
        amount: 100,
        filled: 0,
        remaining: 100,
      });
      expect(stop.info).toMatchObject({ stop_price: '0.11000', is_live: true });
      expect((await bob.fetchOpenOrders(symbol)).map(({ id }) => id)).toEqual([stop.id]);
      expect((await bob.fetchOrderBook(symbol)).bids).toEqual([]);
      expect(await bob.fetchOrder(stop.id!)).toMatchObject({ status: 'open', filled: 0 });
      await tradeAt(0.11);
      expect((await bob.fetchOrderBook(symbol)).bids).toEqual([[0.12, 100]]);
      expect(await bob.cancelOrder(stop.id!)).toMatchObject({ id: stop.id, status: 'canceled' });
      expect(await bob.fetchOrder(stop.id!)).toMatchObject({ status: 'canceled', remaining: 100 });

      const waiting = await bob.createOrder(symbol, 'limit', 'sell', 50, 0.08, { triggerPrice: 0.09 });
      expect(await bob.cancelOrder(waiting.id!)).toMatchObject({ status: 'canceled' });
      const wrong = bob.createOrder(symbol, 'limit', 'buy', 100, 0.1, { triggerPrice: 0.11 });
      await expect(wrong).rejects.toThrow('stop price of a buy on DOGEUSD must not be above its limit price');
    });

    test('refusals are the errors that programs catch', async () => {
      await expect(bob.createOrder(SYMBOL, 'limit', 'buy', 1_000, 64_000)).rejects.toBeInstanceOf(
        ccxt.InsufficientFunds,
      );
      await expect(bob.fetchOrder('12345')).rejects.toBeInstanceOf(ccxt.OrderNotFound);
      await expect(bob.cancelOrder('12345')).rejects.toBeInstanceOf(ccxt.OrderNotFound);
      await expect(bob.createOrder('ETH/BTC', 'limit', 'buy', 0.0001, 0.05)).rejects.toBeInstanceOf(ccxt.InvalidOrder);
      const stranger = ccxtClient(exchange.sandbox.baseUrl, { key: 'account-stranger', secret: 'x' });
      await expect(stranger.fetchBalance()).rejects.toBeInstanceOf(ccxt.AuthenticationError);
      await stranger.close();
    });
  });

  describe('live', () => {
    test('order book, trades and own orders as they happen', async () => {
      await Promise.all([alice.loadHttpProxyAgent(), bob.loadHttpProxyAgent()]); // plain ws:// needs it
      const symbol = 'LINK/USD';
      await alice.createOrder(symbol, 'limit', 'sell', 5, 20);
      expect(await bob.watchOrderBook(symbol)).toMatchObject({ asks: [[20, 5]], bids: [] });
      const ordersOfBob = collect(() => bob.watchOrders());
      const tradesSeen = collect(() => bob.watchTrades(symbol));
      await new Promise((resolve) => setTimeout(resolve, 300)); // the second socket is open by then
      const book = bob.watchOrderBook(symbol);
      const taker = await bob.createOrder(symbol, 'limit', 'buy', 7, 20);
      expect(await book).toMatchObject({ asks: [], bids: [[20, 2]] });
      await expect.poll(() => tradesSeen.some(({ price, amount }) => price === 20 && amount === 5)).toBe(true);
      await expect.poll(() => ordersOfBob.some(({ id }) => id === taker.id)).toBe(true);
      await expect
        .poll(() => ordersOfBob.filter(({ id }) => id === taker.id).map(({ info }) => info?.type))
        .toContain('booked');
      await bob.cancelOrder(taker.id!);
      await expect
        .poll(() => ordersOfBob.filter(({ id }) => id === taker.id).map(({ info }) => info?.type))
        .toContain('cancelled');
    });
  });
}

/** Watches until the socket is closed. @returns everything that came, growing */
function collect<Item>(watch: () => Promise<readonly Item[]>): Item[] {
  const seen: Item[] = [];
  const next = (): void => {
    watch().then(
      (items) => {
        seen.push(...items);
        next();
      },
      () => {}, // closed at the end of the test
    );
  };
  next();
  return seen;
}
