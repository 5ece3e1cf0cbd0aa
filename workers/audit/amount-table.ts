export interface AmountRow {
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint;
}

/** Amounts by account and asset. What is not there is zero. */
export class AmountTable {
  readonly #accounts = new Map<number, Map<number, bigint>>();

  add(accountId: number, assetId: number, units: bigint): void {
    let assets = this.#accounts.get(accountId);
    if (assets === undefined) {
      assets = new Map();
      this.#accounts.set(accountId, assets);
    }
    assets.set(assetId, (assets.get(assetId) ?? 0n) + units);
  }

  get(accountId: number, assetId: number): bigint {
    return this.#accounts.get(accountId)?.get(assetId) ?? 0n;
  }

  has(accountId: number, assetId: number): boolean {
    return this.#accounts.get(accountId)?.has(assetId) === true;
  }

  *rows(): Generator<AmountRow> {
    for (const [accountId, assets] of this.#accounts)
      for (const [assetId, units] of assets) yield { accountId, assetId, units };
  }
}
