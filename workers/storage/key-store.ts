import { randomInt } from 'node:crypto';
import { fail } from '../../core/assert.ts';
import { FIRST_CLIENT_ACCOUNT_ID } from '../../core/money/asset.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Account, AccountAdmin, ApiKey, KeyStore, KeySummary, NonceNanos, Role } from '../../core/ports/keys.ts';
import type { ExchangeDatabase } from './exchange-database.ts';
import type { TableShape } from './group-commit.ts';
import { SecretCipher } from './secret-cipher.ts';

/** A name, account or role that can't be used. */
export class InvalidAccountError extends Error {
  override readonly name = 'InvalidAccountError';
  readonly code = 'INVALID_ACCOUNT';
}

const ACCOUNTS: TableShape = { name: 'accounts', columns: ['account_id', 'name', 'created_ms'], keyColumns: 1 };
const API_KEYS: TableShape = {
  name: 'api_keys',
  columns: ['key_id', 'key', 'secret', 'account_id', 'roles', 'revoked_ms'],
  keyColumns: 1,
};
const NONCES: TableShape = { name: 'nonces', columns: ['key_id', 'last_nonce'], keyColumns: 1 };

const ROLES: readonly Role[] = ['trader', 'fundManager', 'auditor'];
const ACCOUNT_NAME = /^[ -~]{1,64}$/;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const KEY_CHARACTERS = 20;
const SECRET_CHARACTERS = 32; // 190 bits

interface KeyState {
  readonly apiKey: ApiKey;
  lastNonce: NonceNanos;
  revokedMs: number | null;
}

/** Accounts and keys: all in memory, changes durable by group commit. The only writer of its three tables. */
export class SqliteKeyStore implements KeyStore, AccountAdmin {
  readonly #exchange: ExchangeDatabase;
  readonly #clock: Clock;
  readonly #cipher: SecretCipher;
  readonly #accounts = new Map<number, Account>();
  readonly #byKey = new Map<string, KeyState>();
  readonly #byId = new Map<number, KeyState>();
  #lastAccountId = FIRST_CLIENT_ACCOUNT_ID - 1;
  #lastKeyId = 0;

  private constructor(exchange: ExchangeDatabase, clock: Clock, cipher: SecretCipher) {
    this.#exchange = exchange;
    this.#clock = clock;
    this.#cipher = cipher;
  }

  /**
   * @param masterKeyHex encrypts the stored secrets; secrets stored plainly before are encrypted now
   * @throws MasterKeyError when stored secrets can't be read; DatabaseError
   */
  static async open(exchange: ExchangeDatabase, clock: Clock, masterKeyHex?: string): Promise<SqliteKeyStore> {
    const store = new SqliteKeyStore(exchange, clock, new SecretCipher(masterKeyHex));
    await store.#load();
    return store;
  }

  find(key: string): { readonly apiKey: ApiKey; readonly lastNonce: NonceNanos } | undefined {
    const state = this.#byKey.get(key);
    return state?.revokedMs === null ? state : undefined;
  }

  keyOf(keyId: number): ApiKey | undefined {
    return this.#byId.get(keyId)?.apiKey;
  }

  useNonce(keyId: number, nonce: NonceNanos): Promise<void> | null {
    const state = this.#byId.get(keyId);
    if (state === undefined) fail(`nonce for key ${keyId}, which does not exist`);
    if (nonce <= state.lastNonce) return null;
    state.lastNonce = nonce;
    this.#exchange.commits.put(NONCES, [keyId, nonce.toString()]);
    return this.#exchange.commits.durable();
  }

  /**
   * @param name 1 to 64 printable ASCII characters, not taken yet
   * @throws InvalidAccountError
   */
  async createAccount(name: string): Promise<Account> {
    if (!ACCOUNT_NAME.test(name))
      throw new InvalidAccountError(`account name "${name}" is not 1 to 64 printable ASCII characters`);
    for (const account of this.#accounts.values())
      if (account.name === name) throw new InvalidAccountError(`account name "${name}" is taken`);
    this.#lastAccountId += 1;
    const account: Account = { accountId: this.#lastAccountId, name, createdMs: this.#clock.nowMs() };
    this.#accounts.set(account.accountId, account);
    this.#exchange.commits.put(ACCOUNTS, [account.accountId, account.name, account.createdMs]);
    await this.#exchange.commits.durable();
    return account;
  }

  /**
   * Makes a key of an account. Its secret is in the answer; whoever loses it makes another key.
   * @throws InvalidAccountError
   */
  async createKey(accountId: number, roles: readonly Role[]): Promise<ApiKey> {
    const account = this.#accounts.get(accountId);
    if (account === undefined) throw new InvalidAccountError(`account ${accountId} does not exist`);
    const unknown = roles.find((role) => !ROLES.includes(role));
    if (roles.length === 0 || unknown !== undefined)
      throw new InvalidAccountError(`roles "${roles.join(', ')}": at least one of ${ROLES.join(', ')} is needed`);
    this.#lastKeyId += 1;
    const apiKey: ApiKey = {
      keyId: this.#lastKeyId,
      key: `account-${randomText(KEY_CHARACTERS)}`,
      secret: randomText(SECRET_CHARACTERS),
      accountId,
      accountName: account.name,
      roles: [...new Set(roles)],
    };
    this.#put(this.#remember(apiKey, -1n, null));
    await this.#exchange.commits.durable();
    return apiKey;
  }

  listAccounts(): Account[] {
    return [...this.#accounts.values()];
  }

  /** @returns the valid keys of an account, oldest first */
  keysOf(accountId: number): ApiKey[] {
    return [...this.#byKey.values()]
      .filter(({ apiKey, revokedMs }) => apiKey.accountId === accountId && revokedMs === null)
      .map(({ apiKey }) => apiKey);
  }

  listKeys(): KeySummary[] {
    return [...this.#byId.values()].map(summaryOf);
  }

  async revokeKey(key: string): Promise<KeySummary> {
    const state = this.#byKey.get(key);
    if (state === undefined) throw new InvalidAccountError(`key "${key}" does not exist`);
    if (state.revokedMs === null) {
      state.revokedMs = this.#clock.nowMs();
      this.#put(state);
    }
    await this.#exchange.commits.durable();
    return summaryOf(state);
  }

  async #load(): Promise<void> {
    const { database, commits } = this.#exchange;
    const accounts = await database.all<Account>(
      'SELECT account_id AS accountId, name, created_ms AS createdMs FROM accounts ORDER BY account_id',
    );
    for (const account of accounts) {
      this.#accounts.set(account.accountId, account);
      this.#lastAccountId = account.accountId;
    }
    const keys = await database.all<StoredKey>(
      `SELECT key_id AS keyId, key, secret, account_id AS accountId, roles, revoked_ms AS revokedMs,
         coalesce(last_nonce, '-1') AS lastNonce
       FROM api_keys LEFT JOIN nonces USING (key_id) ORDER BY key_id`,
    );
    for (const stored of keys) {
      const apiKey: ApiKey = {
        keyId: stored.keyId,
        key: stored.key,
        secret: this.#cipher.open(stored.secret, stored.keyId),
        accountId: stored.accountId,
        accountName: this.#accounts.get(stored.accountId)!.name,
        roles: JSON.parse(stored.roles) as Role[],
      };
      const state = this.#remember(apiKey, BigInt(stored.lastNonce), stored.revokedMs);
      this.#lastKeyId = stored.keyId;
      if (this.#cipher.isOutdated(stored.secret)) this.#put(state);
    }
    await commits.durable();
  }

  #remember(apiKey: ApiKey, lastNonce: NonceNanos, revokedMs: number | null): KeyState {
    const state: KeyState = { apiKey, lastNonce, revokedMs };
    this.#byKey.set(apiKey.key, state);
    this.#byId.set(apiKey.keyId, state);
    return state;
  }

  #put({ apiKey, revokedMs }: KeyState): void {
    const { keyId, key, secret, accountId, roles } = apiKey;
    this.#exchange.commits.put(API_KEYS, [
      keyId,
      key,
      this.#cipher.seal(secret, keyId),
      accountId,
      JSON.stringify(roles),
      revokedMs,
    ]);
  }
}

function summaryOf({ apiKey: { keyId, key, accountId, roles }, revokedMs }: KeyState): KeySummary {
  return { keyId, key, accountId, roles, revokedMs };
}

interface StoredKey {
  readonly keyId: number;
  readonly key: string;
  readonly secret: string;
  readonly accountId: number;
  readonly roles: string;
  readonly revokedMs: number | null;
  readonly lastNonce: string;
}

function randomText(characters: number): string {
  return Array.from({ length: characters }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}
