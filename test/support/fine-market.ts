import { writeFileSync } from 'node:fs';
import { ONE_MARKET_FILE } from './one-market-file.ts';

/** Decimals of both assets of the fine market. */
const DECIMALS = 8;
const LOT_UNITS = 100n;
const PPM = 1_000_000n;

/** Of `btceur`, in ppm. */
export interface FeeRates {
  readonly makerPpm: bigint;
  readonly takerPpm: bigint;
}

/** Writes an instruments file with one market where one tick × one lot is one unit: hardly any fee is a whole number. */
export function writeFineMarket(path: string, { makerPpm, takerPpm }: FeeRates): void {
  const [market] = ONE_MARKET_FILE.instruments;
  const rates = { makerRatePpm: Number(makerPpm), takerRatePpm: Number(takerPpm) };
  const instruments = [{ ...market, minimum: market!.lotSize, ...rates }];
  writeFileSync(path, JSON.stringify({ ...ONE_MARKET_FILE, instruments }));
}

/** @returns a limit order's fields as REST takes them */
export function fineOrder(side: 'buy' | 'sell', lots: number, priceTicks: bigint): Readonly<Record<string, string>> {
  const price = `${priceTicks / 100n}.${`${priceTicks % 100n}`.padStart(2, '0')}`;
  return { symbol: 'btceur', amount: textOf(BigInt(lots) * LOT_UNITS), price, side, type: 'exchange limit' };
}

/** @param text an amount of either asset */
export function unitsOf(text: string): bigint {
  const [whole, fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(DECIMALS, '0'));
}

/** @param text a quantity. @returns lots */
export function lotsOf(text: string): bigint {
  return unitsOf(text) / LOT_UNITS;
}

/** @param text a price. @returns ticks */
export function ticksOf(text: string): bigint {
  return unitsOf(text) / PPM;
}

/** The fee of one fill, rounded down. */
export function feeUnits(notionalUnits: bigint, ratePpm: bigint): bigint {
  return (notionalUnits * ratePpm) / PPM;
}

/** What an order to buy must hold: its remaining notional and the fee on it at its higher rate, rounded up. */
export function buyNeedUnits(notionalUnits: bigint, { makerPpm, takerPpm }: FeeRates): bigint {
  const ratePpm = makerPpm > takerPpm ? makerPpm : takerPpm;
  return notionalUnits + (notionalUnits * ratePpm + PPM - 1n) / PPM;
}

function textOf(units: bigint): string {
  const digits = `${units}`.padStart(DECIMALS + 1, '0');
  return `${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`;
}
