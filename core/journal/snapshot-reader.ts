import { readFileSync } from 'node:fs';
import { COLD, COLD_WORDS, HOT, HOT_WORDS, NIL, OrderPool, TERMS, TERMS_NUMBERS } from '../book/order-pool.ts';
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
    const { hotF64, hotI32, nextSlot, neverUsedSlot } = orders;
    for (let head = 0; head < neverUsedSlot; head++) {
      const isHead = hotF64[head * 4 + HOT.RESTING_LOTS]! > 0 && hotI32[head * HOT_WORDS + HOT.PREVIOUS_SLOT] === NIL;
      if (!isHead) continue;
      for (let slot = head; slot !== NIL; slot = nextSlot[slot]!) yield restingOrder(orders, slot);
    }
  }

  #section(id: StateSection): SectionReader {
    return new StateReader(this.state.sections).section(id, 1);
  }
}

function restingOrder({ hotF64, hotU32, coldU32, coldI32, terms }: OrderPool, slot: number): RestingOrder {
  const cold = slot * COLD_WORDS;
  const typeWord = coldU32[cold + COLD.TYPE_WORD]!;
  return {
    instrumentId: coldU32[cold + COLD.INSTRUMENT_ID]!,
    accountId: hotU32[slot * HOT_WORDS + HOT.ACCOUNT_ID]!,
    keyId: coldU32[cold + COLD.KEY_ID]!,
    orderId: hotF64[slot * 4 + HOT.ORDER_ID]!,
    side: coldU32[cold + COLD.SIDE] as Side,
    orderType: (typeWord & 255) as OrderType,
    timeInForce: ((typeWord >>> 8) & 255) as TimeInForce,
    selfTradePrevention: ((typeWord >>> 16) & 255) as SelfTradePrevention,
    flags: typeWord >>> 24,
    priceTicks: coldI32[cold + COLD.LIMIT_TICKS]!,
    stopPriceTicks: coldI32[cold + COLD.STOP_PRICE_TICKS]!,
    totalLots: terms[slot * TERMS_NUMBERS + TERMS.TOTAL_LOTS]!,
    remainingLots: hotF64[slot * 4 + HOT.RESTING_LOTS]!,
    expiresAtMs: terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS]!,
    makerRatePpm: coldU32[cold + COLD.MAKER_RATE_PPM]!,
    takerRatePpm: coldU32[cold + COLD.TAKER_RATE_PPM]!,
    slot,
    generation: hotU32[slot * HOT_WORDS + HOT.GENERATION]!,
  };
}

function readWhole(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StorageError(path, 'read', error);
  }
}
