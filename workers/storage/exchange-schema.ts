/**
 * Schema of `exchange.sqlite`, one step per version. Amounts are exact 64-bit integers (STRICT refuses what does not
 * fit), read by CAST(… AS TEXT).
 *
 * Truth: accounts, api_keys, nonces, credits, debits, meta. Everything else follows from journal and credits and can be
 * compared with them (workers/audit).
 */
export const EXCHANGE_SCHEMA: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE accounts (
    account_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE api_keys (
    key_id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    secret TEXT NOT NULL,      -- 'plain:…', or encrypted by the master key (secret-cipher.ts)
    account_id INTEGER NOT NULL REFERENCES accounts DEFERRABLE INITIALLY DEFERRED,
    roles TEXT NOT NULL        -- JSON array
  ) STRICT;
  CREATE TABLE nonces (key_id INTEGER PRIMARY KEY, last_nonce TEXT NOT NULL) STRICT; -- 10^-9 units, beyond 64 bits

  CREATE TABLE balances (
    account_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    available_units INTEGER NOT NULL CHECK (available_units >= 0),
    held_units INTEGER NOT NULL CHECK (held_units >= 0),
    PRIMARY KEY (account_id, asset_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE pools (
    asset_id INTEGER PRIMARY KEY,
    credited_units TEXT NOT NULL, -- sums of all that ever came and went: only their difference stays within 64 bits
    debited_units TEXT NOT NULL
  ) STRICT;
  CREATE TABLE holds (          -- not yet met by settlement
    command_id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    units INTEGER NOT NULL CHECK (units > 0),
    available_units INTEGER NOT NULL, -- what the first answer said
    ledger_sequence INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE closed_holds (   -- tombstones
    command_id INTEGER PRIMARY KEY,
    outcome TEXT NOT NULL CHECK (outcome IN ('RELEASED', 'SETTLED')),
    closed_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE credits (
    operation_id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    units INTEGER NOT NULL CHECK (units > 0),
    available_units INTEGER NOT NULL, -- what the first answer said
    ledger_sequence INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE watermarks (partition INTEGER PRIMARY KEY, event_sequence INTEGER NOT NULL) STRICT;
  CREATE TABLE entries (        -- every change of every balance, in order, for ever
    entry_sequence INTEGER PRIMARY KEY,
    ledger_sequence INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    available_before INTEGER NOT NULL,
    available_after INTEGER NOT NULL CHECK (available_after >= 0),
    held_before INTEGER NOT NULL,
    held_after INTEGER NOT NULL CHECK (held_after >= 0),
    reason TEXT NOT NULL,
    operation_id INTEGER NOT NULL, -- command id, credit's operation id, or event sequence
    timestamp_ms INTEGER NOT NULL
  ) STRICT;
  `,
  'ALTER TABLE api_keys ADD COLUMN revoked_ms INTEGER', // NULL while the key is valid
  `
  CREATE TABLE debits (
    operation_id INTEGER PRIMARY KEY, -- of the hold that it took
    account_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    units INTEGER NOT NULL CHECK (units > 0),
    available_units INTEGER NOT NULL,
    ledger_sequence INTEGER NOT NULL
  ) STRICT;
  `,
];
