/**
 * The closed sets of numbers that commands and events carry. A number, once used in a journal, keeps its meaning for
 * ever: new kinds take new numbers, retired ones are never given again.
 */

export const CommandKind = {
  NEW_ORDER: 1,
  CANCEL_ORDER: 2,
  CHECKPOINT: 3,
  DEFINE_ASSET: 16,
  DEFINE_INSTRUMENT: 17,
} as const;
export type CommandKind = (typeof CommandKind)[keyof typeof CommandKind];

export const EventKind = {
  ACCEPTED: 1, // the order passed the checks; carries all its fields
  REJECTED: 2, // the order was refused by the core; its whole hold goes back
  BOOKED: 3, // what remains rests in the book, at the slot and generation given
  FILLED: 4, // a maker and a taker traded
  CANCELLED: 5, // what remained is gone; the order is closed
  CANCEL_REJECTED: 6, // the cancel named an order that does not rest there
  CHECKPOINTED: 7, // the state hash after this command
  ASSET_DEFINED: 16,
  INSTRUMENT_DEFINED: 17,
  DEFINITION_REJECTED: 18,
} as const;
export type EventKind = (typeof EventKind)[keyof typeof EventKind];

/** Marks the second and later slots of a record; never the first. */
export const CONTINUATION_KIND = 255;

export const Side = { BUY: 0, SELL: 1 } as const;
export type Side = (typeof Side)[keyof typeof Side];

export const OrderType = { LIMIT: 0 } as const;
export type OrderType = (typeof OrderType)[keyof typeof OrderType];

export const TimeInForce = { GTC: 0, IOC: 1, FOK: 2 } as const;
export type TimeInForce = (typeof TimeInForce)[keyof typeof TimeInForce];

/** What happens when an order would trade with one of the same account. */
export const SelfTradePrevention = { CANCEL_NEWEST: 0 } as const;
export type SelfTradePrevention = (typeof SelfTradePrevention)[keyof typeof SelfTradePrevention];

/** Bits of an order's flags byte. */
export const OrderFlag = {
  POST_ONLY: 1, // never takes: maker-or-cancel
  BY_BUDGET: 2, // bounded by quote units instead of lots; remaining and budget fields then hold units as int64
} as const;

/** Why the core refused a command, in the order of the checks: the first that fails gives the reason. */
export const RejectReason = {
  NONE: 0,
  UNKNOWN_INSTRUMENT: 1,
  MALFORMED: 2, // a field outside its closed set: only a gateway's bug can send it
  PRICE_OUT_OF_RANGE: 3,
  QUANTITY_OUT_OF_RANGE: 4,
  BOOK_FULL: 5, // no order slot is free
  LEVELS_FULL: 6, // no price level is free
  LEVEL_FULL: 7, // the lots of a level, or of the book's side, would pass 2^53 - 1
  UNKNOWN_ORDER: 8, // a cancel's slot, generation and order id do not name a resting order
  ALREADY_DEFINED: 9, // an asset's or instrument's id or name is taken by another one
  UNKNOWN_ASSET: 10,
  CAPACITY: 11, // no room for another asset or instrument
} as const;
export type RejectReason = (typeof RejectReason)[keyof typeof RejectReason];

/** Why what remained of an order went away. */
export const CancelReason = {
  REQUESTED: 1,
  IMMEDIATE_OR_CANCEL: 2, // an IOC's remainder would have had to rest
  FILL_OR_KILL: 3, // could not be filled completely at once
  POST_ONLY: 4, // would have traded on arrival
  SELF_TRADE: 5, // the next order to trade with is the same account's
} as const;
export type CancelReason = (typeof CancelReason)[keyof typeof CancelReason];
