import type { NewOrderFields } from '../../core/protocol/command-encoder.ts';
import { OrderType, SelfTradePrevention, Side, TimeInForce } from '../../core/protocol/kinds.ts';

/** A good-till-cancelled limit order of one lot at one tick: tests name only what they are about. */
export const PLAIN_ORDER: NewOrderFields = {
  instrumentId: 1,
  side: Side.BUY,
  keyId: 1,
  orderType: OrderType.LIMIT,
  timeInForce: TimeInForce.GTC,
  selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST,
  flags: 0,
  priceTicks: 1,
  stopPriceTicks: 0,
  quantityLots: 1,
  budgetUnits: 0n,
  expiresAtMs: 0,
  makerRatePpm: 2_000,
  takerRatePpm: 4_000,
  clientOrderId: '',
};
