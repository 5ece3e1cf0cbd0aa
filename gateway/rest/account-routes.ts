import type { Catalogue } from '../../core/money/catalogue.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import type { SettledBalances } from '../accounts/settled-balances.ts';
import { jsonReply } from '../http/reply.ts';
import type { PrivateEndpoint } from './router.ts';

/** What belongs to an account as a whole: its balances, and that its client is still there. */
export function accountRoutes(balances: SettledBalances, catalogue: Catalogue): PrivateEndpoint[] {
  return [
    {
      method: 'POST',
      pattern: '/v1/balances',
      roles: ['trader', 'fundManager', 'auditor'],
      async answer({ apiKey }) {
        const byAsset = new Map((await balances.read(apiKey.accountId)).map((balance) => [balance.assetId, balance]));
        const rows = catalogue.assets().map(({ assetId, code, decimals }) => {
          const { availableUnits, heldUnits } = byAsset.get(assetId) ?? { availableUnits: 0n, heldUnits: 0n };
          const available = formatDecimal(availableUnits, decimals);
          return {
            type: 'exchange',
            currency: code,
            amount: formatDecimal(availableUnits + heldUnits, decimals),
            available,
            availableForWithdrawal: available,
          };
        });
        return jsonReply(rows);
      },
    },
    {
      method: 'POST',
      pattern: '/v1/heartbeat',
      roles: ['trader'],
      answer: () => jsonReply({ result: 'ok' }),
    },
  ];
}
