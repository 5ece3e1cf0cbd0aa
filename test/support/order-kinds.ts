import type { RandomIntegers } from './random-integers.ts';

type Fields = Readonly<Record<string, unknown>>;

const SELF_TRADE_MODES = [undefined, 'cancel-oldest', 'cancel-both', 'decrement', 'decrement'];
const STOP_OPTIONS = [[], [], ['immediate-or-cancel'], ['fill-or-kill']];

/**
 * @param random decides everything but the time
 * @returns fields of `/v1/order/new`, of every kind in turn, around one price; without side, symbol and client order id
 */
export function orderOfAnyKind(random: RandomIntegers, side: 'buy' | 'sell'): Fields {
  const mode = random.oneOf(SELF_TRADE_MODES);
  const shared = {
    amount: `0.0${1 + random.below(9)}`,
    ...(mode === undefined ? {} : { self_trade_prevention: mode }),
  };
  const cents = 10_000 + random.below(2_000);
  const beyond = random.below(500) * (side === 'buy' ? 1 : -1);
  switch (random.below(8)) {
    case 0:
      return { ...shared, type: 'exchange market', options: random.oneOf([[], ['fill-or-kill']]) };
    case 1: {
      const market = { self_trade_prevention: mode, type: 'exchange market' };
      if (side === 'buy') return { ...market, total_spend: `${1 + random.below(9)}.${random.below(1_000)}` };
      return { ...shared, ...market };
    }
    case 2:
    case 3: {
      const prices = { stop_price: price(cents), price: price(cents + beyond) };
      return {
        ...shared,
        ...prices,
        type: 'exchange stop limit',
        ...(random.onceIn(3) ? dated(random) : { options: random.oneOf(STOP_OPTIONS) }),
      };
    }
    case 4:
      return { ...shared, stop_price: price(cents), type: 'exchange stop market' };
    case 5:
      return { ...shared, price: price(cents), type: 'exchange limit', ...dated(random) };
    default:
      return { ...shared, price: price(cents), type: 'exchange limit' };
  }
}

/** @returns fields of `/v1/order/amend`, apart from the order's name */
export function anyAmendment(random: RandomIntegers): Fields {
  const amount = { amount: `0.0${1 + random.below(9)}${random.below(10)}` };
  const limit = { price: price(10_000 + random.below(2_000)) };
  return random.oneOf([amount, limit, { ...amount, ...limit }]);
}

function dated(random: RandomIntegers): Fields {
  return { options: ['good-til-date'], expire_at: Date.now() + random.between(20, 3_000) };
}

function price(cents: number): string {
  return `${Math.floor(cents / 100)}.${`${cents % 100}`.padStart(2, '0')}`;
}
