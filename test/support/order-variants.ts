import type { Instrument } from '../../core/money/instrument.ts';
import { MAX_PRICE_TICKS, MAX_QUANTITY_LOTS } from '../../core/money/instrument.ts';
import type { NewOrderFields } from '../../core/protocol/command-encoder.ts';
import { OrderFlag, OrderType, SelfTradePrevention, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import type { RandomIntegers } from './random-integers.ts';

/** What a variant is made from: random prices of either side, in the style of the stream. */
export interface VariantSource {
  readonly random: RandomIntegers;
  readonly timestampMs: number;
  priceTicks(side: Side): number;
}

const OPPOSITE = [Side.SELL, Side.BUY] as const;
const STATED_MODES = [
  SelfTradePrevention.CANCEL_NEWEST,
  SelfTradePrevention.CANCEL_OLDEST,
  SelfTradePrevention.CANCEL_BOTH,
  SelfTradePrevention.DECREMENT,
  SelfTradePrevention.DECREMENT,
];

/** Turns a plain limit order into one of the other kinds that there are, now and then into one that there is not. */
export function orderVariant(source: VariantSource, order: NewOrderFields, instrument: Instrument): NewOrderFields {
  const { random } = source;
  const selfTradePrevention = random.onceIn(2) ? random.oneOf(STATED_MODES) : order.selfTradePrevention;
  const stated = { ...order, selfTradePrevention };
  switch (random.below(12)) {
    case 0:
    case 1:
      return { ...stated, ...marketOrder(source, order.side) };
    case 2:
      return { ...stated, ...budgetOrder(source, order, instrument) };
    case 3:
    case 4:
      return { ...stated, ...stopOrder(source, order) };
    case 5:
    case 6:
      return { ...stated, ...expiry(source) };
    default:
      return stated;
  }
}

function marketOrder({ random, priceTicks }: VariantSource, side: Side): Partial<NewOrderFields> {
  return {
    orderType: OrderType.MARKET,
    timeInForce: random.oneOf([TimeInForce.IOC, TimeInForce.IOC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC]),
    priceTicks: priceTicks(OPPOSITE[side]),
  };
}

/** As much as a few lots cost at about that price, and some units that buy nothing. */
function budgetOrder(source: VariantSource, order: NewOrderFields, instrument: Instrument): Partial<NewOrderFields> {
  const { random } = source;
  const priceTicks = source.priceTicks(Side.SELL);
  const lots = Number.isSafeInteger(order.quantityLots) ? BigInt(order.quantityLots) : 1n;
  const spare = random.oneOf([0n, 1n, 2n ** 40n]);
  const exact = BigInt(priceTicks) * lots * instrument.quoteUnitsPerTickLot;
  const budget = random.onceIn(20) ? random.oneOf([0n, 1n, -1n, 2n ** 63n - 1n]) : exact + spare;
  return {
    orderType: OrderType.MARKET,
    timeInForce: random.onceIn(20) ? TimeInForce.FOK : TimeInForce.IOC,
    side: random.onceIn(20) ? Side.SELL : Side.BUY,
    flags: OrderFlag.BY_BUDGET,
    priceTicks,
    quantityLots: random.onceIn(20) ? 1 : 0,
    budgetUnits: budget > 2n ** 63n - 1n ? 2n ** 63n - 1n : budget,
  };
}

/** Stop and limit are drawn apart: some stops are reached at once, some limits can't trade where the stop triggers. */
function stopOrder(source: VariantSource, { side }: NewOrderFields): Partial<NewOrderFields> {
  const { random } = source;
  const isMarket = random.onceIn(2);
  const stopPriceTicks = random.onceIn(30)
    ? random.oneOf([0, -1, MAX_PRICE_TICKS])
    : source.priceTicks(random.oneOf([side, OPPOSITE[side]]));
  return {
    orderType: isMarket ? OrderType.STOP_MARKET : OrderType.STOP_LIMIT,
    stopPriceTicks,
    priceTicks: source.priceTicks(random.oneOf([side, OPPOSITE[side]])),
    flags: random.onceIn(30) ? random.oneOf([OrderFlag.POST_ONLY, OrderFlag.UNTRIGGERED]) : 0,
    timeInForce: isMarket
      ? random.oneOf([TimeInForce.IOC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC])
      : random.oneOf([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
    ...(random.onceIn(4) && !isMarket ? expiry(source) : {}),
  };
}

function expiry({ random, timestampMs }: VariantSource): Partial<NewOrderFields> {
  const soon = timestampMs + random.between(1, random.oneOf([2, 100, 1_000]));
  const never = random.oneOf([0, timestampMs - 1, timestampMs, Number.NaN, timestampMs + 0.5, Infinity]);
  return { timeInForce: TimeInForce.GTD, expiresAtMs: random.onceIn(10) ? never : soon };
}

/** @returns another total for an order that has had `totalLots` so far: mostly a little more or less */
export function amendedLots(random: RandomIntegers, totalLots: number): number {
  if (random.onceIn(10)) return random.oneOf([0, 0.5, Number.NaN, 2 ** 53, MAX_QUANTITY_LOTS, 1]);
  if (random.onceIn(3)) return totalLots;
  return Math.min(MAX_QUANTITY_LOTS, Math.max(1, totalLots + random.between(-12, 12)));
}
