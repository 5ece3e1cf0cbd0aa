import { RejectReason } from '../../core/protocol/kinds.ts';
import { ApiError, tryLater } from '../rest/errors.ts';
import { formatPrice, formatQuantity } from '../rest/formatting.ts';
import type { ParsedOrder } from '../rest/order-fields.ts';

/** What a client hears when the core refused an order that the gateway let through. Its whole hold goes back. */
export function coreRefusal(reason: RejectReason, { instrument, fields }: ParsedOrder): Error {
  const symbol = instrument.symbol.toUpperCase();
  switch (reason) {
    case RejectReason.BOOK_FULL:
    case RejectReason.LEVELS_FULL:
      return tryLater(`The order books have no room for another resting order on ${symbol}; take orders away first`, 5);
    case RejectReason.LEVEL_FULL:
    case RejectReason.QUANTITY_OUT_OF_RANGE:
      return new ApiError(
        'InvalidQuantity',
        `Invalid quantity for symbol ${symbol}: ${formatQuantity(instrument, fields.quantityLots)} (the book can't hold as much)`,
      );
    case RejectReason.PRICE_OUT_OF_RANGE:
      return new ApiError(
        'InvalidPrice',
        `Invalid price for symbol ${symbol}: ${formatPrice(instrument, fields.priceTicks)}`,
      );
    default: // the gateway checked all others: to the client it is our fault
      return new Error(`the core refused an order on ${symbol} with reason ${reason}`);
  }
}
