import { createHash } from 'node:crypto';
import { fail } from '../../core/assert.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { DepositAddress, DepositAddresses } from '../../core/ports/transfers.ts';
import type { ExchangeDatabase } from '../storage/exchange-database.ts';
import { SqliteDatabase } from '../storage/sqlite-database.ts';

/** Addresses that one account may have in one network. */
export const MAX_ADDRESSES = 1_000;
const CHECK_DIGITS = 8;
const COLUMNS = 'address, account_id AS accountId, network, label, created_ms AS createdMs';

/**
 * `ringbook-bitcoin-100-3-9f86d081`: network, account, number of the account's addresses there, and the first eight hex
 * digits of the SHA-256 of what stands before them, so that a typing error is no other account's address.
 */
export function addressText(accountId: number, network: string, number: number): string {
  const name = `ringbook-${network}-${accountId}-${number}`;
  return `${name}-${createHash('sha256').update(name).digest('hex').slice(0, CHECK_DIGITS)}`;
}

/** The table `deposit_addresses`. An address is the same in every exchange that has the same accounts. */
export class SqliteDepositAddresses implements DepositAddresses {
  readonly #exchange: ExchangeDatabase;
  readonly #reader: SqliteDatabase;
  readonly #clock: Clock;

  private constructor(exchange: ExchangeDatabase, reader: SqliteDatabase, clock: Clock) {
    this.#exchange = exchange;
    this.#reader = reader;
    this.#clock = clock;
  }

  /** @throws DatabaseError */
  static async open(exchange: ExchangeDatabase, clock: Clock): Promise<SqliteDepositAddresses> {
    return new SqliteDepositAddresses(exchange, await SqliteDatabase.openReader(exchange.database.path), clock);
  }

  async create(accountId: number, network: string, label: string): Promise<DepositAddress | null> {
    for (;;) {
      const number = (await this.list(accountId, network)).length + 1;
      if (number > MAX_ADDRESSES) return null;
      const address = addressText(accountId, network, number);
      const changedRows = await this.#exchange.commits.change(
        'INSERT INTO deposit_addresses VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        [address, accountId, network, number, label, this.#clock.nowMs()],
      );
      if (changedRows === 1) return (await this.find(address)) ?? fail(`address ${address} is gone`);
      // Another request took this number meanwhile: each try sees at least one more, so that the loop ends.
    }
  }

  list(accountId: number, network: string): Promise<DepositAddress[]> {
    return this.#reader.all(
      `SELECT ${COLUMNS} FROM deposit_addresses WHERE account_id = ? AND network = ? ORDER BY number`,
      [accountId, network],
    );
  }

  async find(address: string): Promise<DepositAddress | undefined> {
    const rows = await this.#reader.all<DepositAddress>(`SELECT ${COLUMNS} FROM deposit_addresses WHERE address = ?`, [
      address,
    ]);
    return rows[0];
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
