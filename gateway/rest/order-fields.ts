import type { Catalogue } from '../../core/money/catalogue.ts';
import { type DecimalProblem, tryParseDecimal } from '../../core/money/decimal.ts';
import { type Instrument, MAX_PRICE_TICKS } from '../../core/money/instrument.ts';
import { isClientOrderId } from '../../core/protocol/client-order-id.ts';
import type { NewOrderFields } from '../../core/protocol/command-encoder.ts';
import { OrderFlag, OrderType, SelfTradePrevention, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import { decimalText, isAbsent, type JsonValue, type PayloadFields } from '../auth/payload.ts';
import type { ProtectionPrices } from '../orders/protection-prices.ts';
import { ApiError, echo, type Reason } from './errors.ts';
import { formatPrice, formatQuantity } from './formatting.ts';

/** An order as its fields say, exact, with the fees that are in force now. */
export interface ParsedOrder {
  readonly instrument: Instrument;
  readonly fields: Omit<NewOrderFields, 'keyId'>;
}

interface OptionEffect {
  readonly timeInForce: TimeInForce;
  readonly flags: number;
}

const NO_OPTION: OptionEffect = { timeInForce: TimeInForce.GTC, flags: 0 };
const OPTIONS: ReadonlyMap<string, OptionEffect> = new Map([
  ['maker-or-cancel', { timeInForce: TimeInForce.GTC, flags: OrderFlag.POST_ONLY }],
  ['immediate-or-cancel', { timeInForce: TimeInForce.IOC, flags: 0 }],
  ['fill-or-kill', { timeInForce: TimeInForce.FOK, flags: 0 }],
]);
const LIMIT_TYPE = 'exchange limit';
const MARKET_TYPE = 'exchange market';
const MAX_CLIENT_ORDER_ID_CHARACTERS = 99;

/**
 * Reads the fields of `/v1/order/new`. Decimal text becomes ticks and lots here, once, exactly; a number counts as the
 * text it was sent as.
 * @throws ApiError naming field, rule and value
 */
export function parseOrder(payload: PayloadFields, catalogue: Catalogue, protection: ProtectionPrices): ParsedOrder {
  const instrument = parseSymbol(payload, catalogue);
  const orderType = parseType(payload);
  const isMarket = orderType === OrderType.MARKET;
  const side = parseSide(payload);
  const quantityLots = parseQuantity(payload, instrument);
  const option = parseOptions(payload.get('options'));
  const priceTicks = isMarket
    ? protectionPrice(payload, instrument, side, protection)
    : parsePrice(payload, instrument);
  const { timeInForce, flags } = isMarket ? marketEffect(option) : option;
  refuseUnsupported(payload);
  return {
    instrument,
    fields: {
      instrumentId: instrument.instrumentId,
      side,
      orderType,
      timeInForce,
      selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST,
      flags,
      priceTicks,
      stopPriceTicks: 0,
      quantityLots,
      budgetUnits: 0n,
      expiresAtMs: 0,
      makerRatePpm: instrument.makerRatePpm,
      takerRatePpm: instrument.takerRatePpm,
      clientOrderId: parseClientOrderId(payload.get('client_order_id')),
    },
  };
}

/** @returns '' for none. @throws ApiError */
export function parseClientOrderId(value: JsonValue | undefined): string {
  if (isAbsent(value)) return '';
  if (typeof value !== 'string')
    throw new ApiError('ClientOrderIdMustBeString', 'client_order_id must be a quoted text');
  if (value.length > MAX_CLIENT_ORDER_ID_CHARACTERS)
    throw new ApiError('ClientOrderIdTooLong', 'client_order_id must have fewer than 100 characters');
  if (!isClientOrderId(value))
    throw new ApiError('ClientOrderIdMustBeString', 'client_order_id may have printable ASCII characters only');
  return value;
}

function parseSymbol(payload: PayloadFields, catalogue: Catalogue): Instrument {
  const symbol = requiredText(payload, 'symbol', 'MissingSymbol', 'InvalidSymbol');
  const instrument = catalogue.instrumentBySymbol(symbol.toLowerCase());
  if (instrument === undefined)
    throw new ApiError('InvalidSymbol', `Invalid symbol: ${echo(symbol)}; /v1/symbols lists all`);
  return instrument;
}

function parseType(payload: PayloadFields): OrderType {
  const type = requiredText(payload, 'type', 'MissingOrderType', 'InvalidOrderType');
  if (type === LIMIT_TYPE) return OrderType.LIMIT;
  if (type === MARKET_TYPE) return OrderType.MARKET;
  throw new ApiError(
    'InvalidOrderType',
    `Invalid order type: ${echo(type)}; accepted are "${LIMIT_TYPE}" and "${MARKET_TYPE}"`,
  );
}

/** A market order never rests: without an option it takes what it can at once. */
function marketEffect(option: OptionEffect): OptionEffect {
  if (option.flags !== 0)
    throw new ApiError('UnsupportedOption', `maker-or-cancel has no meaning for an order of type "${MARKET_TYPE}"`);
  return option.timeInForce === TimeInForce.FOK ? option : { timeInForce: TimeInForce.IOC, flags: 0 };
}

function protectionPrice(
  payload: PayloadFields,
  instrument: Instrument,
  side: Side,
  protection: ProtectionPrices,
): number {
  if (!isAbsent(payload.get('price')))
    throw new ApiError('InvalidPrice', `price has no meaning for an order of type "${MARKET_TYPE}": leave it out`);
  const priceTicks = protection.priceTicks(instrument.instrumentId, side);
  if (priceTicks !== undefined) return priceTicks;
  throw new ApiError(
    'InvalidPrice',
    `Symbol ${instrument.symbol.toUpperCase()} has neither orders on the other side nor a last price: a market order has nothing to go by`,
  );
}

function parseSide(payload: PayloadFields): Side {
  const side = requiredText(payload, 'side', 'MissingSide', 'InvalidSide').toLowerCase();
  if (side === 'buy') return Side.BUY;
  if (side === 'sell') return Side.SELL;
  throw new ApiError('InvalidSide', `Invalid side: ${echo(side)}; must be buy or sell`);
}

function parseQuantity(payload: PayloadFields, instrument: Instrument): number {
  const text = requiredDecimal(payload, 'amount', 'MissingQuantity');
  const refuse = (rule: string): never => {
    throw new ApiError(
      'InvalidQuantity',
      `Invalid quantity for symbol ${instrument.symbol.toUpperCase()}: ${echo(text)} (${rule})`,
    );
  };
  const units = tryParseDecimal(text, instrument.base.decimals);
  const lot = formatQuantity(instrument, 1);
  if (typeof units === 'string') return refuse(decimalRule(units, lot));
  if (units % instrument.lotUnits !== 0n) refuse(`must be a multiple of ${lot}`);
  const lots = units / instrument.lotUnits;
  if (lots < BigInt(instrument.minQuantityLots))
    refuse(`must be at least ${formatQuantity(instrument, instrument.minQuantityLots)}`);
  if (lots > BigInt(instrument.maxQuantityLots))
    refuse(`must be at most ${formatQuantity(instrument, instrument.maxQuantityLots)}`);
  return Number(lots);
}

function parsePrice(payload: PayloadFields, instrument: Instrument): number {
  const text = requiredDecimal(payload, 'price', 'MissingPrice');
  const refuse = (rule: string): never => {
    throw new ApiError(
      'InvalidPrice',
      `Invalid price for symbol ${instrument.symbol.toUpperCase()}: ${echo(text)} (${rule})`,
    );
  };
  const { tickMantissa, tickScale } = instrument;
  const mantissa = tryParseDecimal(text, tickScale);
  const tick = formatPrice(instrument, 1);
  if (typeof mantissa === 'string') return refuse(decimalRule(mantissa, tick));
  if (mantissa % tickMantissa !== 0n) refuse(`must be a multiple of ${tick}`);
  const ticks = mantissa / tickMantissa;
  if (ticks < 1n) refuse(`must be at least ${tick}`);
  if (ticks > BigInt(MAX_PRICE_TICKS)) refuse(`must be at most ${formatPrice(instrument, MAX_PRICE_TICKS)}`);
  return Number(ticks);
}

function parseOptions(value: JsonValue | undefined): OptionEffect {
  if (value === undefined || value === null) return NO_OPTION;
  if (!Array.isArray(value)) throw new ApiError('OptionsMustBeArray', 'options must be an array of texts');
  if (value.length > 1) throw new ApiError('ConflictingOptions', 'options may name one option only');
  if (value.length === 0) return NO_OPTION;
  const name: unknown = value[0];
  if (typeof name !== 'string') throw new ApiError('UnsupportedOption', 'an option must be a text');
  const effect = OPTIONS.get(name);
  if (effect !== undefined) return effect;
  if (name === 'auction-only') throw new ApiError('AuctionNotOpen', 'This exchange holds no auctions');
  throw new ApiError(
    'UnsupportedOption',
    `Unsupported option: ${echo(name)}; supported are ${[...OPTIONS.keys()].join(', ')}`,
  );
}

/** Fields that would change what the order does and that we do not do: refused, since ignoring them trades otherwise. */
function refuseUnsupported(payload: PayloadFields): void {
  if (!isAbsent(payload.get('stop_price')))
    throw new ApiError('InvalidStopPrice', `stop_price has no meaning for an order of type "${LIMIT_TYPE}"`);
  if (!isAbsent(payload.get('min_amount'))) throw new ApiError('UnsupportedOption', 'min_amount is not supported');
  const margin = payload.get('margin_order');
  if (!isAbsent(margin) && margin !== false) throw new ApiError('UnsupportedOption', 'margin_order is not supported');
}

function requiredText(payload: PayloadFields, name: string, missing: Reason, invalid: Reason): string {
  const value = payload.get(name);
  if (isAbsent(value)) throw new ApiError(missing, `Must provide the field ${name}`);
  if (typeof value !== 'string') throw new ApiError(invalid, `The field ${name} must be a text`);
  return value;
}

/** @returns the text to parse; of a value that is neither text nor number one that no decimal equals */
function requiredDecimal(payload: PayloadFields, name: string, missing: Reason): string {
  const value = payload.get(name);
  if (isAbsent(value)) throw new ApiError(missing, `Must provide the field ${name}`);
  return decimalText(value) ?? '(not a decimal)';
}

function decimalRule(problem: DecimalProblem, step: string): string {
  if (problem === 'TOO_MANY_DECIMALS') return `must be a multiple of ${step}`;
  if (problem === 'TOO_MANY_DIGITS') return 'has too many digits';
  return 'must be digits with an optional point, without sign or exponent';
}
