import { Engine, type EngineLimits } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import { defaultMarkets } from '../../core/money/default-markets.ts';
import { type CommandHeader, encodeDefineAsset, encodeDefineInstrument } from '../../core/protocol/command-encoder.ts';
import { EVENT, FILLED, ORDER_STATE } from '../../core/protocol/event-record.ts';
import { EventKind, OrderType, SelfTradePrevention, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import { createOrderEncoder, type OrderEncoder } from '../../core/protocol/order-encoder.ts';
import { RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../core/ring/ring.ts';

export const BENCH_LIMITS: EngineLimits = { maxOrders: 2 ** 18, maxLevels: 2 ** 15, maxInstruments: 16 };

/** Recorded commands, one slot each, in shared memory. The first `setupCount` define the markets and fill the book. */
export interface CommandMix {
  readonly name: string;
  readonly window: RecordWindow;
  readonly setupCount: number;
  readonly count: number; // setup included
  readonly lastEventSequence: number; // of the recording: every other run of these commands must end there too
}

const MIDDLE_TICKS = 6_000_000;
export const ACCOUNTS = 1_000;

/**
 * A crypto-like mix on btcusd: half places, 45 % cancels of a random resting order, 5 % orders that cross. Recorded
 * against an engine of its own, so that every cancel names a slot and generation that will be there on replay.
 * @param depth resting orders that the book is filled to first
 * @param levels price levels that they are spread over, both sides together
 */
export function recordCryptoMix(seed: number, depth: number, levels: number, measured: number): CommandMix {
  const recorder = new CommandRecorder(seed, { depth, levels, room: depth + measured + 64 });
  recorder.setUp();
  const setupCount = recorder.recorded;
  for (let command = 0; command < measured; command++) recorder.next();
  return {
    name: recorder.name,
    window: recorder.window,
    setupCount,
    count: recorder.recorded,
    lastEventSequence: recorder.lastEventSequence,
  };
}

interface RestingOrder {
  readonly orderId: number;
  readonly slot: number;
  readonly generation: number;
  readonly accountId: number;
}

export interface RecorderSizes {
  readonly depth: number; // resting orders that the book is filled to first
  readonly levels: number; // price levels that they are spread over, both sides together
  readonly room: number; // commands that the window holds
}

/** Makes up commands one by one, as recordCryptoMix tells. Streams of any length go through a window of few. */
export class CommandRecorder {
  readonly name: string;
  readonly window: RecordWindow;
  recorded = 0; // commands in all
  readonly #orders: OrderEncoder;
  #windowStart = 0; // of the first command in the window
  readonly #depth: number;
  readonly #reader: RingReader;
  readonly #writer: EventWriter;
  readonly #engine: Engine;
  readonly #resting: RestingOrder[] = [];
  readonly #indexById = new Map<number, number>();
  readonly #halfLevels: number;
  #random: number;

  constructor(seed: number, { depth, levels, room }: RecorderSizes) {
    this.name = `crypto-like: 50 % places, 45 % cancels, 5 % crossing; ${depth} resting on ${levels} levels`;
    this.#depth = depth;
    this.window = new RecordWindow(new SharedArrayBuffer(room * SLOT_BYTES));
    this.#orders = createOrderEncoder(this.window);
    const ring = createRing(2 ** 12, 1);
    this.#reader = new RingReader(ring, 0);
    this.#writer = new EventWriter(new RingWriter(ring), () => this.#drain());
    this.#engine = new Engine(BENCH_LIMITS, this.#writer);
    this.#halfLevels = levels >> 1;
    this.#random = seed | 0 || 1;
  }

  get lastEventSequence(): number {
    return this.#engine.lastEventSequence;
  }

  get stateHash(): string {
    return this.#engine.stateHash();
  }

  /** Commands that the window holds. */
  get windowCount(): number {
    return this.recorded - this.#windowStart;
  }

  /** Forgets what was recorded into the window: the next command goes to its beginning. */
  rewind(): void {
    this.#windowStart = this.recorded;
  }

  /** Defines the markets and fills the book. */
  setUp(): void {
    const { assets, instruments } = defaultMarkets();
    for (const asset of assets) this.#record((at) => encodeDefineAsset(this.window, at, this.#header(0), asset));
    for (const instrument of instruments)
      this.#record((at) => encodeDefineInstrument(this.window, at, this.#header(0), instrument));
    for (let order = 0; order < this.#depth; order++) this.#place();
  }

  next(): void {
    const draw = this.#draw(100);
    if (draw < 50 || this.#resting.length === 0) this.#place();
    else if (draw < 95) this.#cancel(this.#resting[this.#draw(this.#resting.length)]!);
    else this.#cross();
  }

  #place(): void {
    const side = this.#draw(2) as Side;
    const away = 1 + this.#draw(this.#halfLevels);
    this.#order(side, side === Side.BUY ? MIDDLE_TICKS - away : MIDDLE_TICKS + away, 1_000 + this.#draw(100_000));
  }

  #cross(): void {
    const side = this.#draw(2) as Side;
    const reach = this.#halfLevels;
    this.#order(
      side,
      side === Side.BUY ? MIDDLE_TICKS + reach : MIDDLE_TICKS - reach,
      1_000 + this.#draw(200_000),
      true,
    );
  }

  #order(side: Side, priceTicks: number, quantityLots: number, isImmediate = false): void {
    this.#record((at) =>
      this.#orders.newOrder(at, 0, this.#header(100 + this.#draw(ACCOUNTS)), {
        instrumentId: 1,
        side,
        keyId: 1,
        orderType: OrderType.LIMIT,
        timeInForce: isImmediate ? TimeInForce.IOC : TimeInForce.GTC,
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

  #cancel(order: RestingOrder): void {
    const { orderId, slot, generation } = order;
    this.#record((at) =>
      this.#orders.cancelOrder(at, this.#header(order.accountId), {
        instrumentId: 1,
        keyId: 1,
        orderId,
        slot,
        generation,
      }),
    );
  }

  #header(accountId: number): CommandHeader {
    return {
      commandSequence: this.recorded + 1,
      commandId: 2 ** 32 + this.recorded,
      timestampMs: 1_760_000_000_000 + Math.floor(this.recorded / 100),
      accountId,
      ledgerSequence: 0,
    };
  }

  #record(encode: (at: number) => void): void {
    const at = (this.recorded - this.#windowStart) * SLOT_BYTES;
    encode(at);
    this.recorded += 1;
    this.#engine.apply(this.window, at, 0);
    this.#writer.flush();
    this.#drain();
  }

  /** Follows what rests, so that cancels can name it. */
  #drain(): void {
    const { u8, u32, i32, f64 } = this.#reader.window;
    const available = this.#reader.available();
    for (let index = 0; index < available; index++) {
      const at = this.#reader.offsetAt(index);
      const orderId = f64[(at + EVENT.ORDER_ID) >> 3]!;
      const kind = u8[at];
      if (kind === EventKind.BOOKED) {
        this.#indexById.set(orderId, this.#resting.length);
        this.#resting.push({
          orderId,
          slot: i32[(at + ORDER_STATE.SLOT) >> 2]!,
          generation: u32[(at + ORDER_STATE.GENERATION) >> 2]!,
          accountId: u32[(at + EVENT.ACCOUNT_ID) >> 2]!,
        });
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
    const last = this.#resting.pop()!;
    if (last.orderId === orderId) return;
    this.#resting[index] = last;
    this.#indexById.set(last.orderId, index);
  }

  #draw(bound: number): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return (this.#random >>> 0) % bound;
  }
}
