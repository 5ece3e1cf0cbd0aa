import { z } from 'zod';
import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import type { AccountAdmin } from '../../core/ports/keys.ts';
import { type BalanceEntries, MAX_TRANSFER_ROWS } from '../../core/ports/transfers.ts';
import { accountNamed } from './account-routes.ts';
import { type AdminRoute, inputRoute } from './admin-route.ts';
import { assetOfCode } from './transfer-routes.ts';

const HISTORY = z.strictObject({
  account: z.string(),
  asset: z.string().optional(),
  sinceMs: z.number().int().min(0).optional(),
  limit: z.number().int().min(1).max(MAX_TRANSFER_ROWS).default(50),
});

/** Every change of an account's balances, newest first: before, after, why, and which operation. */
export function entryRoutes(accounts: AccountAdmin, catalogue: Catalogue, entries: BalanceEntries): AdminRoute[] {
  return [
    inputRoute('/accounts/history', HISTORY, async ({ account, asset, sinceMs, limit }) => {
      const rows = await entries.ofAccount(accountNamed(accounts, account).accountId, {
        ...(asset === undefined ? {} : { assetId: assetOfCode(catalogue, asset).assetId }),
        ...(sinceMs === undefined ? {} : { sinceMs }),
        limit,
      });
      return rows.map((entry) => {
        const { code, decimals } = catalogue.asset(entry.assetId) ?? fail(`no asset ${entry.assetId}`);
        return {
          entry: entry.entrySequence,
          timestampMs: entry.timestampMs,
          asset: code,
          reason: entry.reason,
          operation: entry.operationId,
          availableBefore: formatDecimal(entry.availableBeforeUnits, decimals),
          availableAfter: formatDecimal(entry.availableAfterUnits, decimals),
          heldBefore: formatDecimal(entry.heldBeforeUnits, decimals),
          heldAfter: formatDecimal(entry.heldAfterUnits, decimals),
        };
      });
    }),
  ];
}
