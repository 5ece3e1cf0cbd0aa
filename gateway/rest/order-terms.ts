import { OrderFlag, OrderType, SelfTradePrevention, TimeInForce } from '../../core/protocol/kinds.ts';
import { isAbsent, type JsonValue, type PayloadFields } from '../auth/payload.ts';
import { ApiError, echo } from './errors.ts';
import { numberText, optionalTimestampMs } from './query-fields.ts';

/** How an order acts and how long it lives. */
export interface OrderTerms {
  readonly timeInForce: TimeInForce;
  readonly flags: number; // OrderFlag bits
  readonly expiresAtMs: number; // 0 for never
  readonly selfTradePrevention: SelfTradePrevention;
}

export const MAKER_OR_CANCEL = 'maker-or-cancel';
export const IMMEDIATE_OR_CANCEL = 'immediate-or-cancel';
export const FILL_OR_KILL = 'fill-or-kill';
export const GOOD_TIL_DATE = 'good-til-date';
const OPTIONS: readonly string[] = [MAKER_OR_CANCEL, IMMEDIATE_OR_CANCEL, FILL_OR_KILL, GOOD_TIL_DATE];

export const SELF_TRADE_NAMES: Readonly<Record<SelfTradePrevention, string>> = {
  [SelfTradePrevention.CANCEL_NEWEST]: 'cancel-newest',
  [SelfTradePrevention.CANCEL_OLDEST]: 'cancel-oldest',
  [SelfTradePrevention.CANCEL_BOTH]: 'cancel-both',
  [SelfTradePrevention.DECREMENT]: 'decrement',
};

/** Which options each type of order takes; one by budget takes none but immediate-or-cancel. */
const OPTIONS_OF_TYPE: Readonly<Record<OrderType, readonly string[]>> = {
  [OrderType.LIMIT]: OPTIONS,
  [OrderType.MARKET]: [IMMEDIATE_OR_CANCEL, FILL_OR_KILL],
  [OrderType.STOP_LIMIT]: [IMMEDIATE_OR_CANCEL, FILL_OR_KILL, GOOD_TIL_DATE],
  [OrderType.STOP_MARKET]: [IMMEDIATE_OR_CANCEL, FILL_OR_KILL],
};

/**
 * Reads `options`, `expire_at` and `self_trade_prevention`.
 * @param typeName for messages
 * @throws ApiError naming field, rule and value
 */
export function parseTerms(
  payload: PayloadFields,
  orderType: OrderType,
  typeName: string,
  isByBudget: boolean,
): OrderTerms {
  const options = parseOptions(payload.get('options'));
  const taken = isByBudget ? [IMMEDIATE_OR_CANCEL] : OPTIONS_OF_TYPE[orderType];
  for (const option of options)
    if (!taken.includes(option))
      throw new ApiError(
        'UnsupportedOption',
        `${option} has no meaning for an order of type "${typeName}"${isByBudget ? ' by total_spend' : ''}`,
      );
  return {
    timeInForce: timeInForceOf(options, orderType),
    flags: (options.includes(MAKER_OR_CANCEL) ? OrderFlag.POST_ONLY : 0) | (isByBudget ? OrderFlag.BY_BUDGET : 0),
    expiresAtMs: parseExpiry(payload, options.includes(GOOD_TIL_DATE)),
    selfTradePrevention: parseSelfTradePrevention(payload.get('self_trade_prevention')),
  };
}

/** What takes without resting does what it can at once, unless it must do all. */
function timeInForceOf(options: readonly string[], orderType: OrderType): TimeInForce {
  if (options.includes(FILL_OR_KILL)) return TimeInForce.FOK;
  if (options.includes(IMMEDIATE_OR_CANCEL)) return TimeInForce.IOC;
  if (options.includes(GOOD_TIL_DATE)) return TimeInForce.GTD;
  return orderType === OrderType.MARKET || orderType === OrderType.STOP_MARKET ? TimeInForce.IOC : TimeInForce.GTC;
}

function parseOptions(value: JsonValue | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new ApiError('OptionsMustBeArray', 'options must be an array of texts');
  const names: readonly unknown[] = value;
  const isTogether = names.length === 2 && names.includes(MAKER_OR_CANCEL) && names.includes(GOOD_TIL_DATE);
  if (names.length > 1 && !isTogether)
    throw new ApiError(
      'ConflictingOptions',
      `options may name one option only; ${MAKER_OR_CANCEL} and ${GOOD_TIL_DATE} may stand together`,
    );
  return names.map((name) => {
    if (typeof name !== 'string') throw new ApiError('UnsupportedOption', 'an option must be a text');
    if (OPTIONS.includes(name)) return name;
    if (name === 'auction-only') throw new ApiError('AuctionNotOpen', 'This exchange holds no auctions');
    throw new ApiError('UnsupportedOption', `Unsupported option: ${echo(name)}; supported are ${OPTIONS.join(', ')}`);
  });
}

/** @returns 0 for never. Whether the moment is still to come is not asked here: a retry may come after it. */
function parseExpiry(payload: PayloadFields, isWanted: boolean): number {
  const text = numberText(payload.get('expire_at'));
  if (!isWanted) {
    if (text === undefined) return 0;
    throw new ApiError('UnsupportedOption', `expire_at has no meaning without the option ${GOOD_TIL_DATE}`);
  }
  const expiresAtMs = optionalTimestampMs(text, 'expire_at', 'InvalidTimestampInPayload');
  if (expiresAtMs === undefined)
    throw new ApiError(
      'InvalidTimestampInPayload',
      `The option ${GOOD_TIL_DATE} needs the field expire_at, in seconds or milliseconds`,
    );
  return expiresAtMs;
}

function parseSelfTradePrevention(value: JsonValue | undefined): SelfTradePrevention {
  if (isAbsent(value)) return SelfTradePrevention.CANCEL_NEWEST;
  const mode = Object.values(SelfTradePrevention).find((each) => SELF_TRADE_NAMES[each] === value);
  if (mode !== undefined) return mode;
  const shown = typeof value === 'string' ? echo(value) : 'not a text';
  const names = Object.values(SELF_TRADE_NAMES).join(', ');
  throw new ApiError('UnsupportedOption', `Unsupported self_trade_prevention: ${shown}; supported are ${names}`);
}
