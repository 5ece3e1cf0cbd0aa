import type {
  DepositRequest,
  Transfer,
  TransferDecision,
  TransferKind,
  TransferQuery,
  TransferState,
  WithdrawalRequest,
} from '../../core/ports/transfers.ts';
import type { ExchangeDatabase } from '../storage/exchange-database.ts';
import { SqliteDatabase, type SqlValue } from '../storage/sqlite-database.ts';

export interface NewTransfer extends DepositRequest, WithdrawalRequest {
  readonly transferId: number;
  readonly kind: TransferKind;
  readonly nowMs: number;
}

type TransferRow = Omit<Transfer, 'units'> & { readonly units: string };

const COLUMNS = `transfer_id AS transferId, kind, state, decision, account_id AS accountId, asset_id AS assetId,
  CAST(units AS TEXT) AS units, client_key AS clientKey, network, address, memo, tx_hash AS txHash, failure,
  created_ms AS createdMs, updated_ms AS updatedMs`;

/** As `transferWaitsFor` says of a row: the ledger must act. */
const WAITS_FOR_LEDGER = `state IN ('start', 'pending') AND
  CASE kind WHEN 'deposit' THEN state = 'pending' ELSE state = 'start' OR decision IS NOT NULL END`;

/**
 * The table `transfers` in `exchange.sqlite`. Every change is one conditional statement, and the count of rows that it
 * changed decides who made it. Reads go through a connection of their own, so that they tell only what is committed.
 */
export class TransferStore {
  readonly #exchange: ExchangeDatabase;
  readonly #reader: SqliteDatabase;

  private constructor(exchange: ExchangeDatabase, reader: SqliteDatabase) {
    this.#exchange = exchange;
    this.#reader = reader;
  }

  /** @throws DatabaseError */
  static async open(exchange: ExchangeDatabase): Promise<TransferStore> {
    return new TransferStore(exchange, await SqliteDatabase.openReader(exchange.database.path));
  }

  /** @returns false when its key is taken: `findByKey` has the transfer that took it, durably */
  async insert(transfer: NewTransfer): Promise<boolean> {
    const { transferId, kind, accountId, assetId, units, clientKey, network, address, memo, txHash, nowMs } = transfer;
    const values = [transferId, kind, accountId, assetId, units.toString(), clientKey, keyScope(transfer)];
    const changedRows = await this.#exchange.commits.change(
      `INSERT INTO transfers (transfer_id, kind, state, account_id, asset_id, units, client_key, key_scope, network,
         address, memo, tx_hash, failure, created_ms, updated_ms)
       VALUES (?, ?, 'start', ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?) ON CONFLICT (key_scope) DO NOTHING`,
      [...values, network, address, memo, txHash, nowMs, nowMs],
    );
    return changedRows === 1;
  }

  /** @returns whether the transfer was in the state `from`, without another decision, and is in `to` now */
  async advance(
    transferId: number,
    from: TransferState,
    to: TransferState,
    change: { readonly decision?: TransferDecision; readonly failure?: string; readonly freesKey?: boolean },
    nowMs: number,
  ): Promise<boolean> {
    const { decision = null, failure = '', freesKey = false } = change;
    const changedRows = await this.#exchange.commits.change(
      `UPDATE transfers SET state = ?, decision = coalesce(?, decision), failure = ?, updated_ms = ?
         ${freesKey ? ', key_scope = NULL' : ''}
       WHERE transfer_id = ? AND state = ? AND (decision IS NULL OR ? IS NULL)`,
      [to, decision, failure, nowMs, transferId, from, decision],
    );
    return changedRows === 1;
  }

  async find(transferId: number): Promise<Transfer | undefined> {
    return (await this.#select('transfer_id = ?', [transferId], 1))[0];
  }

  async findByKey(transfer: Pick<NewTransfer, 'kind' | 'accountId' | 'clientKey'>): Promise<Transfer | undefined> {
    return (await this.#select('key_scope = ?', [keyScope(transfer)], 1))[0];
  }

  async list(query: TransferQuery): Promise<Transfer[]> {
    const { kind, accountId, assetId, state, sinceMs, isStuck, limit } = query;
    const values: SqlValue[] = [];
    const conditions = ['true'];
    const narrow = (condition: string, value: SqlValue | undefined): void => {
      if (value === undefined) return;
      conditions.push(condition);
      values.push(value);
    };
    narrow('kind = ?', kind);
    narrow('account_id = ?', accountId);
    narrow('asset_id = ?', assetId);
    narrow('state = ?', state);
    narrow('created_ms >= ?', sinceMs);
    if (isStuck === true) conditions.push(WAITS_FOR_LEDGER);
    const isFromBound = sinceMs !== undefined;
    const transfers = await this.#select(conditions.join(' AND '), values, limit, isFromBound ? 'ASC' : 'DESC');
    return isFromBound ? transfers.reverse() : transfers;
  }

  /** @returns withdrawals that have a hold, or may have one */
  async openWithdrawalIds(): Promise<Set<number>> {
    const rows = await this.#reader.all<{ transferId: number }>(
      `SELECT transfer_id AS transferId FROM transfers WHERE kind = 'withdrawal' AND state IN ('start', 'pending')`,
    );
    return new Set(rows.map(({ transferId }) => transferId));
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  async #select(
    condition: string,
    values: readonly SqlValue[],
    limit: number,
    order: 'ASC' | 'DESC' = 'DESC',
  ): Promise<Transfer[]> {
    const rows = await this.#reader.all<TransferRow>(
      `SELECT ${COLUMNS} FROM transfers WHERE ${condition} ORDER BY transfer_id ${order} LIMIT ${limit}`,
      values,
    );
    return rows.map((row) => ({ ...row, units: BigInt(row.units) }));
  }
}

/** A deposit's key is one of the outside world; a withdrawal's is its client's own. */
function keyScope({
  kind,
  accountId,
  clientKey,
}: Pick<NewTransfer, 'kind' | 'accountId' | 'clientKey'>): string | null {
  if (clientKey === '') return null;
  return kind === 'deposit' ? `deposit ${clientKey}` : `withdrawal ${accountId} ${clientKey}`;
}
