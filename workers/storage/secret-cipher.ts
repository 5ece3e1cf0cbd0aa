import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** A stored secret can't be read with the master key given, or with none. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError';
}

const PLAIN = 'plain:';
const ENCRYPTED = 'aes-256-gcm:';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * How secrets of API keys lie in the database: `plain:<secret>` without a master key (sandbox), else
 * `aes-256-gcm:<base64 of 12 bytes IV, 16 bytes tag, ciphertext>`, bound to the key id so that rows can't be swapped.
 */
export class SecretCipher {
  readonly #masterKey: Buffer | null;

  /** @param masterKeyHex 64 hex digits, or undefined to store secrets as they are */
  constructor(masterKeyHex: string | undefined) {
    if (masterKeyHex !== undefined && !/^[0-9a-fA-F]{64}$/.test(masterKeyHex))
      throw new MasterKeyError('the master key must be 64 hex digits, for instance from: openssl rand -hex 32');
    this.#masterKey = masterKeyHex === undefined ? null : Buffer.from(masterKeyHex, 'hex');
  }

  /** @returns whether a stored secret should be written again: it is plain although there is a master key */
  isOutdated(stored: string): boolean {
    return this.#masterKey !== null && stored.startsWith(PLAIN);
  }

  seal(secret: string, keyId: number): string {
    if (this.#masterKey === null) return PLAIN + secret;
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#masterKey, iv).setAAD(Buffer.from(`key ${keyId}`));
    const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return ENCRYPTED + Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString('base64');
  }

  /** @throws MasterKeyError */
  open(stored: string, keyId: number): string {
    if (stored.startsWith(PLAIN)) return stored.slice(PLAIN.length);
    if (this.#masterKey === null)
      throw new MasterKeyError(
        'the stored secrets are encrypted: set RINGBOOK_MASTER_KEY to the key they were stored by',
      );
    const bytes = Buffer.from(stored.slice(ENCRYPTED.length), 'base64');
    const iv = bytes.subarray(0, IV_BYTES);
    const tag = bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES);
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#masterKey, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(`key ${keyId}`)).setAuthTag(tag);
      const ciphertext = bytes.subarray(IV_BYTES + TAG_BYTES);
      return decipher.update(ciphertext, undefined, 'utf8') + decipher.final('utf8');
    } catch (cause) {
      throw new MasterKeyError(`RINGBOOK_MASTER_KEY does not open the stored secret of key ${keyId}`, { cause });
    }
  }
}
