import { PPM } from './instrument.ts';

const PPM_UNITS = BigInt(PPM);

/**
 * Fee of one fill in quote units, rounded down, so that the fees of many fills never exceed what was held.
 * @param notionalUnits 0 … 2^63 - 1
 * @param ratePpm millionths, 0 … 1_000_000
 * @returns 0 … notionalUnits. Throws nothing. Source: ARCHITECTURE.md, "What an order needs".
 */
export function fillFeeUnits(notionalUnits: bigint, ratePpm: number): bigint {
  return (notionalUnits * BigInt(ratePpm)) / PPM_UNITS;
}

/** The most that fees on a notional may come to at a rate, rounded up: what a hold sets aside. */
export function feeReserveUnits(notionalUnits: bigint, ratePpm: number): bigint {
  return (notionalUnits * BigInt(ratePpm) + PPM_UNITS - 1n) / PPM_UNITS;
}
