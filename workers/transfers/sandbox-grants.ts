import type { Asset } from '../../core/money/asset.ts';

/**
 * What a sandbox gives its two accounts at the first start: credits without a transfer. Start numbers begin at 1, so no
 * command and no transfer has an id below 2^32: grants take theirs, the same at every start.
 */
export const FIRST_TRANSFER_ID = 2 ** 32;
/** Whom it gives to. */
export const SANDBOX_ACCOUNT_NAMES = ['alice', 'bob'] as const;
const GRANT_USD = 1_000_000n;
const GRANT_OTHER = 100n;

export function grantOperationId(accountId: number, assetId: number): number {
  return accountId * 2 ** 16 + assetId;
}

export function grantUnits({ code, decimals }: Asset): bigint {
  return (code === 'USD' ? GRANT_USD : GRANT_OTHER) * 10n ** BigInt(decimals);
}
