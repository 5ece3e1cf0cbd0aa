import type { Instrument } from '../../core/money/instrument.ts';
import { OrderType } from '../../core/protocol/kinds.ts';
import { isAbsent, type PayloadFields } from '../auth/payload.ts';
import { isProtected, type Order } from '../orders/order.ts';
import type { Amendment } from '../orders/order-changes.ts';
import { parsePrice, parseQuantity } from './amounts.ts';
import { ApiError } from './errors.ts';
import { requireStopRules } from './order-fields.ts';

/** Fields of a new order that no amendment changes. */
const FIXED_FIELDS = ['stop_price', 'total_spend', 'expire_at', 'options', 'side', 'type'] as const;

/**
 * Reads the fields of `/v1/order/amend`: `amount`, the new total, and `price`, the new limit; at least one of them.
 * @throws ApiError naming field, rule and value
 */
export function parseAmendment(payload: PayloadFields, order: Order, instrument: Instrument): Amendment {
  const hasPrice = !isAbsent(payload.get('price'));
  const hasAmount = !isAbsent(payload.get('amount'));
  for (const name of FIXED_FIELDS)
    if (!isAbsent(payload.get(name)))
      throw new ApiError('UnsupportedOption', `${name} can't be amended: cancel the order and place another one`);
  if (!hasPrice && !hasAmount)
    throw new ApiError('MissingOrderField', 'Must provide amount (the new total), price, or both');
  if (hasPrice && isProtected(order.orderType))
    throw new ApiError('InvalidPrice', 'price has no meaning for this order: its limit is a protection price');
  const priceTicks = hasPrice ? parsePrice(payload, instrument) : undefined;
  // Once it was triggered, its stop price is the past's.
  if (priceTicks !== undefined && order.orderType === OrderType.STOP_LIMIT && order.status === 'WAITING')
    requireStopRules(instrument, order.side, priceTicks, order.stopPriceTicks);
  return {
    ...(priceTicks === undefined ? {} : { priceTicks }),
    ...(hasAmount ? { quantityLots: parseQuantity(payload, instrument) } : {}),
  };
}
