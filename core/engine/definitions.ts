import type { OrderBook } from '../book/order-book.ts';
import { MAX_QUANTITY_LOTS } from '../money/instrument.ts';
import { COMMAND, DEFINE_ASSET, DEFINE_INSTRUMENT } from '../protocol/command-record.ts';
import { DEFINITION_REJECTED } from '../protocol/event-record.ts';
import { EventKind, RejectReason } from '../protocol/kinds.ts';
import { type RecordWindow, SLOT_BYTES } from '../protocol/record-window.ts';
import type { EventWriter } from './event-writer.ts';
import type { Market } from './matcher.ts';
import type { CommandContext, OrderEvents } from './order-events.ts';
import type { StateHash } from './state-hash.ts';

const FIRST_DEFINED_BYTE = 40;

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
    if (this.#assetIds.has(assetId) || this.#assetIdByCode.has(code)) {
      this.#reject(RejectReason.ALREADY_DEFINED);
      return;
    }
    this.#assetIds.add(assetId);
    this.#assetIdByCode.set(code, assetId);
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
    if (!(minQuantityLots >= 1 && maxQuantityLots >= minQuantityLots && maxQuantityLots <= MAX_QUANTITY_LOTS)) {
      this.#reject(RejectReason.QUANTITY_OUT_OF_RANGE);
      return;
    }
    const market: Market = { instrumentId, book: createBook(), minQuantityLots, maxQuantityLots };
    this.#markets[instrumentId] = market;
    this.#definedMarkets.push(market);
    this.#symbols.add(symbol);
    this.#accept(EventKind.INSTRUMENT_DEFINED, command, at);
  }

  addTo(hash: StateHash): void {
    for (const word of this.#definitionWords) hash.addWord(word);
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

function ascii(window: RecordWindow, at: number, length: number): string {
  return String.fromCharCode(...window.u8.subarray(at, at + length));
}
