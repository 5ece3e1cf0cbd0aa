import type { TableShape } from '../storage/group-commit.ts';

/**
 * The ledger's tables in `exchange.sqlite` (workers/storage/exchange-schema.ts). One writer: the embedded ledger, or the
 * archive of a ledger in Redis.
 */
export const BALANCES: TableShape = {
  name: 'balances',
  columns: ['account_id', 'asset_id', 'available_units', 'held_units'],
  keyColumns: 2,
};
export const POOLS: TableShape = {
  name: 'pools',
  columns: ['asset_id', 'credited_units', 'debited_units'],
  keyColumns: 1,
};
export const HOLDS: TableShape = {
  name: 'holds',
  columns: ['command_id', 'account_id', 'asset_id', 'units', 'available_units', 'ledger_sequence'],
  keyColumns: 1,
};
export const CLOSED_HOLDS: TableShape = {
  name: 'closed_holds',
  columns: ['command_id', 'outcome', 'closed_ms'],
  keyColumns: 1,
};
export const CREDITS: TableShape = {
  name: 'credits',
  columns: ['operation_id', 'account_id', 'asset_id', 'units', 'available_units', 'ledger_sequence'],
  keyColumns: 0,
};
export const DEBITS: TableShape = { ...CREDITS, name: 'debits' };
export const WATERMARKS: TableShape = { name: 'watermarks', columns: ['partition', 'event_sequence'], keyColumns: 1 };
export const ENTRIES: TableShape = {
  name: 'entries',
  columns: [
    'entry_sequence',
    'ledger_sequence',
    'account_id',
    'asset_id',
    'available_before',
    'available_after',
    'held_before',
    'held_after',
    'reason',
    'operation_id',
    'timestamp_ms',
  ],
  keyColumns: 0,
};
