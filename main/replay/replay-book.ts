import { fail } from '../../core/assert.ts';
import type { OrderBook } from '../../core/book/order-book.ts';
import { Engine } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import { defineInstrument, MAX_QUANTITY_LOTS } from '../../core/money/instrument.ts';
import {
  type CommandHeader,
  encodeDefineAsset,
  encodeDefineInstrument,
  type NewOrderFields,
} from '../../core/protocol/command-encoder.ts';
import { EVENT, FILLED, ORDER_STATE } from '../../core/protocol/event-record.ts';
import {
  CancelReason,
  EventKind,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  type Side,
  TimeInForce,
} from '../../core/protocol/kinds.ts';
import { createOrderEncoder } from '../../core/protocol/order-encoder.ts';
import { RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../core/ring/ring.ts';
import { MessageKind, type MessageParser } from './message-parser.ts';
import { ReplayFullError } from './replay-errors.ts';
import type { ReportWriter } from './report-writer.ts';

export interface ReplayLimits {
  readonly maxOrders: number; // that rest at once
  readonly maxLevels: number; // prices in use at once
}

const INSTRUMENT_ID = 1;
const RING_SLOTS = 2 ** 12; // a sweep of any size goes through: the ring is read whenever it is full
const BASE = { assetId: 1, code: 'BASE', decimals: 0 } as const;
const QUOTE = { assetId: 2, code: 'QUOTE', decimals: 0 } as const;
const INSTRUMENT = defineInstrument({
  instrumentId: INSTRUMENT_ID,
  symbol: 'replay',
  base: BASE,
  quote: QUOTE,
  tickMantissa: 1n,
  tickScale: 0,
  lotUnits: 1n,
  minQuantityLots: 1,
  maxQuantityLots: MAX_QUANTITY_LOTS,
  makerRatePpm: 0,
  takerRatePpm: 0,
});

/**
 * The exchange's own engine with one instrument, fed with messages whose order ids are the list's own, and its events told
 * as reports. An id is the engine's order id too: what is live under it is remembered here by its slot.
 */
export class ReplayBook {
  readonly engine: Engine;
  readonly #limits: ReplayLimits;
  readonly #report: ReportWriter;
  readonly #book: OrderBook;
  readonly #writer: EventWriter;
  readonly #events: RingReader;
  readonly #command = new RecordWindow(new ArrayBuffer(SLOT_BYTES));
  readonly #orders = createOrderEncoder(this.#command);
  readonly #slotOf = new Map<number, number>(); // of every order that rests, by its id
  readonly #generation: Uint32Array; // by slot, as are the next two
  readonly #side: Uint8Array;
  readonly #restingLots: Float64Array;
  #line = 0; // that is being applied
  #isModifying = false; // its cancel and its order are one message, and answered as one

  constructor(limits: ReplayLimits, report: ReportWriter) {
    this.#limits = limits;
    this.#report = report;
    const ring = createRing(RING_SLOTS, 1);
    this.#events = new RingReader(ring, 0);
    this.#writer = new EventWriter(new RingWriter(ring), () => this.#readEvents());
    this.engine = new Engine({ ...limits, maxInstruments: 1 }, this.#writer);
    this.#generation = new Uint32Array(limits.maxOrders);
    this.#side = new Uint8Array(limits.maxOrders);
    this.#restingLots = new Float64Array(limits.maxOrders);
    for (const asset of [BASE, QUOTE]) {
      encodeDefineAsset(this.#command, 0, this.#header(0, 0), asset);
      this.#apply();
    }
    encodeDefineInstrument(this.#command, 0, this.#header(0, 0), INSTRUMENT);
    this.#apply();
    this.#book = this.engine.book(INSTRUMENT_ID) ?? fail('the replay has no instrument');
  }

  /** The book as it is between two messages. */
  get book(): OrderBook {
    return this.#book;
  }

  /** @throws ReplayFullError */
  apply(message: MessageParser, line: number): void {
    this.#line = line;
    const slot = this.#slotOf.get(message.orderId);
    if (message.kind === MessageKind.NEW) this.#new(message, slot);
    else if (message.kind === MessageKind.CANCEL) this.#cancel(message.orderId, slot);
    else this.#modify(message, slot);
  }

  #new(message: MessageParser, slot: number | undefined): void {
    if (slot !== undefined) this.#report.orderReject(this.#line, message.orderId, 'duplicate-id');
    else this.#place(message, message.side, message.isImmediateOrCancel);
  }

  #cancel(orderId: number, slot: number | undefined): void {
    if (slot === undefined) this.#report.cancelReject(this.#line, orderId, 'unknown-id');
    else this.#remove(orderId, slot);
  }

  #modify(message: MessageParser, slot: number | undefined): void {
    const { orderId } = message;
    if (slot === undefined) {
      this.#report.modifyReject(this.#line, orderId, 'unknown-id');
      return;
    }
    // Asked before anything happens, so that a refusal leaves the order as it was.
    const side = this.#side[slot] as Side;
    const { priceTicks, quantityLots } = message;
    const refusal = this.#book.refusalToMove(side, priceTicks, this.#restingLots[slot]!, quantityLots);
    if (refusal !== RejectReason.NONE) {
      this.#report.modifyReject(this.#line, orderId, this.#reasonOf(refusal));
      return;
    }
    this.#isModifying = true;
    this.#remove(orderId, slot);
    this.#place(message, side, false);
    this.#isModifying = false;
  }

  #place({ orderId, priceTicks, quantityLots }: MessageParser, side: Side, isImmediateOrCancel: boolean): void {
    const order: NewOrderFields = {
      instrumentId: INSTRUMENT_ID,
      side,
      keyId: 0,
      orderType: OrderType.LIMIT,
      timeInForce: isImmediateOrCancel ? TimeInForce.IOC : TimeInForce.GTC,
      selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST,
      flags: 0,
      priceTicks,
      stopPriceTicks: 0,
      quantityLots,
      budgetUnits: 0n,
      expiresAtMs: 0,
      makerRatePpm: 0,
      takerRatePpm: 0,
      clientOrderId: '',
    };
    this.#orders.newOrder(0, 0, this.#header(orderId, accountOf(side)), order);
    this.#apply();
  }

  #remove(orderId: number, slot: number): void {
    const cancel = { instrumentId: INSTRUMENT_ID, keyId: 0, orderId, slot, generation: this.#generation[slot]! };
    this.#orders.cancelOrder(0, this.#header(orderId, accountOf(this.#side[slot] as Side)), cancel);
    this.#apply();
  }

  #header(commandId: number, accountId: number): CommandHeader {
    const commandSequence = this.engine.lastCommandSequence + 1;
    return { commandSequence, commandId, timestampMs: 0, accountId, ledgerSequence: 0 };
  }

  #apply(): void {
    this.engine.apply(this.#command, 0, 0);
    this.#writer.flush();
    this.#readEvents();
  }

  #readEvents(): void {
    const available = this.#events.available();
    for (let index = 0; index < available; index++) this.#readEvent(this.#events.offsetAt(index));
    this.#events.release(available);
  }

  #readEvent(at: number): void {
    const { u8, i32, f64 } = this.#events.window;
    const orderId = f64[(at + EVENT.ORDER_ID) >> 3]!;
    const line = this.#line;
    const kind = u8[at + EVENT.KIND] as EventKind;
    switch (kind) {
      case EventKind.ACCEPTED:
        if (!this.#isModifying) this.#report.orderAck(line, orderId);
        break;
      case EventKind.FILLED: {
        const takerId = f64[(at + FILLED.TAKER_ORDER_ID) >> 3]!;
        const priceTicks = i32[(at + FILLED.PRICE_TICKS) >> 2]!;
        this.#report.trade(line, priceTicks, orderId, takerId, f64[(at + FILLED.QUANTITY_LOTS) >> 3]!);
        const remainingLots = f64[(at + FILLED.MAKER_REMAINING_LOTS) >> 3]!;
        this.#restingLots[i32[(at + FILLED.MAKER_SLOT) >> 2]!] = remainingLots;
        if (remainingLots === 0) this.#slotOf.delete(orderId);
        break;
      }
      case EventKind.BOOKED: {
        const slot = i32[(at + ORDER_STATE.SLOT) >> 2]!;
        this.#slotOf.set(orderId, slot);
        this.#generation[slot] = i32[(at + ORDER_STATE.GENERATION) >> 2]!;
        this.#side[slot] = u8[at + EVENT.SIDE]! & 1;
        this.#restingLots[slot] = f64[(at + ORDER_STATE.REMAINING_AFTER) >> 3]!;
        break;
      }
      case EventKind.CANCELLED: {
        const reason = u8[at + ORDER_STATE.REASON] as CancelReason;
        if (reason === CancelReason.REQUESTED) this.#slotOf.delete(orderId);
        else if (reason !== CancelReason.IMMEDIATE_OR_CANCEL) fail(`line ${line}: cancelled for reason ${reason}`);
        if (this.#isModifying) this.#report.modifyAck(line, orderId);
        else this.#report.cancelAck(line, orderId, f64[(at + ORDER_STATE.REMAINING_BEFORE) >> 3]!);
        break;
      }
      case EventKind.REJECTED:
        if (this.#isModifying) fail(`line ${line}: an order that could be moved was refused`);
        this.#report.orderReject(line, orderId, this.#reasonOf(u8[at + ORDER_STATE.REASON] as RejectReason));
        break;
      case EventKind.ASSET_DEFINED:
      case EventKind.INSTRUMENT_DEFINED:
        break;
      default:
        fail(`line ${line}: the engine answered with event kind ${kind}`);
    }
  }

  /** @throws ReplayFullError when the reason is our room, not the message */
  #reasonOf(reason: RejectReason): string {
    const { maxOrders, maxLevels } = this.#limits;
    switch (reason) {
      case RejectReason.LEVEL_FULL:
        return 'side-full';
      case RejectReason.BOOK_FULL:
        throw new ReplayFullError(this.#line, `all places for ${maxOrders} resting orders are taken`, '--max-orders');
      case RejectReason.LEVELS_FULL:
        throw new ReplayFullError(
          this.#line,
          `no place for another price: there is room for ${maxLevels}, for fewer when they lie far apart`,
          '--max-levels',
        );
      default:
        return fail(`line ${this.#line}: refused for reason ${reason}`);
    }
  }
}

/** One account a side: an order never meets one of its own account, so that nothing is a self-trade. */
function accountOf(side: Side): number {
  return 1 + side;
}
