import type { ApiKey, KeyStore, NonceNanos } from '../../core/ports/keys.ts';

/** Keys and nonces in memory for the inline exchange only. */
export class MemoryKeyStore implements KeyStore {
  /** What a nonce's durability waits for. */
  gate: Promise<void> = Promise.resolve();
  readonly #keys = new Map<string, { apiKey: ApiKey; lastNonce: NonceNanos }>();

  add(apiKey: ApiKey): void {
    this.#keys.set(apiKey.key, { apiKey, lastNonce: -1n });
  }

  find(key: string): { readonly apiKey: ApiKey; readonly lastNonce: NonceNanos } | undefined {
    return this.#keys.get(key);
  }

  keyOf(keyId: number): ApiKey | undefined {
    return [...this.#keys.values()].find(({ apiKey }) => apiKey.keyId === keyId)?.apiKey;
  }

  useNonce(keyId: number, nonce: NonceNanos): Promise<void> | null {
    const entry = [...this.#keys.values()].find(({ apiKey }) => apiKey.keyId === keyId);
    if (entry === undefined || nonce <= entry.lastNonce) return null;
    entry.lastNonce = nonce;
    return this.gate;
  }
}
