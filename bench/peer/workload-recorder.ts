import { Engine, type EngineLimits } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import { defaultMarkets } from '../../core/money/default-markets.ts';
import { type CommandHeader, encodeDefineAsset, encodeDefineInstrument } from '../../core/protocol/command-encoder.ts';
import { EVENT, FILLED, ORDER_STATE } from '../../core/protocol/event-record.ts';
import { EventKind, OrderType, SelfTradePrevention, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import { createOrderEncoder, type OrderEncoder } from '../../core/protocol/order-encoder.ts';
import { RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../core/ring/ring.ts';

/** Commands of one instrument or several, one slot each. The first `setupCount` define the markets and fill the book. */
export interface Workload {
  readonly name: string;
  readonly mix: string;
  readonly limits: EngineLimits;
  readonly window: RecordWindow;
  readonly setupCount: number;
  readonly count: number; // setup included
}

/** What a cancel or a move names. */
export interface LiveOrder {
  readonly orderId: number;
  readonly instrumentId: number;
  readonly side: Side;
  readonly accountId: number;
  readonly quantityLots: number; // its total
  priceTicks: number;
  slot: number;
  generation: number;
}

type PlacedOrder = Pick<LiveOrder, 'instrumentId' | 'side' | 'quantityLots' | 'priceTicks'>;

export const FIRST_COMMAND_ID = 2 ** 32;
const KEY_ID = 1;
const MAKER_ACCOUNTS = 1_000;
/** Takers are never makers: self-trade prevention is not what is compared. */
const FIRST_TAKER_ACCOUNT = 10_000;

/**
 * Makes up commands against an engine of its own, so that each cancel and each move names a slot and generation that will
 * be there whenever the commands are run again.
 */
export class WorkloadRecorder {
  readonly limits: EngineLimits;
  readonly window: RecordWindow;
  recorded = 0;
  readonly live: LiveOrder[] = [];
  readonly #indexById = new Map<number, number>();
  readonly #reader: RingReader;
  readonly #writer: EventWriter;
  readonly #engine: Engine;
  readonly #books: number;
  readonly #orders: OrderEncoder;
  #placed: PlacedOrder = { instrumentId: 0, side: Side.BUY, quantityLots: 0, priceTicks: 0 };
  #random: number;

  /**
   * @param room for that many commands, besides those that define the markets
   * @param books each order goes to any of them
   */
  constructor(seed: number, limits: EngineLimits, room: number, books = 1) {
    this.limits = limits;
    this.#books = books;
    const { assets, instruments } = defaultMarkets();
    this.window = new RecordWindow(new SharedArrayBuffer((assets.length + books + room) * SLOT_BYTES));
    this.#orders = createOrderEncoder(this.window);
    const ring = createRing(2 ** 12, 1);
    this.#reader = new RingReader(ring, 0);
    this.#writer = new EventWriter(new RingWriter(ring), () => this.#follow());
    this.#engine = new Engine(limits, this.#writer);
    this.#random = seed | 0 || 1;
    for (const asset of assets) this.#record((at) => encodeDefineAsset(this.window, at, this.#header(0), asset));
    for (let instrumentId = 1; instrumentId <= books; instrumentId++) {
      const instrument = { ...instruments[0]!, instrumentId, symbol: `book${instrumentId}` };
      this.#record((at) => encodeDefineInstrument(this.window, at, this.#header(0), instrument));
    }
  }

  place(side: Side, priceTicks: number, quantityLots: number): void {
    this.#order(side, priceTicks, quantityLots, TimeInForce.GTC, 100 + this.draw(MAKER_ACCOUNTS));
  }

  take(side: Side, limitTicks: number, quantityLots: number): void {
    this.#order(side, limitTicks, quantityLots, TimeInForce.IOC, FIRST_TAKER_ACCOUNT + this.draw(MAKER_ACCOUNTS));
  }

  cancel(order: LiveOrder): void {
    this.#record((at) => this.#orders.cancelOrder(at, this.#header(order.accountId), nameOf(order)));
  }

  /** @param priceTicks another limit: at the same one an order keeps its place here and loses it elsewhere */
  move(order: LiveOrder, priceTicks: number): void {
    const { side, quantityLots } = order;
    order.priceTicks = priceTicks;
    this.#record((at) =>
      this.#orders.amendOrder(at, this.#header(order.accountId), {
        ...nameOf(order),
        side,
        priceTicks,
        quantityLots,
        heldUnits: 0n,
      }),
    );
  }

  anyLive(): LiveOrder {
    return this.live[this.draw(this.live.length)]!;
  }

  /** @returns 0 … bound - 1 */
  draw(bound: number): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return (this.#random >>> 0) % bound;
  }

  #order(side: Side, priceTicks: number, quantityLots: number, timeInForce: TimeInForce, accountId: number): void {
    const instrumentId = this.#books === 1 ? 1 : 1 + this.draw(this.#books);
    this.#placed = { instrumentId, side, quantityLots, priceTicks };
    this.#record((at) =>
      this.#orders.newOrder(at, 0, this.#header(accountId), {
        instrumentId,
        side,
        keyId: KEY_ID,
        orderType: OrderType.LIMIT,
        timeInForce,
        selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST,
        flags: 0,
        priceTicks,
        stopPriceTicks: 0,
        quantityLots,
        budgetUnits: 0n,
        expiresAtMs: 0,
        makerRatePpm: 2_000,
        takerRatePpm: 4_000,
        clientOrderId: '',
      }),
    );
  }

  #header(accountId: number): CommandHeader {
    return {
      commandSequence: this.recorded + 1,
      commandId: FIRST_COMMAND_ID + this.recorded,
      timestampMs: 1_760_000_000_000 + Math.floor(this.recorded / 100),
      accountId,
      ledgerSequence: 0,
    };
  }

  #record(encode: (at: number) => void): void {
    const at = this.recorded * SLOT_BYTES;
    encode(at);
    this.recorded += 1;
    this.#engine.apply(this.window, at, 0);
    this.#writer.flush();
    this.#follow();
  }

  /** Keeps the list of what is live in step with the engine. */
  #follow(): void {
    const { u8, u32, i32, f64 } = this.#reader.window;
    const available = this.#reader.available();
    for (let index = 0; index < available; index++) {
      const at = this.#reader.offsetAt(index);
      const kind = u8[at];
      const orderId = f64[(at + EVENT.ORDER_ID) >> 3]!;
      if (kind === EventKind.BOOKED) {
        const slot = i32[(at + ORDER_STATE.SLOT) >> 2]!;
        const generation = u32[(at + ORDER_STATE.GENERATION) >> 2]!;
        const known = this.#indexById.get(orderId);
        if (known !== undefined) {
          Object.assign(this.live[known]!, { slot, generation }); // it was moved
          continue;
        }
        const accountId = u32[(at + EVENT.ACCOUNT_ID) >> 2]!;
        this.#indexById.set(orderId, this.live.length);
        this.live.push({ ...this.#placed, orderId, slot, generation, accountId });
      } else if (
        kind === EventKind.CANCELLED ||
        (kind === EventKind.FILLED && f64[(at + FILLED.MAKER_REMAINING_LOTS) >> 3] === 0)
      ) {
        this.#forget(orderId);
      }
    }
    this.#reader.release(available);
  }

  #forget(orderId: number): void {
    const index = this.#indexById.get(orderId);
    if (index === undefined) return;
    this.#indexById.delete(orderId);
    const last = this.live.pop()!;
    if (last.orderId === orderId) return;
    this.live[index] = last;
    this.#indexById.set(last.orderId, index);
  }
}

function nameOf({ instrumentId, orderId, slot, generation }: LiveOrder) {
  return { instrumentId, keyId: KEY_ID, orderId, slot, generation };
}
