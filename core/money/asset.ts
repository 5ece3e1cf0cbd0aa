/** Something that accounts hold. Its scale is the ledger's, fixed for ever: entries are integers of it. */
export interface Asset {
  readonly assetId: number; // 1 … MAX_ASSET_ID
  readonly code: string; // upper case, 2 … 12 letters and digits
  readonly decimals: number; // 0 … 18: one unit is 10^-decimals
}

/** So many assets there is room for: the largest id, and so the number of ids. */
export const MAX_ASSET_ID = 65_535;

/** Largest amount of one asset that all accounts together may hold: balances are signed 64-bit integers. */
export const MAX_POOL_UNITS = 2n ** 63n - 1n;

/** The account that collects fees. Never trades, never withdraws by itself. Clients' accounts start above it. */
export const FEE_ACCOUNT_ID = 1;
/** First id that is given to a client's account. */
export const FIRST_CLIENT_ACCOUNT_ID = 100;

/** Finest scale of an asset: 10^18 units of one already fill most of an int64. */
export const MAX_ASSET_DECIMALS = 18;

const ASSET_CODE = /^[A-Z][A-Z0-9]{1,11}$/;

/** @returns what is wrong with an asset, in one sentence, or null. */
export function assetProblem(asset: Asset): string | null {
  if (!Number.isInteger(asset.assetId) || asset.assetId < 1 || asset.assetId > MAX_ASSET_ID)
    return `asset ${asset.code}: assetId ${asset.assetId} is not within 1 … ${MAX_ASSET_ID}`;
  if (!ASSET_CODE.test(asset.code)) return `asset code "${asset.code}" is not 2 to 12 upper-case letters and digits`;
  if (!Number.isInteger(asset.decimals) || asset.decimals < 0 || asset.decimals > MAX_ASSET_DECIMALS)
    return `asset ${asset.code}: decimals ${asset.decimals} is not within 0 … ${MAX_ASSET_DECIMALS}`;
  return null;
}
