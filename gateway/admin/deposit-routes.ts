import { z } from 'zod';
import { MAX_POOL_UNITS } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { formatDecimal, tryParseDecimal } from '../../core/money/decimal.ts';
import type { AccountAdmin, Clock, Ledger } from '../../core/ports.ts';
import type { CommandIds } from '../orders/command-ids.ts';
import { accountNamed } from './account-routes.ts';
import { AdminError, type AdminRoute, inputRoute } from './admin-route.ts';

export interface DepositParts {
  readonly accounts: AccountAdmin;
  readonly catalogue: Catalogue;
  readonly ledger: Ledger;
  readonly commandIds: CommandIds;
  readonly clock: Clock;
}

const DEPOSIT = z.strictObject({ account: z.string(), asset: z.string(), amount: z.string() });

/** Money that came in, credited at once. Its operation id comes from where command ids come from: it is used once. */
export function depositRoutes({ accounts, catalogue, ledger, commandIds, clock }: DepositParts): AdminRoute[] {
  return [
    inputRoute('/deposits', DEPOSIT, async ({ account: name, asset: code, amount }) => {
      const account = accountNamed(accounts, name);
      const asset = catalogue.assetByCode(code.toUpperCase());
      if (asset === undefined) throw new AdminError('NotFound', `there is no asset "${code}"`);
      const units = tryParseDecimal(amount, asset.decimals);
      if (typeof units === 'string' || units === 0n || units > MAX_POOL_UNITS)
        throw new AdminError(
          'InvalidInput',
          `amount: must be decimal text above zero with at most ${asset.decimals} decimals, and all of ${asset.code} must fit into 2^63 units`,
        );
      const operationId = commandIds.next();
      const request = { operationId, accountId: account.accountId, assetId: asset.assetId, units };
      const answer = await ledger.credit({ ...request, timestampMs: clock.nowMs() });
      if (answer.outcome === 'POOL_LIMIT')
        throw new AdminError(
          'InvalidInput',
          `amount: all accounts together hold ${formatDecimal(answer.poolUnits, asset.decimals)} ${asset.code}; no more than 2^63 units can be held`,
        );
      if (answer.outcome === 'CREDIT_DIFFERS') throw new Error(`operation id ${operationId} was used before`);
      return {
        operationId,
        account: account.name,
        asset: asset.code,
        amount: formatDecimal(units, asset.decimals),
        available: formatDecimal(answer.availableUnits, asset.decimals),
      };
    }),
  ];
}
