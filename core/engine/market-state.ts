import { MAX_PRICE_TICKS, MAX_QUANTITY_LOTS, PPM } from '../money/instrument.ts';
import { InstrumentState } from '../protocol/kinds.ts';
import type { SectionReader, SectionWriter } from '../protocol/state-sections.ts';

/** The core takes any rate that a record can hold: what it means was checked before it was journalled. */
const MAX_RATE_PPM = 2 ** 32 - 1;

/** What of an instrument changes while it trades, as state section MARKETS keeps it: in this order, one after the other. */
export interface MarketState {
  state: InstrumentState;
  lastTradeTicks: number; // 0 before the first trade
  priceBandPpm: number; // 0 for none
  referencePriceTicks: number; // what the band lies around; 0 for the last trade
  minQuantityLots: number;
  maxQuantityLots: number;
  makerRatePpm: number; // of new orders, as is the next: the gateway's, kept for it
  takerRatePpm: number;
}

export function writeMarketState(section: SectionWriter, market: MarketState): void {
  section.number(market.state).number(market.lastTradeTicks);
  section.number(market.priceBandPpm).number(market.referencePriceTicks);
  section.number(market.minQuantityLots).number(market.maxQuantityLots);
  section.number(market.makerRatePpm).number(market.takerRatePpm);
}

/** @throws StateFormatError */
export function readMarketState(section: SectionReader): MarketState {
  const state = section.integer('state', InstrumentState.TRADING, InstrumentState.POST_ONLY) as InstrumentState;
  const lastTradeTicks = section.integer('lastTradeTicks', 0, MAX_PRICE_TICKS);
  const priceBandPpm = section.integer('priceBandPpm', 0, PPM);
  const referencePriceTicks = section.integer('referencePriceTicks', 0, MAX_PRICE_TICKS);
  const minQuantityLots = section.integer('minQuantityLots', 1, MAX_QUANTITY_LOTS);
  const maxQuantityLots = section.integer('maxQuantityLots', minQuantityLots, MAX_QUANTITY_LOTS);
  const makerRatePpm = section.integer('makerRatePpm', 0, MAX_RATE_PPM);
  const takerRatePpm = section.integer('takerRatePpm', 0, MAX_RATE_PPM);
  return {
    state,
    lastTradeTicks,
    priceBandPpm,
    referencePriceTicks,
    minQuantityLots,
    maxQuantityLots,
    makerRatePpm,
    takerRatePpm,
  };
}
