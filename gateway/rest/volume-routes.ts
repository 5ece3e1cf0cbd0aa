import { Money } from 'bigint-money';
import { fail } from '../../core/assert.ts';
import type { Asset } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { DailyVolume } from '../../core/ports/history.ts';
import type { CurrentHistory } from '../accounts/current-history.ts';
import type { Valuation } from '../accounts/valuation.ts';
import { jsonReply } from '../http/reply.ts';
import { optionalInstrument } from './query-fields.ts';
import type { PrivateEndpoint } from './router.ts';

export interface VolumeRouteParts {
  readonly history: CurrentHistory;
  readonly catalogue: Catalogue;
  readonly valuation: Valuation;
  readonly clock: Clock;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
const DAYS = 30;
const PPM_PER_BASIS_POINT = 100;

/** What an account has traded of late, and the fees that it pays. */
export function volumeRoutes({ history, catalogue, valuation, clock }: VolumeRouteParts): PrivateEndpoint[] {
  return [
    {
      method: 'POST',
      pattern: '/v1/notionalvolume',
      roles: ['trader', 'auditor'],
      async answer({ apiKey, fields }) {
        const named = optionalInstrument(fields.get('symbol'), catalogue);
        const nowMs = clock.nowMs();
        const todayMs = nowMs - (nowMs % DAY_MS);
        const store = await history.of(apiKey.accountId);
        const volumes = await store.dailyVolumes(apiKey.accountId, todayMs - (DAYS - 1) * DAY_MS);
        const days = notionalByDay(volumes, catalogue, valuation);
        const asNumbers = days.map(({ date, worth }) => ({ date, notional_volume: Number(worth) }));
        return jsonReply({
          ...feeFields(named === undefined ? catalogue.instruments() : [named]),
          notional_30d_volume: Number(sumOf(days.map(({ worth }) => worth))),
          last_updated_ms: nowMs,
          date: dateOf(todayMs),
          notional_1d_volume: asNumbers, // such is the API: numbers, made of exact sums
        });
      },
    },
  ];
}

/**
 * One rate for all ways in, since there is one here. Fees differ by instrument: where none is named, nobody pays more
 * than these. Basis points as numbers, in parts of one where a rate has them.
 */
function feeFields(instruments: readonly { readonly makerRatePpm: number; readonly takerRatePpm: number }[]) {
  const highest = (rates: number[]): number => Math.max(0, ...rates) / PPM_PER_BASIS_POINT;
  const maker = highest(instruments.map(({ makerRatePpm }) => makerRatePpm));
  const taker = highest(instruments.map(({ takerRatePpm }) => takerRatePpm));
  return {
    ...{ web_maker_fee_bps: maker, web_taker_fee_bps: taker, web_auction_fee_bps: taker },
    ...{ api_maker_fee_bps: maker, api_taker_fee_bps: taker, api_auction_fee_bps: taker },
    ...{ fix_maker_fee_bps: maker, fix_taker_fee_bps: taker, fix_auction_fee_bps: taker },
    ...{ block_maker_fee_bps: maker, block_taker_fee_bps: taker },
  };
}

/** @returns days on which something was traded, newest first, in dollars (else the first quote) at today's prices */
function notionalByDay(volumes: readonly DailyVolume[], catalogue: Catalogue, valuation: Valuation) {
  const unitsByDay = new Map<number, Map<Asset, bigint>>();
  for (const { instrumentId, dayStartMs, buyMaker, buyTaker, sellMaker, sellTaker } of volumes) {
    const { quote } = catalogue.instrument(instrumentId) ?? fail(`no instrument ${instrumentId}`);
    const units = unitsByDay.get(dayStartMs) ?? new Map<Asset, bigint>();
    const added = [buyMaker, buyTaker, sellMaker, sellTaker].reduce((sum, part) => sum + part.notionalUnits, 0n);
    unitsByDay.set(dayStartMs, units.set(quote, (units.get(quote) ?? 0n) + added));
  }
  const currency = catalogue.assetByCode('USD') ?? catalogue.instruments()[0]?.quote;
  if (currency === undefined) return [];
  const newestFirst = [...unitsByDay].sort(([one], [other]) => other - one);
  return newestFirst.map(([dayStartMs, unitsByQuote]) => {
    const worths = [...unitsByQuote].map(([quote, units]) => valuation.worth(quote, currency)(units));
    return { date: dateOf(dayStartMs), worth: sumOf(worths) };
  });
}

/** @returns the exact sum of decimal texts in one currency */
function sumOf(amounts: readonly string[]): string {
  return amounts.reduce((sum, amount) => sum.add(amount), new Money('0', 'sum')).toFixed(8);
}

/** @returns the day in UTC: 2026-01-31 */
function dateOf(timestampMs: number): string {
  return new Date(timestampMs).toISOString().slice(0, 10);
}
