/**
 * The closed sets of numbers that commands and events carry. A number, once used in a journal, keeps its meaning for
 * ever: new kinds take new numbers, retired ones are never given again.
 */

export const CommandKind = {
  NEW_ORDER: 1,
  CANCEL_ORDER: 2,
  CHECKPOINT: 3,
  MASS_CANCEL: 4,
  TIME: 5,
  AMEND_ORDER: 6,
  DEFINE_ASSET: 16,
  DEFINE_INSTRUMENT: 17,
  SET_INSTRUMENT_STATE: 18,
  UPDATE_INSTRUMENT: 19,
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
  MASS_CANCELLED: 8, // how many orders the mass cancel before it took away, each with its own CANCELLED
  EXPIRED: 9, // the order's time has come; what remained is gone
  TIME_ADVANCED: 10, // how many orders the time command before it took away, each with its own EXPIRED
  STOP_PLACED: 11, // the order waits for its stop price, at the slot and generation given
  TRIGGERED: 12, // the stop price was reached: from now on the order acts as a limit or market order
  REDUCED: 13, // the order is smaller without a trade, and lives on
  AMENDED: 14, // the order has another total quantity or limit; it keeps its slot, or leaves it to act anew
  AMEND_REJECTED: 15, // the order is as it was; what was held for the change goes back
  ASSET_DEFINED: 16,
  INSTRUMENT_DEFINED: 17,
  DEFINITION_REJECTED: 18, // of any command about assets and instruments
  INSTRUMENT_STATE_CHANGED: 19,
  INSTRUMENT_UPDATED: 20,
} as const;
export type EventKind = (typeof EventKind)[keyof typeof EventKind];

/** Marks the second and later slots of a record; never the first. */
export const CONTINUATION_KIND = 255;

export const Side = { BUY: 0, SELL: 1 } as const;
export type Side = (typeof Side)[keyof typeof Side];

/**
 * A MARKET order is a limit at its protection price that never rests: IOC or FOK only. What an IOC leaves is cancelled.
 * A stop waits until a trade reaches its stop price (a buy's from below, a sell's from above) and then acts as a limit
 * order, or as a market order: time in force, IOC or FOK included, counts from then on, but for a GTD's expiry.
 */
export const OrderType = { LIMIT: 0, MARKET: 1, STOP_LIMIT: 2, STOP_MARKET: 3 } as const;
export type OrderType = (typeof OrderType)[keyof typeof OrderType];

/** GTD: as GTC, until the first TIME command at or after the order's expiry. */
export const TimeInForce = { GTC: 0, IOC: 1, FOK: 2, GTD: 3 } as const;
export type TimeInForce = (typeof TimeInForce)[keyof typeof TimeInForce];

/**
 * What happens when an order would trade with one of the same account that rests; the arriving order's setting counts.
 * A fill-or-kill order that meets its own before it is filled trades nothing and changes nothing, unless the setting
 * is CANCEL_OLDEST: then its own orders are as if they were not there.
 */
export const SelfTradePrevention = {
  CANCEL_NEWEST: 0, // the arriving order's rest is cancelled
  CANCEL_OLDEST: 1, // the resting order is cancelled
  CANCEL_BOTH: 2,
  DECREMENT: 3, // both get smaller by the smaller one's quantity, which is cancelled
} as const;
export type SelfTradePrevention = (typeof SelfTradePrevention)[keyof typeof SelfTradePrevention];

/** What an instrument takes. Cancels are always taken; what rests stays until it is cancelled or trades. */
export const InstrumentState = {
  TRADING: 0, // everything
  HALTED: 1, // nothing else: no order, no change of one
  CANCEL_ONLY: 2, // what makes an order smaller
  POST_ONLY: 3, // orders that never take
} as const;
export type InstrumentState = (typeof InstrumentState)[keyof typeof InstrumentState];

/** Bits of an order's flags byte. */
export const OrderFlag = {
  POST_ONLY: 1, // never takes: maker-or-cancel
  BY_BUDGET: 2, // a market buy bounded by quote units instead of lots; its remaining fields hold units as int64
  UNTRIGGERED: 4, // in events only: the order waits for its stop price, so it stands in no book
} as const;

/** Why the core refused a command: the first check that fails gives the reason. */
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
  INSTRUMENT_HALTED: 12,
  INSTRUMENT_CANCEL_ONLY: 13,
  INSTRUMENT_POST_ONLY: 14, // the instrument takes only orders that never take
  EXPIRY_OUT_OF_RANGE: 15, // a GTD order's expiry is not after its command's time
  STOP_PRICE_OUT_OF_RANGE: 16,
  QUANTITY_BELOW_FILLED: 17, // an amend would leave nothing: its total is not above what was filled or decremented
} as const;
export type RejectReason = (typeof RejectReason)[keyof typeof RejectReason];

/** Why what remained of an order went away. */
export const CancelReason = {
  REQUESTED: 1,
  IMMEDIATE_OR_CANCEL: 2, // an IOC's remainder would have had to rest
  FILL_OR_KILL: 3, // could not be filled completely at once
  POST_ONLY: 4, // would have traded on arrival
  SELF_TRADE: 5, // the next order to trade with is the same account's
  MARKET_REMAINDER: 6, // a market order found nothing more within its protection price
  MASS_CANCELLED: 7, // one of many
  BUDGET_REMAINDER: 8, // what a budget has left does not buy one lot at the best price
  BOOK_FULL: 9, // a triggered stop would have to rest, and there is no room
  PRICE_BAND: 10, // would have traded outside the instrument's price band
} as const;
export type CancelReason = (typeof CancelReason)[keyof typeof CancelReason];
