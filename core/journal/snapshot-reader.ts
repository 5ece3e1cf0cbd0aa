import { readFileSync } from 'node:fs';
import { NIL, ORDER, ORDER_NUMBERS, ORDER_WORDS, OrderPool, TERMS, TERMS_NUMBERS } from '../book/order-pool.ts';
import { sideOfHead } from '../book/order-record.ts';
import { readDefinitions } from '../engine/definition-words.ts';
import type { EngineState } from '../engine/engine-state.ts';
import { type MarketState, readMarketState } from '../engine/market-state.ts';
import { decodeEvent } from '../protocol/event-decoder.ts';
import type { AssetDefinedEvent, InstrumentDefinedEvent } from '../protocol/events.ts';
import { EventKind, type OrderType, type SelfTradePrevention, type Side, type TimeInForce } from '../protocol/kinds.ts';
import { type SectionReader, StateReader, StateSection } from '../protocol/state-sections.ts';
import { SnapshotRefusedError, StorageError } from './journal-errors.ts';
import { decodeSnapshotBody, decodeSnapshotHeader, unknownSnapshotVersion } from './snapshot-format.ts';

/** An order as it rests in a snapshot. */
export interface RestingOrder {
  readonly instrumentId: number;
  readonly accountId: number;
  readonly keyId: number;
  readonly orderId: number;
  readonly side: Side;
  readonly orderType: OrderType;
  readonly timeInForce: TimeInForce;
  readonly selfTradePrevention: SelfTradePrevention;
  readonly flags: number; // OrderFlag bits; UNTRIGGERED while it waits for its stop price
  readonly priceTicks: number; // its limit
  readonly stopPriceTicks: number; // 0 for none
  readonly totalLots: number; // filled and remaining
  readonly remainingLots: number;
  readonly expiresAtMs: number; // 0 for never
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
  readonly slot: number;
  readonly generation: number;
}

/** As the events that told of them; sequences, time and command id are 0. */
export type SnapshotDefinition = AssetDefinedEvent | InstrumentDefinedEvent;

/** An instrument's changeable part as it stands in the snapshot: what its definition says may be older. */
export interface SnapshotMarket extends Readonly<MarketState> {
  readonly instrumentId: number;
}

/** One snapshot file, read and checked as a whole: for an engine, and as objects for whoever can't read old events. */
export class SnapshotReader {
  readonly path: string;
  readonly state: EngineState;

  /**
   * What the methods below throw beside: StateFormatError for sections of another layout.
   * @throws SnapshotRefusedError (empty, torn, damaged, of a newer program), StorageError
   */
  constructor(path: string) {
    this.path = path;
    const bytes = readWhole(path);
    const header = decodeSnapshotHeader(bytes);
    if (typeof header === 'string') throw new SnapshotRefusedError(path, header);
    const unknownVersion = unknownSnapshotVersion(header);
    if (unknownVersion !== null) throw new SnapshotRefusedError(path, unknownVersion);
    const sections = decodeSnapshotBody(bytes, header);
    if (typeof sections === 'string') throw new SnapshotRefusedError(path, sections);
    const { formatVersion: _format, behaviourVersion: _behaviour, ...state } = header;
    this.state = { ...state, sections };
  }

  /** @returns every asset and instrument in the order of their definition */
  definitions(): SnapshotDefinition[] {
    const definitions: SnapshotDefinition[] = [];
    for (const { record } of readDefinitions(this.#section(StateSection.DEFINITIONS))) {
      const event = decodeEvent(record, 0, 0);
      if (event.kind !== EventKind.ASSET_DEFINED && event.kind !== EventKind.INSTRUMENT_DEFINED)
        throw new SnapshotRefusedError(this.path, `it defines something of kind ${event.kind}`);
      definitions.push(event);
    }
    return definitions;
  }

  /** @returns every instrument in the order of their definition */
  markets(): SnapshotMarket[] {
    const section = this.#section(StateSection.MARKETS);
    section.number(); // what only the engine needs
    return this.definitions()
      .filter((event) => event.kind === EventKind.INSTRUMENT_DEFINED)
      .map(({ definition: { instrumentId } }) => ({ instrumentId, ...readMarketState(section) }));
  }

  /** Every order that rests in a book or waits for its stop price: each queue from its oldest order to its youngest. */
  *restingOrders(): Generator<RestingOrder> {
    const orders = new OrderPool(this.state.limits.maxOrders);
    orders.importFrom(this.#section(StateSection.ORDERS));
    orders.importTermsFrom(this.#section(StateSection.ORDER_TERMS));
    const { orderF64, orderI32, nextSlot, neverUsedSlot } = orders;
    for (let head = 0; head < neverUsedSlot; head++) {
      const isHead =
        orderF64[head * ORDER_NUMBERS + ORDER.RESTING_LOTS]! > 0 &&
        orderI32[head * ORDER_WORDS + ORDER.PREVIOUS_SLOT] === NIL;
      if (!isHead) continue;
      for (let slot = head; slot !== NIL; slot = nextSlot[slot]!) yield restingOrder(orders, slot);
    }
  }

  #section(id: StateSection): SectionReader {
    return new StateReader(this.state.sections).section(id, 1);
  }
}

function restingOrder({ orderF64, orderU32, orderI32, terms }: OrderPool, slot: number): RestingOrder {
  const row = slot * ORDER_WORDS;
  const typeWord = orderU32[row + ORDER.TYPE_WORD]!;
  return {
    instrumentId: orderI32[row + ORDER.HEAD]! >>> 16,
    accountId: orderU32[slot * ORDER_WORDS + ORDER.ACCOUNT_ID]!,
    keyId: orderU32[row + ORDER.KEY_ID]!,
    orderId: orderF64[slot * ORDER_NUMBERS + ORDER.ORDER_ID]!,
    side: sideOfHead(orderI32[row + ORDER.HEAD]!),
    orderType: (typeWord & 255) as OrderType,
    timeInForce: ((typeWord >>> 8) & 255) as TimeInForce,
    selfTradePrevention: ((typeWord >>> 16) & 255) as SelfTradePrevention,
    flags: typeWord >>> 24,
    priceTicks: orderI32[row + ORDER.LIMIT_TICKS]!,
    stopPriceTicks: orderI32[row + ORDER.STOP_PRICE_TICKS]!,
    totalLots: terms[slot * TERMS_NUMBERS + TERMS.TOTAL_LOTS]!,
    remainingLots: orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!,
    expiresAtMs: terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS]!,
    makerRatePpm: orderU32[row + ORDER.MAKER_RATE_PPM]!,
    takerRatePpm: orderU32[row + ORDER.TAKER_RATE_PPM]!,
    slot,
    generation: orderU32[slot * ORDER_WORDS + ORDER.GENERATION]!,
  };
}

function readWhole(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StorageError(path, 'read', error);
  }
}
