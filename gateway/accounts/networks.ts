import type { Asset } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';

/** Money of states: it travels by bank, not in a network, and is shown with two decimals. */
const FIAT_CODES = new Set(['USD', 'EUR', 'GBP', 'SGD', 'CAD', 'AUD', 'HKD']);

/** Networks by the asset that travels in them, under the names that clients of this API know. */
const NETWORKS: ReadonlyMap<string, string> = new Map([
  ['BTC', 'bitcoin'],
  ['ETH', 'ethereum'],
  ['LINK', 'ethereum'],
  ['USDC', 'ethereum'],
  ['USDT', 'ethereum'],
  ['DAI', 'ethereum'],
  ['DOGE', 'dogecoin'],
  ['XRP', 'xrpl'],
  ['LTC', 'litecoin'],
  ['BCH', 'bitcoincash'],
  ['ZEC', 'zcash'],
  ['FIL', 'filecoin'],
  ['XTZ', 'tezos'],
  ['SOL', 'solana'],
  ['DOT', 'polkadot'],
  ['AVAX', 'avalanche'],
  ['ATOM', 'cosmos'],
]);

export function isFiat({ code }: Asset): boolean {
  return FIAT_CODES.has(code);
}

/** @returns the network that an asset travels in, its own code in lower case for one that is not known; null for fiat */
export function networkOf(asset: Asset): string | null {
  return isFiat(asset) ? null : (NETWORKS.get(asset.code) ?? asset.code.toLowerCase());
}

/** @returns all networks of the assets that are defined, without repeats */
export function networksOf(catalogue: Catalogue): string[] {
  const networks = catalogue.assets().map(networkOf);
  return [...new Set(networks.filter((network) => network !== null))];
}

/** @param name of a network, or the code of an asset that travels in one, in any case; undefined when it is neither */
export function findNetwork(catalogue: Catalogue, name: string): string | undefined {
  const network = networksOf(catalogue).find((known) => known === name.toLowerCase());
  if (network !== undefined) return network;
  const asset = catalogue.assetByCode(name.toUpperCase());
  return asset === undefined ? undefined : (networkOf(asset) ?? undefined);
}
