export type Role = 'trader' | 'fundManager' | 'auditor';

export interface ApiKey {
  readonly keyId: number; // ≥ 1
  readonly key: string; // 'account-…'
  readonly secret: string;
  readonly accountId: number;
  readonly accountName: string;
  readonly roles: readonly Role[];
}

/** A nonce: 10^-9 units of what the client sent, so that 19 digits and 9 decimals fit exactly. -1n before the first. */
export type NonceNanos = bigint;

export interface KeyStore {
  /** @returns the key and the highest nonce it has used, from memory */
  find(key: string): { readonly apiKey: ApiKey; readonly lastNonce: NonceNanos } | undefined;
  /** @returns the key of an id, also when it was revoked: orders go on naming it */
  keyOf(keyId: number): ApiKey | undefined;
  /**
   * Uses up a nonce: checks and remembers it at once, so that two requests of one turn can't share one.
   * @returns null when it does not rise above the last; else a promise that resolves when it is durable
   */
  useNonce(keyId: number, nonce: NonceNanos): Promise<void> | null;
}

export interface Account {
  readonly accountId: number;
  readonly name: string;
  readonly createdMs: number;
}

/** A key without its secret. */
export interface KeySummary {
  readonly keyId: number;
  readonly key: string;
  readonly accountId: number;
  readonly roles: readonly Role[];
  readonly revokedMs: number | null; // null while it is valid
}

/** Makes and takes away accounts and keys. What can't be done rejects with an Error whose `code` is INVALID_ACCOUNT. */
export interface AccountAdmin {
  listAccounts(): readonly Account[];
  /** @param name 1 to 64 printable ASCII characters, not taken yet */
  createAccount(name: string): Promise<Account>;
  /** @returns every key there ever was, oldest first */
  listKeys(): readonly KeySummary[];
  /** @returns the key with its secret, which nothing else ever tells */
  createKey(accountId: number, roles: readonly Role[]): Promise<ApiKey>;
  /** From now on requests with this key are those of an unknown one. Its orders stay. A repeat changes nothing. */
  revokeKey(key: string): Promise<KeySummary>;
}
