import { errorReply, type Reply } from '../http/reply.ts';

/** Every reason a REST answer can give, with its HTTP status. Clients decide by the reason: the words are Gemini's. */
const STATUS_BY_REASON = {
  MissingApikeyHeader: 400,
  MissingPayloadHeader: 400,
  MissingSignatureHeader: 400,
  InvalidSignature: 400,
  InvalidJson: 400,
  MissingPayloadKey: 400,
  MissingNonce: 400,
  InvalidNonce: 400,
  EndpointMismatch: 400,
  EndpointNotFound: 404,
  MethodNotAllowed: 405,
  RequestTooLarge: 413,
  MissingRole: 403,
  AccountsOnGroupOnlyApi: 400,
  RateLimit: 429,
  Maintenance: 503,
  System: 500,
  'Bad Request': 400, // with its space: an unknown symbol or value in a public URL
  InvalidSymbol: 400,
  InvalidSide: 400,
  InvalidOrderType: 400,
  InvalidPrice: 400,
  InvalidQuantity: 400,
  InvalidStopPrice: 400,
  InvalidStopPriceBuy: 400,
  InvalidStopPriceSell: 400,
  InvalidStopPriceRatio: 400,
  MissingSymbol: 400,
  MissingQuantity: 400,
  MissingPrice: 400,
  MissingSide: 400,
  MissingOrderType: 400,
  MissingOrderField: 400,
  OptionsMustBeArray: 400,
  UnsupportedOption: 400,
  ConflictingOptions: 400,
  ClientOrderIdTooLong: 400,
  ClientOrderIdMustBeString: 400,
  AuctionNotOpen: 400,
  InsufficientFunds: 406,
  OrderNotFound: 404,
  MarketNotOpen: 400,
  InvalidTimestampInPayload: 400,
} as const;
export type Reason = keyof typeof STATUS_BY_REASON;

/** A request that is refused. `message` is shown to users as it is: one line, no secrets, which field and which rule. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: Reason;
  readonly headers: readonly (readonly [name: string, value: string])[];

  constructor(reason: Reason, message: string, headers: readonly (readonly [name: string, value: string])[] = []) {
    super(message);
    this.reason = reason;
    this.headers = headers;
  }

  reply(): Reply {
    return errorReply(STATUS_BY_REASON[this.reason], this.reason, this.message, this.headers);
  }
}

/** The exchange can't take this now, but soon may. Clients take `Maintenance` for "try again". */
export function tryLater(message: string, retryAfterSeconds = 1): ApiError {
  return new ApiError('Maintenance', message, [['Retry-After', `${retryAfterSeconds}`]]);
}

const MAX_ECHO_CHARACTERS = 48;

/** @returns what a client sent, fit for one line of a message: cut to 48 characters, only printable ASCII */
export function echo(text: string): string {
  const printable = text.slice(0, MAX_ECHO_CHARACTERS).replace(/[^ -~]/g, '?');
  return text.length > MAX_ECHO_CHARACTERS ? `${printable}…` : printable;
}
