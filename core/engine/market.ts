import type { BookMemory, OrderBook } from '../book/order-book.ts';
import { StopBook } from '../book/stop-book.ts';
import * as instrument from '../money/instrument.ts';
import * as kinds from '../protocol/kinds.ts';
import type { SectionReader, SectionWriter } from '../protocol/state-sections.ts';
import { type MarketState, readMarketState, writeMarketState } from './market-state.ts';
import type { StateHash } from './state-hash.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { MAX_PRICE_TICKS, PPM } = instrument;
const { InstrumentState, Side } = kinds;
type InstrumentState = kinds.InstrumentState;
type Side = kinds.Side;

/** One instrument as the matcher sees it: its book, what it takes, and where it traded last. */
export class Market implements MarketState {
  readonly instrumentId: number;
  readonly book: OrderBook;
  /** Quote units of one lot at one tick; 0 for a definition that does not trade exactly, which no gateway sends. */
  readonly quoteUnitsPerTickLot: bigint;
  minQuantityLots: number;
  maxQuantityLots: number;
  state: InstrumentState = InstrumentState.TRADING;
  lastTradeTicks = 0; // 0 before the first trade
  priceBandPpm = 0; // 0 for none
  referencePriceTicks = 0; // what the band lies around; 0 for the last trade
  makerRatePpm = 0; // of new orders, as is the next: every order carries its own, the core reads neither
  takerRatePpm = 0;
  stops: StopBook | null = null; // null until the first stop
  highestTradeTicks = 0; // of the trades whose stops are not triggered yet; 0 without any
  lowestTradeTicks = 0; // of the same trades; without any it means nothing
  #lowestTicks = 1; // the band while one command is applied
  #highestTicks = MAX_PRICE_TICKS;

  constructor(
    instrumentId: number,
    book: OrderBook,
    quoteUnitsPerTickLot: bigint,
    minQuantityLots: number,
    maxQuantityLots: number,
  ) {
    this.instrumentId = instrumentId;
    this.book = book;
    this.quoteUnitsPerTickLot = quoteUnitsPerTickLot;
    this.minQuantityLots = minQuantityLots;
    this.maxQuantityLots = maxQuantityLots;
  }

  traded(priceTicks: number): void {
    this.lastTradeTicks = priceTicks;
    if (priceTicks < this.lowestTradeTicks || this.highestTradeTicks === 0) this.lowestTradeTicks = priceTicks;
    if (priceTicks > this.highestTradeTicks) this.highestTradeTicks = priceTicks;
  }

  /** All stops that the trades so far have reached are triggered. */
  forgetTrades(): void {
    this.highestTradeTicks = 0;
  }

  /** Most instruments never see a stop: the book for them is made when the first one comes. */
  stopBook(memory: BookMemory): StopBook {
    this.stops ??= new StopBook(memory);
    return this.stops;
  }

  /**
   * Lays the price band around the price before the command: all its trades, however many stops they trigger, stay
   * within it. Without a reference and without a trade there is no band.
   */
  fixPriceBand(): void {
    if (this.priceBandPpm === 0) return;
    const centre = this.referencePriceTicks !== 0 ? this.referencePriceTicks : this.lastTradeTicks;
    const deviation = centre === 0 ? MAX_PRICE_TICKS : Math.floor((centre * this.priceBandPpm) / PPM);
    this.#lowestTicks = Math.max(1, centre - deviation);
    this.#highestTicks = Math.min(MAX_PRICE_TICKS, centre + deviation);
  }

  /** Taking the band away is taken at once; another one is laid by the next command. */
  setPriceBand(priceBandPpm: number, referencePriceTicks: number): void {
    this.priceBandPpm = priceBandPpm;
    this.referencePriceTicks = referencePriceTicks;
    this.#lowestTicks = 1;
    this.#highestTicks = MAX_PRICE_TICKS;
  }

  /** @returns the worst price that a taker with that limit may trade at; one that reaches nobody if the best is outside */
  withinBand(takerSide: Side, limitTicks: number): number {
    const { bestBidTicks, bestAskTicks } = this.book;
    if (takerSide === Side.BUY)
      return bestAskTicks !== 0 && bestAskTicks < this.#lowestTicks ? 0 : Math.min(limitTicks, this.#highestTicks);
    return bestBidTicks > this.#highestTicks ? MAX_PRICE_TICKS + 1 : Math.max(limitTicks, this.#lowestTicks);
  }

  addTo(hash: StateHash): void {
    hash.addWord(this.state);
    hash.addWord(this.lastTradeTicks);
    hash.addWord(this.priceBandPpm);
    hash.addWord(this.referencePriceTicks);
    hash.addNumber(this.minQuantityLots);
    hash.addNumber(this.maxQuantityLots);
  }

  /** Of state section MARKETS. */
  exportTo(section: SectionWriter): void {
    writeMarketState(section, this);
  }

  /** @throws StateFormatError */
  importFrom(section: SectionReader): void {
    Object.assign(this, readMarketState(section));
  }
}
