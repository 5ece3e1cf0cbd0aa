import { VIEW_TABLES } from './view-database.ts';

/**
 * Schema of `klines.sqlite`, one step per version. A view: every row follows from the trades, can be rebuilt from those of
 * the history and is compared with them (workers/klines/kline-check.ts). Sums may pass 64 bits and are decimal text.
 */
export const KLINES_SCHEMA: readonly string[] = [
  `
  ${VIEW_TABLES}
  CREATE TABLE klines (
    instrument_id INTEGER NOT NULL,
    size TEXT NOT NULL,                -- 1m 5m 15m 30m 1h 4h 6h 1d 1w 1M
    open_ms INTEGER NOT NULL,          -- beginning of the interval, UTC
    open_ticks INTEGER NOT NULL,
    high_ticks INTEGER NOT NULL,
    low_ticks INTEGER NOT NULL,
    close_ticks INTEGER NOT NULL,
    lots TEXT NOT NULL,
    notional_units TEXT NOT NULL,
    trades INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (instrument_id, size, open_ms)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE market_info (
    instrument_id INTEGER PRIMARY KEY,
    as_of_ms INTEGER NOT NULL,         -- beginning of the minute that the 24 hours end with
    open_ticks INTEGER,                -- null, as are the next two, when nothing was traded in them
    high_ticks INTEGER,
    low_ticks INTEGER,
    last_ticks INTEGER NOT NULL,
    change_ticks INTEGER NOT NULL,
    lots TEXT NOT NULL,
    notional_units TEXT NOT NULL,
    last_sequence INTEGER NOT NULL
  ) STRICT;
  `,
];
