import type { Catalogue } from '../../core/money/catalogue.ts';
import type { EmbeddedLedger } from '../ledger/embedded-ledger.ts';
import type { ExchangeDatabase } from '../storage/exchange-database.ts';
import { grantOperationId, grantUnits, SANDBOX_ACCOUNT_NAMES } from '../transfers/sandbox-grants.ts';
import { RebuildRefusedError } from './rebuild-errors.ts';

interface OpenTransfer {
  readonly transferId: number;
  readonly kind: 'deposit' | 'withdrawal';
  readonly state: 'start' | 'pending';
  readonly decision: 'confirm' | 'fail' | null;
  readonly accountId: number;
  readonly assetId: number;
  readonly units: string;
}

/**
 * Does again what a lost ledger may have done, and somebody may have spent since: confirmed deposits are credited, holds
 * of withdrawals that come to nothing given back, as the next start would do anyhow. It finishes their rows.
 * @param holds command ids of all holds that the ledger has
 * @returns withdrawals that keep their holds
 * @throws RebuildRefusedError, DatabaseError
 */
export async function repeatDecided(
  exchange: ExchangeDatabase,
  ledger: EmbeddedLedger,
  holds: ReadonlySet<number>,
): Promise<Set<number>> {
  const transfers = await exchange.database.all<OpenTransfer>(
    `SELECT transfer_id AS transferId, kind, state, decision, account_id AS accountId, asset_id AS assetId,
       CAST(units AS TEXT) AS units
     FROM transfers WHERE state IN ('start', 'pending') ORDER BY transfer_id`,
  );
  const timestampMs = Date.now();
  const held = new Set<number>();
  for (const { transferId, kind, state, decision, accountId, assetId, units } of transfers) {
    if (kind === 'deposit') {
      if (state === 'start') continue;
      // One that the pool has no room for fails at the next start, as it would have.
      const request = { operationId: transferId, accountId, assetId, units: BigInt(units), timestampMs };
      const { outcome } = await ledger.credit(request);
      if (outcome === 'CREDIT_DIFFERS')
        throw new RebuildRefusedError(`deposit ${transferId} was credited otherwise: run \`audit\``);
    } else if (state === 'start' || decision === 'fail') {
      if (holds.has(transferId)) await ledger.release(transferId, timestampMs);
    } else if (holds.has(transferId)) {
      held.add(transferId);
    }
  }
  return held;
}

/** The grants of a sandbox, which have no transfers: those that are lost are given again, once their asset is known. */
export class SandboxGrants {
  readonly #ledger: EmbeddedLedger;
  readonly #accountIds: readonly number[];
  readonly #granted = new Set<number>(); // asset ids

  private constructor(ledger: EmbeddedLedger, accountIds: readonly number[]) {
    this.#ledger = ledger;
    this.#accountIds = accountIds;
  }

  static async open(exchange: ExchangeDatabase, ledger: EmbeddedLedger): Promise<SandboxGrants> {
    if ((await exchange.readMeta('mode')) !== 'sandbox') return new SandboxGrants(ledger, []);
    const rows = await exchange.database.all<{ accountId: number }>(
      'SELECT account_id AS accountId FROM accounts WHERE name IN (?, ?)',
      [...SANDBOX_ACCOUNT_NAMES],
    );
    return new SandboxGrants(
      ledger,
      rows.map(({ accountId }) => accountId),
    );
  }

  async giveFor(catalogue: Catalogue): Promise<void> {
    const assets = catalogue.assets().filter(({ assetId }) => !this.#granted.has(assetId));
    for (const asset of assets) {
      const { assetId } = asset;
      this.#granted.add(assetId);
      for (const accountId of this.#accountIds) {
        const operationId = grantOperationId(accountId, assetId);
        await this.#ledger.credit({
          operationId,
          accountId,
          assetId,
          units: grantUnits(asset),
          timestampMs: Date.now(),
        });
      }
    }
  }
}
