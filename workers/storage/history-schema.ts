import { VIEW_TABLES } from './view-database.ts';

/**
 * Schema of `history.sqlite`, one step per version. A view: every row follows from the event log, can be rebuilt from it
 * and is compared with it (workers/audit). Amounts of one trade are exact 64-bit integers; sums over many, which money
 * that goes round may carry beyond 64 bits, are decimal text.
 *
 * Time never goes back along the events, so an index by time lists trades and orders in the order of events too.
 */
export const HISTORY_SCHEMA: readonly string[] = [
  `
  ${VIEW_TABLES}
  CREATE TABLE orders (
    order_id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    instrument_id INTEGER NOT NULL,
    side INTEGER NOT NULL,
    order_type INTEGER NOT NULL,
    time_in_force INTEGER NOT NULL,
    self_trade_prevention INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    price_ticks INTEGER NOT NULL,
    stop_price_ticks INTEGER NOT NULL,
    quantity_lots INTEGER NOT NULL,
    budget_units INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    maker_rate_ppm INTEGER NOT NULL,
    taker_rate_ppm INTEGER NOT NULL,
    client_order_id TEXT NOT NULL,     -- '' for none
    accepted_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    closed_ms INTEGER,                 -- null while it lives
    status TEXT NOT NULL,
    remaining_lots INTEGER NOT NULL,
    remaining_units INTEGER NOT NULL,
    executed_lots INTEGER NOT NULL,
    executed_units TEXT NOT NULL,
    cancel_reason INTEGER,
    slot INTEGER NOT NULL,
    generation INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX orders_by_account ON orders (account_id, instrument_id, created_ms, accepted_sequence);
  CREATE INDEX orders_by_client_order_id ON orders (key_id, client_order_id, accepted_sequence)
    WHERE client_order_id <> '';
  CREATE INDEX live_orders ON orders (accepted_sequence) WHERE closed_ms IS NULL;

  CREATE TABLE trades (
    trade_id INTEGER PRIMARY KEY,      -- the sequence of its event
    instrument_id INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    taker_side INTEGER NOT NULL,
    price_ticks INTEGER NOT NULL,
    quantity_lots INTEGER NOT NULL,
    notional_units INTEGER NOT NULL,
    fee_asset_id INTEGER NOT NULL,
    maker_order_id INTEGER NOT NULL,
    maker_account_id INTEGER NOT NULL,
    maker_fee_units INTEGER NOT NULL,
    taker_order_id INTEGER NOT NULL,
    taker_account_id INTEGER NOT NULL,
    taker_fee_units INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX trades_by_instrument ON trades (instrument_id, timestamp_ms);
  CREATE INDEX trades_by_maker ON trades (maker_account_id, instrument_id, timestamp_ms);
  CREATE INDEX trades_by_taker ON trades (taker_account_id, instrument_id, timestamp_ms);
  CREATE INDEX trades_by_maker_order ON trades (maker_order_id);
  CREATE INDEX trades_by_taker_order ON trades (taker_order_id);

  CREATE TABLE daily_volumes (
    account_id INTEGER NOT NULL,
    day_start_ms INTEGER NOT NULL,     -- midnight, UTC
    instrument_id INTEGER NOT NULL,
    buy_maker_lots TEXT NOT NULL, buy_maker_units TEXT NOT NULL, buy_maker_trades INTEGER NOT NULL,
    buy_taker_lots TEXT NOT NULL, buy_taker_units TEXT NOT NULL, buy_taker_trades INTEGER NOT NULL,
    sell_maker_lots TEXT NOT NULL, sell_maker_units TEXT NOT NULL, sell_maker_trades INTEGER NOT NULL,
    sell_taker_lots TEXT NOT NULL, sell_taker_units TEXT NOT NULL, sell_taker_trades INTEGER NOT NULL,
    PRIMARY KEY (account_id, day_start_ms, instrument_id)
  ) STRICT, WITHOUT ROWID;
  `,
  // What an order came with, so that a repeat of its request is known after an amendment; none was amended before this.
  // Live orders are found by their ids, which a snapshot tells.
  `
  ALTER TABLE orders ADD COLUMN accepted_price_ticks INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE orders ADD COLUMN accepted_quantity_lots INTEGER NOT NULL DEFAULT 0;
  UPDATE orders SET accepted_price_ticks = price_ticks, accepted_quantity_lots = quantity_lots;
  DROP INDEX live_orders;
  `,
];
