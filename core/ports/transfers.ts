/**
 * What the transfer desk offers: money that comes in and goes out, each transfer exactly once however often it is asked
 * for. Amounts are bigint in the asset's smallest unit.
 */

export type TransferKind = 'deposit' | 'withdrawal';

/**
 * deposit: `start` submitted, waits for the operator; `pending` confirmed, on its way into the ledger.
 * withdrawal: `start` on its way to its hold; `pending` held, waits for the operator, or decided and on its way out.
 * `done` and `failed` are for ever; `done` only once the ledger's entry is archived.
 */
export type TransferState = 'start' | 'pending' | 'done' | 'failed';
export type TransferDecision = 'confirm' | 'fail';

export interface Transfer {
  readonly transferId: number; // from the source of command ids; the id of its hold, credit or debit
  readonly kind: TransferKind;
  readonly state: TransferState;
  readonly decision: TransferDecision | null; // the operator's, null until then
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint; // 1 … MAX_POOL_UNITS
  readonly clientKey: string; // the submitter's idempotency key; '' for none
  readonly network: string; // '' when unknown, as are the next three
  readonly address: string; // a deposit's own, a withdrawal's destination
  readonly memo: string;
  readonly txHash: string;
  readonly failure: string; // why it failed: a code of ours or the operator's words; '' unless it did
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** Reasons of ours that a transfer fails for. */
export const TransferFailure = {
  INSUFFICIENT_FUNDS: 'INSUFFICIENT_FUNDS',
  POOL_LIMIT: 'POOL_LIMIT',
  INTERRUPTED: 'INTERRUPTED', // a withdrawal whose request died before it was held
} as const;

/** @returns who must act next: a transfer that waits for the ledger is stuck unless it is being worked on; null: closed */
export function transferWaitsFor({ kind, state, decision }: Transfer): 'operator' | 'ledger' | null {
  if (state === 'done' || state === 'failed') return null;
  if (kind === 'deposit') return state === 'start' ? 'operator' : 'ledger';
  return state === 'pending' && decision === null ? 'operator' : 'ledger';
}

export type DepositRequest = Pick<
  Transfer,
  'accountId' | 'assetId' | 'units' | 'clientKey' | 'network' | 'address' | 'txHash'
>; // with a clientKey, unique among all deposits

export type WithdrawalRequest = Pick<
  Transfer,
  'accountId' | 'assetId' | 'units' | 'clientKey' | 'network' | 'address' | 'memo'
>; // its clientKey is unique in its account, or ''

/** A refusal has changed nothing, but for a transfer that it shows as failed. */
export type TransferAnswer =
  | { readonly outcome: 'TAKEN' | 'REPEATED'; readonly transfer: Transfer } // REPEATED: it was so before
  | { readonly outcome: 'KEY_REUSED'; readonly transfer: Transfer } // the key's first transfer, which differs
  | { readonly outcome: 'WRONG_STATE'; readonly transfer: Transfer }
  | { readonly outcome: 'POOL_LIMIT'; readonly transfer: Transfer; readonly poolUnits: bigint }
  | { readonly outcome: 'INSUFFICIENT_FUNDS'; readonly availableUnits: bigint }
  | { readonly outcome: 'NOT_FOUND' };

/**
 * What is left out does not narrow the list. Always in the order newest first; with `sinceMs` it holds the oldest after
 * the bound, so that whoever passes the newest of each answer on gets everything.
 */
export interface TransferQuery {
  readonly kind?: TransferKind;
  readonly accountId?: number;
  readonly assetId?: number;
  readonly state?: TransferState;
  readonly sinceMs?: number; // created at or after
  readonly isStuck?: boolean; // true: only those that wait for the ledger
  readonly limit: number; // 1 … MAX_TRANSFER_ROWS
}

/** Rows that one call may ask for. */
export const MAX_TRANSFER_ROWS = 1_000;

export interface DepositAddress {
  readonly address: string; // unique in this exchange
  readonly accountId: number;
  readonly network: string;
  readonly label: string;
  readonly createdMs: number;
}

/**
 * Every call is answered when what it says is durable. Calls reject with an Error whose `code` is TRANSFER_OPEN when the
 * ledger can't be reached: the transfer is taken and will be finished without being asked for again; or CLOSED when the
 * exchange is stopping and nothing was taken.
 */
export interface TransferDesk {
  /** The same key with equal fields answers the first deposit. */
  submitDeposit(request: DepositRequest): Promise<TransferAnswer>;
  /** Holds the units first. A request that was refused for its funds gives its key back. */
  requestWithdrawal(request: WithdrawalRequest): Promise<TransferAnswer>;
  /** Credits a deposit, or takes a held withdrawal out. A repeat answers the same. */
  confirm(kind: TransferKind, transferId: number): Promise<TransferAnswer>;
  /** Ends a deposit that was not confirmed, or gives a withdrawal's hold back. @param failure 1 … 200 characters */
  fail(kind: TransferKind, transferId: number, failure: string): Promise<TransferAnswer>;
  find(kind: TransferKind, transferId: number): Promise<Transfer | undefined>;
  list(query: TransferQuery): Promise<readonly Transfer[]>;
}

/** Where deposits are sent. This exchange has no chain: an address is a name that tells its account. */
export interface DepositAddresses {
  /** @returns a new address, or null when the account has as many in this network as it may have */
  create(accountId: number, network: string, label: string): Promise<DepositAddress | null>;
  /** @returns the account's addresses in a network, oldest first */
  list(accountId: number, network: string): Promise<readonly DepositAddress[]>;
  find(address: string): Promise<DepositAddress | undefined>;
}

/** Where the ledger's entries are kept whatever becomes of the store of its balances. */
export interface EntryArchive {
  /** @returns once every entry up to that change sequence is in it, durably */
  archivedThrough(ledgerSequence: number): Promise<void>;
}

/** One change of one balance, as its entry tells it. */
export interface BalanceEntry {
  readonly entrySequence: number;
  readonly ledgerSequence: number;
  readonly assetId: number;
  readonly availableBeforeUnits: bigint;
  readonly availableAfterUnits: bigint;
  readonly heldBeforeUnits: bigint;
  readonly heldAfterUnits: bigint;
  readonly reason: string; // EntryReason, or one of a later program
  readonly operationId: number; // command or transfer id, or event sequence
  readonly timestampMs: number;
}

/** Every change of every balance, for ever. */
export interface BalanceEntries {
  /** @returns newest first, at most `limit` (1 … MAX_TRANSFER_ROWS) */
  ofAccount(
    accountId: number,
    range: { readonly assetId?: number; readonly sinceMs?: number; readonly limit: number },
  ): Promise<readonly BalanceEntry[]>;
}
