/** One ledger shard: its keys share a hash tag, so that a cluster keeps them in one slot. What they hold: ledger-prelude.lua. */
const SHARD = '{s0}:';

export const LEDGER_KEYS = {
  ledger: `${SHARD}ledger`,
  holds: `${SHARD}holds`,
  closed: `${SHARD}closed`,
  closedOrder: `${SHARD}closed-order`,
  credits: `${SHARD}credits`,
  debits: `${SHARD}debits`,
  pools: `${SHARD}pools`,
  watermarks: `${SHARD}watermarks`,
  entries: `${SHARD}entries`,
} as const;

/** What an account id is put behind. */
export const BALANCE_PREFIX = `${SHARD}bal:`;

export function balanceKey(accountId: number): string {
  return `${BALANCE_PREFIX}${accountId}`;
}
