import type { Instrument } from '../../core/money/instrument.ts';
import { InstrumentState, OrderFlag, RejectReason } from '../../core/protocol/kinds.ts';
import { ApiError, tryLater } from '../rest/errors.ts';
import { formatPrice, formatQuantity } from '../rest/formatting.ts';

const STATE_OF_REASON = {
  [RejectReason.INSTRUMENT_HALTED]: InstrumentState.HALTED,
  [RejectReason.INSTRUMENT_CANCEL_ONLY]: InstrumentState.CANCEL_ONLY,
  [RejectReason.INSTRUMENT_POST_ONLY]: InstrumentState.POST_ONLY,
} as const;

const STATE_WORDS: Readonly<Record<InstrumentState, string>> = {
  [InstrumentState.TRADING]: 'is open',
  [InstrumentState.HALTED]: 'is halted: orders can be cancelled, none placed',
  [InstrumentState.CANCEL_ONLY]: 'is cancel-only: orders can be cancelled, none placed',
  [InstrumentState.POST_ONLY]: 'is post-only: only limit orders with the option maker-or-cancel are taken',
};

/** The instrument does not take this order now. */
export function marketNotOpen(instrument: Instrument, state: InstrumentState): ApiError {
  return new ApiError('MarketNotOpen', `The market ${instrument.symbol.toUpperCase()} ${STATE_WORDS[state]}`);
}

/** @returns whether an order with these flags is taken in that state */
export function isTaken(state: InstrumentState, flags: number): boolean {
  if (state === InstrumentState.TRADING) return true;
  return state === InstrumentState.POST_ONLY && (flags & OrderFlag.POST_ONLY) !== 0;
}

/** A good-til-date order whose time has come before it arrived. */
export function alreadyExpired(expiresAtMs: number): ApiError {
  return new ApiError('InvalidTimestampInPayload', `expire_at must lie in the future, and ${expiresAtMs} does not`);
}

/** An order can't be made smaller than what is gone of it. */
export function nothingWouldRemain(instrument: Instrument, totalLots: number): ApiError {
  return new ApiError(
    'InvalidQuantity',
    `Invalid quantity for symbol ${instrument.symbol.toUpperCase()}: ${formatQuantity(instrument, totalLots)} ` +
      '(the new total must be above what was filled or decremented; to end the order, cancel it)',
  );
}

/** What was asked for, as far as a refusal speaks of it. */
export interface RefusedFields {
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly expiresAtMs?: number;
}

/**
 * What a client hears when the core refused an order, or a change of one, that the gateway let through. All that was held
 * for it goes back.
 */
export function coreRefusal(reason: RejectReason, instrument: Instrument, fields: RefusedFields): Error {
  const symbol = instrument.symbol.toUpperCase();
  switch (reason) {
    case RejectReason.BOOK_FULL:
    case RejectReason.LEVELS_FULL:
      return tryLater(`The order books have no room for another resting order on ${symbol}; take orders away first`, 5);
    case RejectReason.QUANTITY_BELOW_FILLED:
      return nothingWouldRemain(instrument, fields.quantityLots);
    case RejectReason.EXPIRY_OUT_OF_RANGE:
      return alreadyExpired(fields.expiresAtMs ?? 0);
    case RejectReason.QUANTITY_OUT_OF_RANGE:
      return new ApiError(
        'InvalidQuantity',
        `Invalid quantity for symbol ${symbol}: ${formatQuantity(instrument, fields.quantityLots)} (the limits of the market have changed; /v1/symbols/details tells them)`,
      );
    case RejectReason.LEVEL_FULL:
      return new ApiError(
        'InvalidQuantity',
        `Invalid quantity for symbol ${symbol}: ${formatQuantity(instrument, fields.quantityLots)} (the book can't hold as much)`,
      );
    case RejectReason.PRICE_OUT_OF_RANGE:
      return new ApiError(
        'InvalidPrice',
        `Invalid price for symbol ${symbol}: ${formatPrice(instrument, fields.priceTicks)}`,
      );
    case RejectReason.INSTRUMENT_HALTED:
    case RejectReason.INSTRUMENT_CANCEL_ONLY:
    case RejectReason.INSTRUMENT_POST_ONLY:
      return marketNotOpen(instrument, STATE_OF_REASON[reason]);
    default: // the gateway checked all others: to the client it is our fault
      return new Error(`the core refused an order on ${symbol} with reason ${reason}`);
  }
}
