import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../core/ports/clock.ts';
import type { Ledger } from '../core/ports/ledger.ts';
import type { EntryArchive } from '../core/ports/transfers.ts';
import type { Funds } from '../gateway/gateway.ts';
import type { ExchangeDatabase } from '../workers/storage/exchange-database.ts';
import { SqliteDepositAddresses } from '../workers/transfers/deposit-addresses.ts';
import { SqliteBalanceEntries } from '../workers/transfers/sqlite-balance-entries.ts';
import { SqliteTransferDesk } from '../workers/transfers/sqlite-transfer-desk.ts';
import { type StuckRound, StuckTransfers } from '../workers/transfers/stuck-transfers.ts';
import { TransferStore } from '../workers/transfers/transfer-store.ts';

/** Connections that read what transfers need of `exchange.sqlite`. */
export interface TransferStores {
  readonly transfers: TransferStore;
  readonly addresses: SqliteDepositAddresses;
  readonly entries: SqliteBalanceEntries;
}

/** @throws DatabaseError */
export async function openTransferStores(database: ExchangeDatabase, clock: Clock): Promise<TransferStores> {
  return {
    transfers: await TransferStore.open(database),
    addresses: await SqliteDepositAddresses.open(database, clock),
    entries: await SqliteBalanceEntries.open(database.database.path),
  };
}

export interface TransferParts {
  readonly ledger: Ledger;
  /** EMBEDDED_ARCHIVE, or that of a ledger on a server. */
  readonly archive: EntryArchive;
  readonly ids: { next(): number };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of each transfer that the ledger has kept waiting, for whoever can finish it before the next round. */
  readonly onStuck?: (transferId: number) => void;
}

/** The embedded ledger's entries lie beside its balances: what it has answered is archived. */
export const EMBEDDED_ARCHIVE: EntryArchive = { archivedThrough: () => Promise.resolve() };

/** Jobs try each transfer sooner; the rounds over all of them find those whose job was lost. */
const ROUND_PAUSE_MS = 15_000;

/** How long a start or a stop waits for a ledger that is away. */
const PATIENCE_MS = 5_000;

/** Deposits and withdrawals of a running exchange, with the rounds that finish what was left half-way. */
export class ExchangeTransfers {
  readonly funds: Funds;
  readonly #stores: TransferStores;
  readonly #desk: SqliteTransferDesk;
  readonly #stuck: StuckTransfers;

  constructor(stores: TransferStores, { ledger, archive, ids, clock, logger, onStuck = () => {} }: TransferParts) {
    this.#stores = stores;
    this.#desk = new SqliteTransferDesk({ store: stores.transfers, ledger, archive, ids, clock });
    this.funds = { desk: this.#desk, addresses: stores.addresses, entries: stores.entries };
    this.#stuck = new StuckTransfers({
      desk: this.#desk,
      firstPauseMs: ROUND_PAUSE_MS,
      onRound: (round) => logRound(logger, round),
      onStuck,
    });
  }

  /**
   * Finishes what the last start left half-way, once the ledger's floor is raised. What the ledger can't take now is
   * tried again later, by itself.
   * @returns withdrawals that were open: their holds are no orphans
   */
  async recover(): Promise<ReadonlySet<number>> {
    const open = await this.#stores.transfers.openWithdrawalIds();
    await patiently(this.#stuck.finishAll());
    return open;
  }

  /** Takes one transfer as far as it can be taken without the operator. @throws TransferOpenError */
  finish(transferId: number): Promise<void> {
    return this.#desk.finish(transferId);
  }

  /** One round over what only the ledger is waited for. */
  finishStuck(): Promise<StuckRound> {
    return this.#stuck.finishAll();
  }

  /** Takes nothing more. @returns when what was taken is answered or left to the next start */
  async close(): Promise<void> {
    await patiently(Promise.all([this.#stuck.stop(), this.#desk.close()]));
    await Promise.all(Object.values(this.#stores).map((store) => store.close()));
  }
}

async function patiently(act: Promise<unknown>): Promise<void> {
  const given = new AbortController();
  await Promise.race([act, sleep(PATIENCE_MS, undefined, { signal: given.signal }).catch(() => undefined)]);
  given.abort();
}

function logRound(logger: Logger, { finished, left, reason }: StuckRound): void {
  if (left === 0) logger.warn({ finished }, 'transfers that were left half-way are finished');
  else logger.error({ finished, left, err: reason }, 'transfers wait for the ledger: ringbook deposits list --stuck');
}
