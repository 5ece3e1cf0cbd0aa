import { expect, test } from 'vitest';
import {
  CancelReason,
  OrderFlag,
  OrderType,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../../core/protocol/kinds.ts';
import type { Order } from '../../../gateway/orders/order.ts';
import { formatAveragePrice } from '../../../gateway/rest/formatting.ts';
import { orderJson } from '../../../gateway/rest/order-json.ts';
import { instrumentOf } from '../../support/default-catalogue.ts';

const BTCUSD = instrumentOf('btcusd');
const RESTING: Order = {
  orderId: 41_235,
  accountId: 101,
  keyId: 7,
  instrumentId: BTCUSD.instrumentId,
  side: Side.BUY,
  orderType: OrderType.LIMIT,
  timeInForce: TimeInForce.GTC,
  selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST,
  flags: OrderFlag.POST_ONLY,
  priceTicks: 363_300,
  stopPriceTicks: 0,
  quantityLots: 500_000_000,
  budgetUnits: 0n,
  expiresAtMs: 0,
  makerRatePpm: 2_000,
  takerRatePpm: 4_000,
  clientOrderId: 'c-17',
  acceptedAtMs: 1_760_000_000_123,
  acceptedSequence: 1_234,
  status: 'RESTING',
  remainingLots: 500_000_000,
  remainingUnits: 0n,
  executedLots: 0,
  executedTickLots: 0n,
  cancelReason: null,
  slot: 3,
  generation: 1,
};

test('a resting order, field by field, with its types', () => {
  expect(orderJson(RESTING, BTCUSD)).toStrictEqual({
    order_id: '41235',
    id: '41235',
    symbol: 'btcusd',
    exchange: 'gemini',
    avg_execution_price: '0.00',
    side: 'buy',
    type: 'exchange limit',
    timestamp: '1760000000',
    timestampms: 1_760_000_000_123,
    is_live: true,
    is_cancelled: false,
    is_hidden: false,
    was_forced: false,
    executed_amount: '0',
    remaining_amount: '5',
    client_order_id: 'c-17',
    options: ['maker-or-cancel'],
    price: '3633.00',
    original_amount: '5',
  });
});

test('an order that never had a client order id or a cancel has neither field', () => {
  const json = orderJson({ ...RESTING, clientOrderId: '', flags: 0 }, BTCUSD);
  expect('client_order_id' in json).toBe(false);
  expect('reason' in json).toBe(false);
  expect(json.options).toEqual([]);
});

test('filled: neither live nor cancelled; partly filled and cancelled: cancelled with something executed', () => {
  const filled = { ...RESTING, status: 'FILLED' as const, remainingLots: 0, executedLots: 500_000_000 };
  expect(orderJson({ ...filled, executedTickLots: 363_300n * 500_000_000n }, BTCUSD)).toMatchObject({
    is_live: false,
    is_cancelled: false,
    executed_amount: '5',
    remaining_amount: '0',
    avg_execution_price: '3633.00',
  });
  const cancelled = { ...RESTING, status: 'CANCELLED' as const, remainingLots: 400_000_000, executedLots: 100_000_000 };
  const executedTickLots = 363_200n * 100_000_000n;
  expect(orderJson({ ...cancelled, executedTickLots, cancelReason: CancelReason.REQUESTED }, BTCUSD)).toMatchObject({
    is_live: false,
    is_cancelled: true,
    executed_amount: '1',
    remaining_amount: '4',
    avg_execution_price: '3632.00',
    reason: 'Requested',
  });
});

test.each([
  [CancelReason.REQUESTED, 'Requested'],
  [CancelReason.IMMEDIATE_OR_CANCEL, 'ImmediateOrCancelWouldPost'],
  [CancelReason.FILL_OR_KILL, 'FillOrKillWouldNotFill'],
  [CancelReason.POST_ONLY, 'MakerOrCancelWouldTake'],
  [CancelReason.SELF_TRADE, 'SelfCrossPrevented'],
])('cancel reason %i reads %s', (cancelReason, reason) => {
  expect(orderJson({ ...RESTING, status: 'CANCELLED', cancelReason }, BTCUSD).reason).toBe(reason);
});

test.each([
  [TimeInForce.IOC, 'immediate-or-cancel'],
  [TimeInForce.FOK, 'fill-or-kill'],
])('time in force %i reads %s', (timeInForce, option) => {
  expect(orderJson({ ...RESTING, flags: 0, timeInForce }, BTCUSD).options).toEqual([option]);
});

test('stops, budgets, dates and self-trade modes show what was asked for', () => {
  const stop = {
    ...RESTING,
    flags: 0,
    orderType: OrderType.STOP_LIMIT,
    stopPriceTicks: 363_200,
    status: 'WAITING' as const,
  };
  expect(orderJson(stop, BTCUSD)).toMatchObject({
    type: 'stop-limit',
    stop_price: '3632.00',
    is_live: true,
    options: [],
  });
  expect(orderJson({ ...stop, orderType: OrderType.STOP_MARKET, timeInForce: TimeInForce.IOC }, BTCUSD)).toMatchObject({
    type: 'stop-market',
    stop_price: '3632.00',
    options: [],
  });
  const bought = { quantityLots: 7, executedLots: 7, remainingLots: 0 };
  const budget = { budgetUnits: 10n ** 12n, remainingUnits: 5n, ...bought };
  const byBudget = { ...RESTING, orderType: OrderType.MARKET, flags: OrderFlag.BY_BUDGET, ...budget };
  expect(
    orderJson({ ...byBudget, status: 'CANCELLED', cancelReason: CancelReason.BUDGET_REMAINDER }, BTCUSD),
  ).toMatchObject({
    type: 'exchange market',
    original_amount: '0.00000007',
    executed_amount: '0.00000007',
    remaining_amount: '0',
    total_spend: '100',
    remaining_spend: '0.0000000005',
    reason: 'ImmediateOrCancelWouldPost',
  });
  const dated = { ...RESTING, timeInForce: TimeInForce.GTD, expiresAtMs: 1_760_000_001_000 };
  expect(orderJson({ ...dated, status: 'EXPIRED' }, BTCUSD)).toMatchObject({
    is_live: false,
    is_cancelled: true,
    reason: 'Expired',
    options: ['maker-or-cancel', 'good-til-date'],
    expire_at: 1_760_000_001_000,
  });
  const decrement = { ...RESTING, selfTradePrevention: SelfTradePrevention.DECREMENT };
  expect(orderJson(decrement, BTCUSD).self_trade_prevention).toBe('decrement');
});

test('average price: exact where it can be, else rounded half up ten decimals beyond the tick', () => {
  expect(formatAveragePrice(BTCUSD, 0n, 0)).toBe('0.00');
  expect(formatAveragePrice(BTCUSD, 363_300n * 7n, 7)).toBe('3633.00');
  expect(formatAveragePrice(BTCUSD, 100n + 101n, 2)).toBe('1.005');
  expect(formatAveragePrice(BTCUSD, 100n + 100n + 101n, 3)).toBe('1.003333333333');
  expect(formatAveragePrice(BTCUSD, 100n + 101n + 101n, 3)).toBe('1.006666666667');
  const most = 2n ** 53n - 1n;
  expect(formatAveragePrice(BTCUSD, (2n ** 31n - 1n) * most, Number(most))).toBe('21474836.47');
  expect(formatAveragePrice(instrumentOf('dogeusd'), 12_345n * 3n, 3)).toBe('0.12345');
  expect(formatAveragePrice(instrumentOf('dogeusd'), 0n, 0)).toBe('0.00');
});
