import { fail } from '../assert.ts';
import type { OrderBook } from '../book/order-book.ts';
import * as asset from '../money/asset.ts';
import * as instrument from '../money/instrument.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as eventRecord from '../protocol/event-record.ts';
import * as kinds from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import * as recordWindow from '../protocol/record-window.ts';
import type { SectionReader, SectionWriter } from '../protocol/state-sections.ts';
import * as definitionWords from './definition-words.ts';
import { readDefinitions } from './definition-words.ts';
import type { EventWriter } from './event-writer.ts';
import { Market } from './market.ts';
import type { CommandContext, OrderEvents } from './order-events.ts';
import type { StateHash } from './state-hash.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { MAX_ASSET_ID } = asset;
const { MAX_QUANTITY_LOTS, PPM } = instrument;
const { COMMAND, DEFINE_ASSET, DEFINE_INSTRUMENT, SET_INSTRUMENT_STATE, UPDATE_INSTRUMENT } = commandRecord;
const { DEFINITION_REJECTED, EVENT, INSTRUMENT_STATE_CHANGED } = eventRecord;
const { EventKind, InstrumentState, RejectReason } = kinds;
type EventKind = kinds.EventKind;
type InstrumentState = kinds.InstrumentState;
type RejectReason = kinds.RejectReason;
const { SLOT_BYTES } = recordWindow;
const { FIRST_DEFINED_BYTE } = definitionWords;

/**
 * Assets and instruments that the journal has defined. Whether a definition trades exactly was checked before it was
 * journalled (core/money/instrument.ts); here ids and names are kept unique, so that nothing is ever redefined.
 */
export class Definitions {
  readonly #writer: EventWriter;
  readonly #events: OrderEvents;
  readonly #context: CommandContext;
  readonly #maxInstruments: number;
  readonly #assetIdByCode = new Map<string, number>(); // in order of definition
  readonly #assetIds = new Set<number>();
  readonly #decimalsByAssetId = new Map<number, number>();
  readonly #symbols = new Set<string>();
  readonly #markets: (Market | undefined)[];
  readonly #definedMarkets: Market[] = []; // in order of definition
  readonly #definitionWords: number[] = []; // every accepted definition as Int32 words, for the state hash

  constructor(maxInstruments: number, writer: EventWriter, events: OrderEvents, context: CommandContext) {
    this.#maxInstruments = maxInstruments;
    this.#writer = writer;
    this.#events = events;
    this.#context = context;
    this.#markets = new Array<Market | undefined>(maxInstruments + 1).fill(undefined);
  }

  market(instrumentId: number): Market | undefined {
    return instrumentId <= this.#maxInstruments ? this.#markets[instrumentId] : undefined;
  }

  markets(): readonly Market[] {
    return this.#definedMarkets;
  }

  defineAsset(command: RecordWindow, at: number): void {
    const assetId = command.u32[(at + DEFINE_ASSET.ASSET_ID) >> 2]!;
    const code = ascii(command, at + DEFINE_ASSET.CODE, command.u8[at + DEFINE_ASSET.CODE_LENGTH]!);
    if (assetId < 1 || assetId > MAX_ASSET_ID) {
      this.#reject(RejectReason.CAPACITY);
      return;
    }
    if (this.#assetIds.has(assetId) || this.#assetIdByCode.has(code)) {
      this.#reject(RejectReason.ALREADY_DEFINED);
      return;
    }
    this.#addAsset(command, at);
    this.#accept(EventKind.ASSET_DEFINED, command, at);
  }

  defineInstrument(command: RecordWindow, at: number, createBook: () => OrderBook): void {
    const instrumentId = command.u16[(at + COMMAND.INSTRUMENT_ID) >> 1]!;
    const symbol = ascii(command, at + DEFINE_INSTRUMENT.SYMBOL, command.u8[at + DEFINE_INSTRUMENT.SYMBOL_LENGTH]!);
    const minQuantityLots = command.f64[(at + DEFINE_INSTRUMENT.MIN_QUANTITY_LOTS) >> 3]!;
    const maxQuantityLots = command.f64[(at + DEFINE_INSTRUMENT.MAX_QUANTITY_LOTS) >> 3]!;
    const baseAssetId = command.u32[(at + DEFINE_INSTRUMENT.BASE_ASSET_ID) >> 2]!;
    const quoteAssetId = command.u32[(at + DEFINE_INSTRUMENT.QUOTE_ASSET_ID) >> 2]!;
    const refusal = this.#instrumentRefusal(instrumentId, symbol, baseAssetId, quoteAssetId);
    if (refusal !== RejectReason.NONE) {
      this.#reject(refusal);
      return;
    }
    if (!isQuantityRange(minQuantityLots, maxQuantityLots)) {
      this.#reject(RejectReason.QUANTITY_OUT_OF_RANGE);
      return;
    }
    this.#addInstrument(command, at, createBook());
    this.#accept(EventKind.INSTRUMENT_DEFINED, command, at);
  }

  setInstrumentState(command: RecordWindow, from: number): void {
    const market = this.market(command.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!);
    const state = command.u8[from + SET_INSTRUMENT_STATE.STATE]! as InstrumentState;
    if (market === undefined) {
      this.#reject(RejectReason.UNKNOWN_INSTRUMENT);
      return;
    }
    if (state > InstrumentState.POST_ONLY) {
      this.#reject(RejectReason.MALFORMED);
      return;
    }
    const at = this.#writer.claim();
    this.#events.header(at, EventKind.INSTRUMENT_STATE_CHANGED, 0, market.instrumentId, 0, this.#context.commandId);
    const { u8, f64 } = this.#writer.ring.window;
    f64.fill(0, (at + FIRST_DEFINED_BYTE) >> 3, (at + SLOT_BYTES) >> 3);
    u8[at + INSTRUMENT_STATE_CHANGED.STATE] = state;
    u8[at + INSTRUMENT_STATE_CHANGED.STATE_BEFORE] = market.state;
    market.state = state;
  }

  updateInstrument(command: RecordWindow, from: number): void {
    const market = this.market(command.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!);
    const { i32, u32, f64 } = command;
    const referencePriceTicks = i32[(from + UPDATE_INSTRUMENT.REFERENCE_PRICE_TICKS) >> 2]!;
    const priceBandPpm = u32[(from + UPDATE_INSTRUMENT.PRICE_BAND_PPM) >> 2]!;
    const minQuantityLots = f64[(from + UPDATE_INSTRUMENT.MIN_QUANTITY_LOTS) >> 3]!;
    const maxQuantityLots = f64[(from + UPDATE_INSTRUMENT.MAX_QUANTITY_LOTS) >> 3]!;
    if (market === undefined) this.#reject(RejectReason.UNKNOWN_INSTRUMENT);
    else if (referencePriceTicks < 0) this.#reject(RejectReason.PRICE_OUT_OF_RANGE);
    else if (
      priceBandPpm > PPM ||
      u32[(from + UPDATE_INSTRUMENT.MAKER_RATE_PPM) >> 2]! > PPM ||
      u32[(from + UPDATE_INSTRUMENT.TAKER_RATE_PPM) >> 2]! > PPM
    )
      this.#reject(RejectReason.MALFORMED);
    else if (
      !isQuantityRange(minQuantityLots, maxQuantityLots) ||
      !Number.isSafeInteger(minQuantityLots) ||
      !Number.isSafeInteger(maxQuantityLots)
    )
      this.#reject(RejectReason.QUANTITY_OUT_OF_RANGE);
    else {
      market.setPriceBand(priceBandPpm, referencePriceTicks);
      market.minQuantityLots = minQuantityLots;
      market.maxQuantityLots = maxQuantityLots;
      market.makerRatePpm = u32[(from + UPDATE_INSTRUMENT.MAKER_RATE_PPM) >> 2]!;
      market.takerRatePpm = u32[(from + UPDATE_INSTRUMENT.TAKER_RATE_PPM) >> 2]!;
      const at = this.#writer.claim();
      this.#events.header(at, EventKind.INSTRUMENT_UPDATED, 0, market.instrumentId, 0, this.#context.commandId);
      const to = this.#writer.ring.window.i32;
      for (let byte = FIRST_DEFINED_BYTE; byte < SLOT_BYTES; byte += 4) to[(at + byte) >> 2] = i32[(from + byte) >> 2]!;
    }
  }

  /** State section DEFINITIONS: the words of every accepted definition, in order. */
  exportTo(section: SectionWriter): void {
    section.number(this.#definitionWords.length).array(Int32Array.from(this.#definitionWords));
  }

  /**
   * Defines anew what another engine had defined, into nothing.
   * @throws StateFormatError
   */
  importFrom(section: SectionReader, createBook: () => OrderBook): void {
    for (const { kind, words, record } of readDefinitions(section)) {
      const instrumentId = record.u16[EVENT.INSTRUMENT_ID >> 1]!;
      if (kind === EventKind.ASSET_DEFINED) {
        const assetId = record.u32[DEFINE_ASSET.ASSET_ID >> 2]!;
        if (assetId < 1 || assetId > MAX_ASSET_ID) section.refuse(`asset ${assetId}`);
        this.#addAsset(record, 0);
      } else if (kind !== EventKind.INSTRUMENT_DEFINED) section.refuse(`a definition of kind ${kind}`);
      else if (instrumentId < 1 || instrumentId > this.#maxInstruments) section.refuse(`instrument ${instrumentId}`);
      else this.#addInstrument(record, 0, createBook());
      for (const word of words) this.#definitionWords.push(word);
    }
  }

  addTo(hash: StateHash): void {
    for (const word of this.#definitionWords) hash.addWord(word);
  }

  #addAsset(record: RecordWindow, at: number): void {
    const assetId = record.u32[(at + DEFINE_ASSET.ASSET_ID) >> 2]!;
    this.#assetIds.add(assetId);
    this.#decimalsByAssetId.set(assetId, record.u8[at + DEFINE_ASSET.DECIMALS]!);
    this.#assetIdByCode.set(ascii(record, at + DEFINE_ASSET.CODE, record.u8[at + DEFINE_ASSET.CODE_LENGTH]!), assetId);
  }

  #addInstrument(record: RecordWindow, at: number, book: OrderBook): void {
    const market = new Market(
      record.u16[(at + COMMAND.INSTRUMENT_ID) >> 1]!,
      book,
      this.#quoteUnitsPerTickLot(record, at),
      record.f64[(at + DEFINE_INSTRUMENT.MIN_QUANTITY_LOTS) >> 3]!,
      record.f64[(at + DEFINE_INSTRUMENT.MAX_QUANTITY_LOTS) >> 3]!,
    );
    market.makerRatePpm = record.u32[(at + DEFINE_INSTRUMENT.MAKER_RATE_PPM) >> 2]!;
    market.takerRatePpm = record.u32[(at + DEFINE_INSTRUMENT.TAKER_RATE_PPM) >> 2]!;
    this.#markets[market.instrumentId] = market;
    this.#definedMarkets.push(market);
    this.#symbols.add(ascii(record, at + DEFINE_INSTRUMENT.SYMBOL, record.u8[at + DEFINE_INSTRUMENT.SYMBOL_LENGTH]!));
  }

  /** @returns 0 for a definition that does not trade exactly */
  #quoteUnitsPerTickLot({ u8, u32, i64 }: RecordWindow, at: number): bigint {
    const baseDecimals = this.#decimalsByAssetId.get(u32[(at + DEFINE_INSTRUMENT.BASE_ASSET_ID) >> 2]!);
    const quoteDecimals = this.#decimalsByAssetId.get(u32[(at + DEFINE_INSTRUMENT.QUOTE_ASSET_ID) >> 2]!);
    if (baseDecimals === undefined || quoteDecimals === undefined) fail('an instrument of unknown assets');
    const tick = i64[(at + DEFINE_INSTRUMENT.TICK_MANTISSA) >> 3]!;
    const lot = i64[(at + DEFINE_INSTRUMENT.LOT_UNITS) >> 3]!;
    const numerator = tick * lot * 10n ** BigInt(quoteDecimals);
    const denominator = 10n ** BigInt(u8[at + DEFINE_INSTRUMENT.TICK_SCALE]! + baseDecimals);
    return numerator % denominator === 0n ? numerator / denominator : 0n;
  }

  #instrumentRefusal(instrumentId: number, symbol: string, baseAssetId: number, quoteAssetId: number): RejectReason {
    if (instrumentId < 1 || instrumentId > this.#maxInstruments) return RejectReason.CAPACITY;
    if (this.#markets[instrumentId] !== undefined || this.#symbols.has(symbol)) return RejectReason.ALREADY_DEFINED;
    if (!this.#assetIds.has(baseAssetId) || !this.#assetIds.has(quoteAssetId)) return RejectReason.UNKNOWN_ASSET;
    return RejectReason.NONE;
  }

  #accept(kind: EventKind, command: RecordWindow, from: number): void {
    const at = this.#writer.claim();
    const instrumentId = command.u16[(from + COMMAND.INSTRUMENT_ID) >> 1]!;
    this.#events.header(at, kind, 0, instrumentId, 0, this.#context.commandId);
    const { i32 } = this.#writer.ring.window;
    this.#definitionWords.push(kind, instrumentId);
    for (let byte = FIRST_DEFINED_BYTE; byte < SLOT_BYTES; byte += 4) {
      const word = command.i32[(from + byte) >> 2]!;
      i32[(at + byte) >> 2] = word;
      this.#definitionWords.push(word);
    }
  }

  #reject(reason: RejectReason): void {
    const at = this.#writer.claim();
    this.#events.header(at, EventKind.DEFINITION_REJECTED, 0, 0, 0, this.#context.commandId);
    const { u8, f64 } = this.#writer.ring.window;
    f64.fill(0, (at + FIRST_DEFINED_BYTE) >> 3, (at + SLOT_BYTES) >> 3);
    u8[at + DEFINITION_REJECTED.REASON] = reason;
  }
}

/** Written so that a NaN fails it too. */
function isQuantityRange(minQuantityLots: number, maxQuantityLots: number): boolean {
  return minQuantityLots >= 1 && maxQuantityLots >= minQuantityLots && maxQuantityLots <= MAX_QUANTITY_LOTS;
}

function ascii(window: RecordWindow, at: number, length: number): string {
  return String.fromCharCode(...window.u8.subarray(at, at + length));
}
