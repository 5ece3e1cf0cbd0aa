import { describe, expect, test } from 'vitest';
import { InstrumentState, OrderFlag, OrderType, TimeInForce } from '../../../core/protocol/kinds.ts';
import { TradingDesk } from '../../support/trading-desk.ts';

const { TRADING, HALTED, CANCEL_ONLY, POST_ONLY } = InstrumentState;
const IOC = { timeInForce: TimeInForce.IOC };
const MARKET = { orderType: OrderType.MARKET, timeInForce: TimeInForce.IOC };
const MAKER_OR_CANCEL = { flags: OrderFlag.POST_ONLY };

describe.each([
  ['halted', HALTED, 'INSTRUMENT_HALTED'],
  ['cancel-only', CANCEL_ONLY, 'INSTRUMENT_CANCEL_ONLY'],
] as const)('an instrument that is %s', (_, state, reason) => {
  test('takes no order of any kind, while cancels are taken', () => {
    const desk = new TradingDesk();
    const resting = desk.sell(100, 5);
    const other = desk.sell(101, 5);
    expect(desk.setState(state)).toBe(TRADING);
    for (const order of [{}, IOC, MARKET, MAKER_OR_CANCEL]) expect(desk.buy(100, 1, order).rejected).toBe(reason);
    expect(desk.cancel(resting)).toBe(5);
    expect(desk.massCancel(102)).toEqual([other.orderId]);
  });

  test('leaves what rests in place, and others trade', () => {
    const desk = new TradingDesk();
    const resting = desk.sell(100, 5);
    desk.setState(state);
    expect(desk.buy(100, 10, { instrumentId: 2 }).bookedLots).toBe(10);
    expect(desk.setState(TRADING)).toBe(state);
    expect(desk.buy(100, 5).trades).toMatchObject([{ makerOrderId: resting.orderId }]);
  });
});

describe('a post-only instrument', () => {
  test('takes orders that never take, and no others', () => {
    const desk = new TradingDesk();
    desk.setState(POST_ONLY);
    for (const order of [{}, IOC, MARKET]) expect(desk.buy(100, 1, order).rejected).toBe('INSTRUMENT_POST_ONLY');
    expect(desk.buy(100, 1, MAKER_OR_CANCEL).bookedLots).toBe(1);
    expect(desk.sell(100, 1, MAKER_OR_CANCEL).cancelled).toEqual([1, 'POST_ONLY']);
  });
});

test('the state of an instrument that is not defined, or a state that is none, is refused', () => {
  const desk = new TradingDesk();
  expect(desk.setState(HALTED, 4)).toBe('UNKNOWN_INSTRUMENT');
  expect(desk.setState(4 as InstrumentState)).toBe('MALFORMED');
  expect(desk.buy(100, 1).bookedLots).toBe(1);
});

test('a malformed order is malformed in any state', () => {
  const desk = new TradingDesk();
  desk.setState(HALTED);
  expect(desk.buy(100, 1, { timeInForce: 200 as TimeInForce }).rejected).toBe('MALFORMED');
});

test('the state is part of the state hash', () => {
  const [one, other] = [new TradingDesk(), new TradingDesk()];
  one.setState(TRADING);
  other.setState(TRADING);
  expect(one.harness.engine.stateHash()).toBe(other.harness.engine.stateHash());
  one.setState(CANCEL_ONLY);
  other.setState(HALTED);
  expect(one.harness.engine.stateHash()).not.toBe(other.harness.engine.stateHash());
});
