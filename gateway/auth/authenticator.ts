import type { ApiKey, KeyStore, Role } from '../../core/ports/keys.ts';
import { ApiError, echo } from '../rest/errors.ts';
import type { RateLimiter } from '../rest/rate-limiter.ts';
import { tryParseNonce } from './nonce.ts';
import { isAbsent, type PayloadFields, tryParsePayload } from './payload.ts';
import { isSignatureValid } from './signature.ts';

/** What a signed request carries, as it came. Empty texts stand for headers that were not sent. */
export interface SignedRequest {
  readonly path: string;
  readonly query: string; // without the question mark
  readonly apiKey: string;
  readonly payload: string;
  readonly signature: string;
}

export interface AuthenticatedRequest {
  readonly apiKey: ApiKey;
  readonly fields: PayloadFields;
  /** Resolves when the nonce is used up for ever. Whatever changes anything waits for it. */
  readonly nonceDurable: Promise<void>;
}

const ROLE_NAMES: Readonly<Record<Role, string>> = {
  trader: 'Trader',
  fundManager: 'FundManager',
  auditor: 'Auditor',
};

/** Decides who sends a request and whether they may. The first check that fails gives the reason. */
export class Authenticator {
  readonly #keyStore: KeyStore;
  readonly #isKnownPath: (path: string) => boolean;
  readonly #limiter: RateLimiter | null;

  /** @param limiter counts by key, only requests whose signature is right: nobody uses up another's share */
  constructor(keyStore: KeyStore, isKnownPath: (path: string) => boolean, limiter: RateLimiter | null) {
    this.#keyStore = keyStore;
    this.#isKnownPath = isKnownPath;
    this.#limiter = limiter;
  }

  /**
   * Checks a request and uses up its nonce.
   * @param roles any one of them suffices
   * @throws ApiError
   */
  authenticate(request: SignedRequest, roles: readonly Role[]): AuthenticatedRequest {
    const apiKey = this.#verifiedKey(request);
    this.#takeShare(apiKey);
    const fields = tryParsePayload(request.payload);
    if (typeof fields === 'string') throw new ApiError('InvalidJson', `InvalidJson: ${fields}`);
    this.#checkEndpoint(request, fields);
    const nonceDurable = this.#useNonce(apiKey, fields);
    if (!roles.some((role) => apiKey.roles.includes(role))) throw missingRole(apiKey, roles);
    checkAccount(apiKey, fields);
    return { apiKey, fields, nonceDurable };
  }

  #verifiedKey({ apiKey: keyText, payload, signature }: SignedRequest): ApiKey {
    if (keyText === '') throw new ApiError('MissingApikeyHeader', 'Must provide the X-GEMINI-APIKEY header');
    if (payload === '') throw new ApiError('MissingPayloadHeader', 'Must provide the X-GEMINI-PAYLOAD header');
    if (signature === '') throw new ApiError('MissingSignatureHeader', 'Must provide the X-GEMINI-SIGNATURE header');
    const found = this.#keyStore.find(keyText);
    if (found === undefined || !isSignatureValid(found.apiKey.secret, payload, signature))
      throw new ApiError(
        'InvalidSignature',
        'InvalidSignature: the key is unknown, or the signature is not HMAC-SHA384 of the base64 payload with its secret',
      );
    return found.apiKey;
  }

  #takeShare(apiKey: ApiKey): void {
    const waitMs = this.#limiter?.take(apiKey.key) ?? 0;
    if (waitMs > 0) throw rateLimited(waitMs);
  }

  #checkEndpoint({ path, query }: SignedRequest, fields: PayloadFields): void {
    const named = fields.get('request');
    if (isAbsent(named))
      throw new ApiError('MissingPayloadKey', `The payload must name its endpoint: "request": "${path}"`);
    if (named === path || (query !== '' && named === `${path}?${query}`)) return;
    if (typeof named !== 'string' || !this.#isKnownPath(named.split('?', 1)[0]!))
      throw new ApiError(
        'EndpointNotFound',
        `There is no endpoint "${typeof named === 'string' ? echo(named) : 'that is not a text'}"`,
      );
    throw new ApiError('EndpointMismatch', `The payload names ${echo(named)}, but the request was sent to ${path}`);
  }

  #useNonce(apiKey: ApiKey, fields: PayloadFields): Promise<void> {
    const nonce = tryParseNonce(fields.get('nonce'));
    if (nonce === 'MISSING') throw new ApiError('MissingNonce', 'Must provide a nonce in the payload');
    if (nonce === 'MALFORMED')
      throw new ApiError('InvalidNonce', 'A nonce is up to 19 digits, with up to 9 decimals, without sign or exponent');
    const nonceDurable = this.#keyStore.useNonce(apiKey.keyId, nonce);
    if (nonceDurable === null)
      throw new ApiError('InvalidNonce', `Nonce has not increased since your last call to the ${apiKey.key} session`);
    // Reads never wait for it. A write that fails ends the process where it happens, not as an unhandled rejection here.
    nonceDurable.catch(() => {});
    return nonceDurable;
  }
}

/** @param waitMs until the next request may pass */
export function rateLimited(waitMs: number): ApiError {
  return new ApiError('RateLimit', 'Requests come faster than the limit allows; slow down', [
    ['Retry-After', `${Math.ceil(waitMs / 1_000)}`],
  ]);
}

function missingRole(apiKey: ApiKey, roles: readonly Role[]): ApiError {
  const needed = roles.map((role) => ROLE_NAMES[role]).join(' or ');
  const held = apiKey.roles.map((role) => ROLE_NAMES[role]).join(', ') || 'none';
  return new ApiError('MissingRole', `This call needs the role ${needed}; the key's roles are: ${held}`);
}

/** A key of one account can't act for another: refused rather than traded on the wrong one. */
function checkAccount(apiKey: ApiKey, fields: PayloadFields): void {
  const account = fields.get('account');
  if (isAbsent(account) || account === apiKey.accountName || account === 'primary') return;
  throw new ApiError('AccountsOnGroupOnlyApi', 'This key belongs to one account: leave the account field out');
}
