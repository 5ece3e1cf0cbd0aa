/**
 * Schema of `exchange.sqlite`, one step per version. Amounts are exact 64-bit integers (STRICT refuses what does not
 * fit), read by CAST(… AS TEXT).
 *
 * Truth: accounts, api_keys, nonces, transfers, deposit_addresses, meta. Everything else follows from journal and
 * transfers and can be compared with them (workers/audit).
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
  `
  CREATE TABLE transfers (       -- deposits and withdrawals; states change by conditional updates alone
    transfer_id INTEGER PRIMARY KEY, -- from the source of command ids: the id of its hold, credit or debit
    kind TEXT NOT NULL CHECK (kind IN ('deposit', 'withdrawal')),
    state TEXT NOT NULL CHECK (state IN ('start', 'pending', 'done', 'failed')),
    decision TEXT CHECK (decision IN ('confirm', 'fail')), -- the operator's; from then on it is only finished
    account_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    units INTEGER NOT NULL CHECK (units > 0),
    client_key TEXT NOT NULL,    -- the submitter's idempotency key; '' for none
    key_scope TEXT UNIQUE,       -- what the key must be unique in, with it; NULL for none, or once it was given back
    network TEXT NOT NULL,       -- '' when unknown, as are the next three
    address TEXT NOT NULL,
    memo TEXT NOT NULL,
    tx_hash TEXT NOT NULL,
    failure TEXT NOT NULL,       -- why it failed; '' unless it did
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL  -- of the last change of state or decision
  ) STRICT;
  CREATE INDEX transfers_open ON transfers (transfer_id) WHERE state IN ('start', 'pending');
  CREATE INDEX transfers_of_account ON transfers (account_id, transfer_id);
  CREATE TABLE deposit_addresses (
    address TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL,
    network TEXT NOT NULL,
    number INTEGER NOT NULL,     -- of the account's addresses in this network, from 1
    label TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (account_id, network, number)
  ) STRICT, WITHOUT ROWID;
  -- What was credited before there were transfers. Ids below 2^32 are the sandbox's grants, which need none.
  INSERT INTO transfers
    SELECT c.operation_id, 'deposit', 'done', 'confirm', c.account_id, c.asset_id, c.units, '', NULL, '', '', '', '', '',
      e.timestamp_ms, e.timestamp_ms
    FROM entries e JOIN credits c ON c.operation_id = e.operation_id
    WHERE e.reason = 'deposit' AND e.operation_id >= 4294967296;
  `,
];
