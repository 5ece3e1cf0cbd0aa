import { fail } from '../../core/assert.ts';

/** One account's amounts of one asset. Neither is ever below zero. */
export interface BalanceState {
  readonly accountId: number;
  readonly assetId: number;
  readonly availableUnits: bigint;
  readonly heldUnits: bigint;
}

type MutableBalance = { -readonly [Field in keyof BalanceState]: BalanceState[Field] };

/** One change of one balance as its entry tells it. */
export interface BalanceChange {
  readonly accountId: number;
  readonly assetId: number;
  readonly availableBeforeUnits: bigint;
  readonly availableAfterUnits: bigint;
  readonly heldBeforeUnits: bigint;
  readonly heldAfterUnits: bigint;
}

/** All balances, by account and asset. A balance that never was anything but zero does not exist. */
export class BalanceSheet {
  readonly #accounts = new Map<number, Map<number, MutableBalance>>();

  load(balance: BalanceState): void {
    this.#assetsOf(balance.accountId).set(balance.assetId, { ...balance });
  }

  find(accountId: number, assetId: number): BalanceState | undefined {
    return this.#accounts.get(accountId)?.get(assetId);
  }

  availableUnits(accountId: number, assetId: number): bigint {
    return this.find(accountId, assetId)?.availableUnits ?? 0n;
  }

  /** @returns every balance there is, in no order */
  *all(): Generator<BalanceState> {
    for (const assets of this.#accounts.values()) yield* assets.values();
  }

  /** @returns the account's balances by asset id */
  ofAccount(accountId: number): BalanceState[] {
    return [...(this.#accounts.get(accountId)?.values() ?? [])].sort((one, other) => one.assetId - other.assetId);
  }

  /** Changes both amounts. Callers have checked that they suffice. */
  change(accountId: number, assetId: number, availableDeltaUnits: bigint, heldDeltaUnits: bigint): BalanceChange {
    const assets = this.#assetsOf(accountId);
    let balance = assets.get(assetId);
    if (balance === undefined) {
      balance = { accountId, assetId, availableUnits: 0n, heldUnits: 0n };
      assets.set(assetId, balance);
    }
    const { availableUnits: availableBeforeUnits, heldUnits: heldBeforeUnits } = balance;
    const availableAfterUnits = availableBeforeUnits + availableDeltaUnits;
    const heldAfterUnits = heldBeforeUnits + heldDeltaUnits;
    if (availableAfterUnits < 0n || heldAfterUnits < 0n)
      fail(`account ${accountId} asset ${assetId}: available ${availableAfterUnits} held ${heldAfterUnits}`);
    balance.availableUnits = availableAfterUnits;
    balance.heldUnits = heldAfterUnits;
    return { accountId, assetId, availableBeforeUnits, availableAfterUnits, heldBeforeUnits, heldAfterUnits };
  }

  #assetsOf(accountId: number): Map<number, MutableBalance> {
    let assets = this.#accounts.get(accountId);
    if (assets === undefined) {
      assets = new Map();
      this.#accounts.set(accountId, assets);
    }
    return assets;
  }
}
