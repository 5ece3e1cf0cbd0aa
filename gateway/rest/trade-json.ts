import { formatDecimal } from '../../core/money/decimal.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { AccountTrade } from '../../core/ports/history.ts';
import { Side } from '../../core/protocol/kinds.ts';
import type { PublicTrade } from '../market-data/trade-tape.ts';
import { formatPrice, formatQuantity } from './formatting.ts';

/** A trade as everybody may see it. */
export interface PublicTradeJson {
  readonly timestamp: number; // seconds
  readonly timestampms: number;
  readonly tid: number;
  readonly price: string;
  readonly amount: string;
  readonly exchange: 'gemini';
  readonly type: 'buy' | 'sell'; // the taker's side
}

export function publicTradeJson(trade: PublicTrade, instrument: Instrument): PublicTradeJson {
  return {
    timestamp: Math.floor(trade.timestampMs / 1_000),
    timestampms: trade.timestampMs,
    tid: trade.tradeId,
    price: formatPrice(instrument, trade.priceTicks),
    amount: formatQuantity(instrument, trade.quantityLots),
    exchange: 'gemini',
    type: trade.takerSide === Side.BUY ? 'buy' : 'sell',
  };
}

/** A trade as one of its two accounts sees it. */
export interface AccountTradeJson {
  readonly price: string;
  readonly amount: string;
  readonly timestamp: number; // seconds
  readonly timestampms: number;
  readonly type: 'Buy' | 'Sell'; // the account's own side
  readonly aggressor: boolean;
  readonly fee_currency: string;
  readonly fee_amount: string;
  readonly tid: number;
  readonly order_id: string;
  readonly client_order_id?: string;
  readonly exchange: 'gemini';
  readonly is_auction_fill: false;
  readonly is_clearing_fill: false;
  readonly symbol: string; // upper case
}

export function accountTradeJson(trade: AccountTrade, instrument: Instrument): AccountTradeJson {
  const { quote } = instrument; // every fee is taken in quote
  return {
    price: formatPrice(instrument, trade.priceTicks),
    amount: formatQuantity(instrument, trade.quantityLots),
    timestamp: Math.floor(trade.timestampMs / 1_000),
    timestampms: trade.timestampMs,
    type: trade.side === Side.BUY ? 'Buy' : 'Sell',
    aggressor: trade.isAggressor,
    fee_currency: quote.code,
    fee_amount: formatDecimal(trade.feeUnits, quote.decimals),
    tid: trade.tradeId,
    order_id: `${trade.orderId}`,
    ...(trade.clientOrderId === '' ? {} : { client_order_id: trade.clientOrderId }),
    exchange: 'gemini',
    is_auction_fill: false,
    is_clearing_fill: false,
    symbol: instrument.symbol.toUpperCase(),
  };
}
