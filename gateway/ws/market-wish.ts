import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import { sizeOfTimeFrame, TIME_FRAMES } from '../market-data/time-frames.ts';
import { echo } from '../rest/errors.ts';
import type { CandleSubscription } from './candle-hub.ts';

/** What a client of `/v2/marketdata` asks for. */
export interface MarketWish {
  readonly isSubscribe: boolean;
  readonly books: readonly Instrument[];
  readonly candles: readonly CandleSubscription[];
}

export type Problem = { readonly reason: string; readonly message: string };

const SUBSCRIPTION_FORM = '{"type":"subscribe","subscriptions":[{"name":"l2","symbols":["BTCUSD"]}]}';
const CANDLES = 'candles_';
const INVALID: Problem = { reason: 'InvalidJson', message: `The message must look like ${SUBSCRIPTION_FORM}` };

/** Reads a client's message. Unknown symbols are left out where there are known ones beside them. */
export function readWish(text: string, catalogue: Catalogue): MarketWish | Problem {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { reason: 'InvalidJson', message: 'The message is not JSON' };
  }
  const { type, subscriptions } = asRecord(message);
  if ((type !== 'subscribe' && type !== 'unsubscribe') || !Array.isArray(subscriptions)) return INVALID;
  const books = new Set<Instrument>();
  const candles = new Map<string, CandleSubscription>();
  for (const subscription of subscriptions as readonly unknown[]) {
    const { name, symbols } = asRecord(subscription);
    if (typeof name !== 'string' || !Array.isArray(symbols)) return INVALID;
    const size = name.startsWith(CANDLES) ? sizeOfTimeFrame(name.slice(CANDLES.length)) : undefined;
    if (name !== 'l2' && size === undefined)
      return {
        reason: 'UnsupportedOption',
        message: `There is no subscription ${echo(name)}; there are l2 and candles_ with one of ${TIME_FRAMES.join(' ')}`,
      };
    for (const symbol of symbols as readonly unknown[]) {
      const instrument = typeof symbol === 'string' ? catalogue.instrumentBySymbol(symbol.toLowerCase()) : undefined;
      if (instrument === undefined) continue;
      if (size === undefined) books.add(instrument);
      else candles.set(`${instrument.instrumentId} ${name}`, { instrument, size, name });
    }
  }
  if (books.size + candles.size === 0)
    return { reason: 'NoValidTradingPairs', message: 'None of the symbols is known; /v1/symbols lists all' };
  return { isSubscribe: type === 'subscribe', books: [...books], candles: [...candles.values()] };
}

/** @returns the value when it is an object, else one without any field */
function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
