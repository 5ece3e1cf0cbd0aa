import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import { isClientOrderId } from '../../core/protocol/client-order-id.ts';
import type { NewOrderFields } from '../../core/protocol/command-encoder.ts';
import { OrderType, Side } from '../../core/protocol/kinds.ts';
import { isAbsent, type JsonValue, type PayloadFields } from '../auth/payload.ts';
import { isProtected, isStop } from '../orders/order.ts';
import type { ProtectionPrices } from '../orders/protection-prices.ts';
import { parsePrice, parseQuantity, parseStopPrice, parseTotalSpend } from './amounts.ts';
import { ApiError, echo, type Reason } from './errors.ts';
import { formatPrice } from './formatting.ts';
import { parseTerms } from './order-terms.ts';

/** An order as its fields say, exact, with the fees that are in force now. */
export interface ParsedOrder {
  readonly instrument: Instrument;
  readonly fields: Omit<NewOrderFields, 'keyId'>;
}

/** What clients call the types of orders. */
const TYPE_NAMES: Readonly<Record<OrderType, string>> = {
  [OrderType.LIMIT]: 'exchange limit',
  [OrderType.MARKET]: 'exchange market',
  [OrderType.STOP_LIMIT]: 'exchange stop limit',
  [OrderType.STOP_MARKET]: 'exchange stop market',
};
const MAX_CLIENT_ORDER_ID_CHARACTERS = 99;

/**
 * Reads the fields of `/v1/order/new`. Decimal text becomes ticks and lots here, once, exactly; a number counts as the
 * text it was sent as.
 * @throws ApiError naming field, rule and value
 */
export function parseOrder(payload: PayloadFields, catalogue: Catalogue, protection: ProtectionPrices): ParsedOrder {
  const instrument = parseSymbol(payload, catalogue);
  const orderType = parseType(payload);
  const side = parseSide(payload);
  const isByBudget = parseIsByBudget(payload, orderType, side);
  const budgetUnits = isByBudget ? parseTotalSpend(payload, instrument) : 0n;
  const quantityLots = isByBudget ? 0 : parseQuantity(payload, instrument);
  const terms = parseTerms(payload, orderType, TYPE_NAMES[orderType], isByBudget);
  const prices = parsePrices(payload, instrument, orderType, side, protection);
  refuseUnsupported(payload);
  return {
    instrument,
    fields: {
      instrumentId: instrument.instrumentId,
      side,
      orderType,
      ...terms,
      ...prices,
      quantityLots,
      budgetUnits,
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
  const found = Object.values(OrderType).find((each) => TYPE_NAMES[each] === type);
  if (found !== undefined) return found;
  const names = Object.values(TYPE_NAMES).map((name) => `"${name}"`);
  throw new ApiError('InvalidOrderType', `Invalid order type: ${echo(type)}; accepted are ${names.join(', ')}`);
}

function parseSide(payload: PayloadFields): Side {
  const side = requiredText(payload, 'side', 'MissingSide', 'InvalidSide').toLowerCase();
  if (side === 'buy') return Side.BUY;
  if (side === 'sell') return Side.SELL;
  throw new ApiError('InvalidSide', `Invalid side: ${echo(side)}; must be buy or sell`);
}

/** Only what a market buy may spend can be bounded in quote instead of base. */
function parseIsByBudget(payload: PayloadFields, orderType: OrderType, side: Side): boolean {
  if (isAbsent(payload.get('total_spend'))) return false;
  if (orderType !== OrderType.MARKET || side !== Side.BUY)
    throw new ApiError(
      'InvalidQuantity',
      `total_spend has a meaning for buys of type "${TYPE_NAMES[OrderType.MARKET]}" only`,
    );
  if (!isAbsent(payload.get('amount')))
    throw new ApiError('InvalidQuantity', 'Give either amount or total_spend, not both');
  return true;
}

function parsePrices(
  payload: PayloadFields,
  instrument: Instrument,
  orderType: OrderType,
  side: Side,
  protection: ProtectionPrices,
): Pick<NewOrderFields, 'priceTicks' | 'stopPriceTicks'> {
  if (isProtected(orderType) && !isAbsent(payload.get('price')))
    throw new ApiError(
      'InvalidPrice',
      `price has no meaning for an order of type "${TYPE_NAMES[orderType]}": leave it out`,
    );
  if (!isStop(orderType) && !isAbsent(payload.get('stop_price')))
    throw new ApiError('InvalidStopPrice', `stop_price has no meaning for an order of type "${TYPE_NAMES[orderType]}"`);
  switch (orderType) {
    case OrderType.LIMIT:
      return { priceTicks: parsePrice(payload, instrument), stopPriceTicks: 0 };
    case OrderType.MARKET: {
      const priceTicks = protection.priceTicks(instrument.instrumentId, side);
      if (priceTicks !== undefined) return { priceTicks, stopPriceTicks: 0 };
      throw new ApiError(
        'InvalidPrice',
        `Symbol ${instrument.symbol.toUpperCase()} has neither orders on the other side nor a last price: a market order has nothing to go by`,
      );
    }
    case OrderType.STOP_LIMIT: {
      const priceTicks = parsePrice(payload, instrument);
      const stopPriceTicks = parseStopPrice(payload, instrument);
      requireStopRules(instrument, side, priceTicks, stopPriceTicks);
      return { priceTicks, stopPriceTicks };
    }
    case OrderType.STOP_MARKET: {
      const stopPriceTicks = parseStopPrice(payload, instrument);
      return { priceTicks: protection.around(stopPriceTicks, side), stopPriceTicks };
    }
  }
}

/**
 * A stop limit's limit lies on the far side of its stop price, or on it, and within half of the stop price.
 * @throws ApiError
 */
export function requireStopRules(instrument: Instrument, side: Side, limitTicks: number, stopTicks: number): void {
  const prices = `stop price ${formatPrice(instrument, stopTicks)}, limit price ${formatPrice(instrument, limitTicks)}`;
  const symbol = instrument.symbol.toUpperCase();
  if (side === Side.BUY && stopTicks > limitTicks)
    throw new ApiError(
      'InvalidStopPriceBuy',
      `The stop price of a buy on ${symbol} must not be above its limit price (${prices})`,
    );
  if (side === Side.SELL && stopTicks < limitTicks)
    throw new ApiError(
      'InvalidStopPriceSell',
      `The stop price of a sell on ${symbol} must not be below its limit price (${prices})`,
    );
  if (2 * Math.abs(limitTicks - stopTicks) > stopTicks)
    throw new ApiError(
      'InvalidStopPriceRatio',
      `The limit price on ${symbol} must be within 50 % of the stop price (${prices})`,
    );
}

/** Fields that would change what the order does and that we do not do: refused, since ignoring them trades otherwise. */
function refuseUnsupported(payload: PayloadFields): void {
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
