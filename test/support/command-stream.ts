import type { EngineLimits } from '../../core/engine/engine.ts';
import { defineInstrument, type Instrument, MAX_PRICE_TICKS, MAX_QUANTITY_LOTS } from '../../core/money/instrument.ts';
import type { CommandHeader, NewOrderFields } from '../../core/protocol/command-encoder.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import {
  CommandKind,
  EventKind,
  InstrumentState,
  OrderFlag,
  type OrderType,
  type SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../core/protocol/kinds.ts';
import { DefinitionStream, instrumentUpdate, RATES_PPM, STREAM_ASSETS } from './definition-stream.ts';
import type {
  AmendOrderCommand,
  CancelOrderCommand,
  ExchangeCommand,
  MassCancelCommand,
  NewOrderCommand,
  SetInstrumentStateCommand,
  TimeCommand,
  UpdateInstrumentCommand,
} from './exchange-command.ts';
import { amendedLots, orderVariant, type VariantSource } from './order-variants.ts';
import { PLAIN_ORDER } from './plain-order.ts';
import { RandomIntegers } from './random-integers.ts';

const [USD, BTC, ETH] = STREAM_ASSETS;
const SHARED = { tickScale: 2, makerRatePpm: 2_000, takerRatePpm: 4_000 } as const;

/** The markets of every stream: all quantities, a narrow range of them, and a coarse lot. */
export const STREAM_INSTRUMENTS: readonly Instrument[] = [
  {
    instrumentId: 1,
    symbol: 'btcusd',
    base: BTC,
    quote: USD,
    tickMantissa: 1n,
    lotUnits: 1n,
    min: 1,
    max: 2 ** 53 - 1,
  },
  { instrumentId: 2, symbol: 'ethusd', base: ETH, quote: USD, tickMantissa: 5n, lotUnits: 100n, min: 10, max: 1_000 },
  {
    instrumentId: 3,
    symbol: 'ethbtc',
    base: ETH,
    quote: BTC,
    tickMantissa: 1n,
    lotUnits: 10_000n,
    min: 2,
    max: 2 ** 52,
  },
].map(({ min, max, ...rest }) => defineInstrument({ ...SHARED, ...rest, minQuantityLots: min, maxQuantityLots: max }));

const ACCOUNTS = [101, 102, 103, 104, 105, 106];
const SWEEPER = 199;
const CLIENT_ORDER_ID_LENGTHS = [0, 0, 0, 1, 12, 30, 31, 32, 98, 99];
const MALFORMED_QUANTITIES = [0, -0, -1, 0.5, 1.5, Number.NaN, Infinity, -Infinity, 2 ** 53, 1e300];
const HUGE_QUANTITIES = [1, 2, 2 ** 51, 2 ** 52 - 1, 2 ** 52, 2 ** 53 - 2, MAX_QUANTITY_LOTS];
const POWERS = [6, 7, 8, 10, 12, 14, 15, 16, 18, 20, 24, 28, 30, 31];
/** Both sides of every place where a tree over the bits of a price could turn a page. */
const EDGE_PRICES = [1, ...POWERS.flatMap((power) => [2 ** power - 1, 2 ** power, 2 ** power + 1])].filter(
  (price) => price <= MAX_PRICE_TICKS,
);

type PriceStyle = 'oneTick' | 'narrow' | 'wide' | 'lowEnd' | 'highEnd' | 'edges' | 'scattered';
type QuantityStyle = 'small' | 'medium' | 'huge';

interface KnownOrder {
  readonly instrumentId: number;
  readonly accountId: number;
  readonly orderId: number;
  readonly side: Side;
  readonly priceTicks: number;
  readonly totalLots: number;
  readonly slot: number;
  readonly generation: number;
}

/**
 * Commands as a hostile but plausible gateway might send them: a crowded book where much trades, self-trades, cancels of
 * everything that can be named, broken fields, and in some seeds hardly any room. The seed decides the style too.
 * Slots and generations are the engine's to give: `observe` tells the stream what came of its commands.
 */
export class CommandStream {
  readonly limits: EngineLimits;
  readonly #random: RandomIntegers;
  readonly #definitions: DefinitionStream;
  readonly #priceStyle: PriceStyle;
  readonly #quantityStyle: QuantityStyle;
  readonly #cancelPercent: number;
  readonly #live = new Map<number, KnownOrder>();
  readonly #closed: KnownOrder[] = []; // the newest 64, and places that orders have left
  readonly #totalLots = new Map<number, number>(); // by order id
  #stoppedInstrumentId = 0; // the instrument stopped last, or 0
  #commandSequence = 0;
  #commandId = 5 * 2 ** 32;
  #timestampMs = 1_700_000_000_000;

  constructor(seed: number) {
    const random = new RandomIntegers(seed);
    this.#random = random;
    const isTiny = random.onceIn(3);
    this.limits = {
      maxOrders: isTiny ? random.oneOf([1, 3, 20, 64, 200]) : 4_096,
      maxLevels: isTiny ? random.oneOf([2, 6, 12, 40]) : 1_024,
      maxInstruments: STREAM_INSTRUMENTS.length + 1,
    };
    this.#priceStyle = random.oneOf(['oneTick', 'narrow', 'narrow', 'wide', 'lowEnd', 'highEnd', 'edges', 'scattered']);
    this.#quantityStyle = random.oneOf(['small', 'small', 'medium', 'huge']);
    this.#cancelPercent = random.oneOf([5, 20, 40]);
    this.#definitions = new DefinitionStream(random, STREAM_INSTRUMENTS, this.limits.maxInstruments);
  }

  next(): ExchangeCommand {
    const random = this.#random;
    const definition = this.#definitions.nextAtStart(() => this.#header(0));
    if (definition !== null) return definition;
    if (random.onceIn(150)) return this.#definitions.nextLater(() => this.#header(0));
    if (random.onceIn(this.#stoppedInstrumentId === 0 ? 200 : 25)) return this.#setInstrumentState();
    if (random.onceIn(60)) return this.#massCancel();
    if (random.onceIn(100)) return this.#updateInstrument();
    if (random.onceIn(40)) return this.#time();
    if (random.onceIn(10)) return this.#amendOrder();
    if (random.onceIn(200)) return { kind: CommandKind.CHECKPOINT, header: this.#header(0) };
    return random.below(100) < this.#cancelPercent ? this.#cancelOrder() : this.#newOrder();
  }

  observe(events: readonly ExchangeEvent[]): void {
    for (const event of events) {
      if (event.kind === EventKind.ACCEPTED) {
        this.#totalLots.set(event.orderId, event.quantityLots);
      } else if (event.kind === EventKind.BOOKED || event.kind === EventKind.STOP_PLACED) {
        const { instrumentId, accountId, orderId, side, priceTicks, slot, generation } = event;
        const totalLots = this.#totalLots.get(orderId)!;
        this.#live.set(orderId, { instrumentId, accountId, orderId, side, priceTicks, totalLots, slot, generation });
      } else if (event.kind === EventKind.AMENDED) {
        const { orderId, priceTicks, totalLots } = event;
        this.#totalLots.set(orderId, totalLots);
        this.#live.set(orderId, { ...this.#live.get(orderId)!, priceTicks, totalLots });
        if (event.slot < 0) this.#close(orderId);
      } else if (event.kind === EventKind.CANCELLED || event.kind === EventKind.EXPIRED) {
        this.#close(event.orderId);
      } else if (event.kind === EventKind.TRIGGERED) {
        this.#close(event.orderId);
      } else if (event.kind === EventKind.FILLED && event.makerRemainingLots === 0) {
        this.#close(event.makerOrderId);
      }
    }
  }

  #close(orderId: number): void {
    const order = this.#live.get(orderId);
    if (order === undefined) return; // never rested
    this.#live.delete(orderId);
    this.#closed.push(order);
    if (this.#closed.length > 64) this.#closed.shift();
  }

  #header(accountId: number): CommandHeader {
    const random = this.#random;
    this.#commandSequence += 1;
    this.#commandId += random.between(1, 3);
    this.#timestampMs += random.below(3);
    return {
      commandSequence: this.#commandSequence,
      commandId: this.#commandId,
      timestampMs: this.#timestampMs,
      accountId,
      ledgerSequence: random.below(1_000_000),
    };
  }

  #newOrder(): NewOrderCommand {
    const random = this.#random;
    if (random.onceIn(25)) return this.#sweep();
    const accountId = random.oneOf(ACCOUNTS);
    const instrument = random.oneOf(STREAM_INSTRUMENTS);
    const side = random.oneOf([Side.BUY, Side.SELL]);
    let order: NewOrderFields = {
      instrumentId: instrument.instrumentId,
      side,
      keyId: accountId * 10 + random.below(2),
      orderType: 0,
      timeInForce: random.oneOf([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
      selfTradePrevention: 0,
      flags: 0,
      priceTicks: this.#priceTicks(side),
      stopPriceTicks: random.onceIn(20) ? random.between(1, MAX_PRICE_TICKS) : 0,
      quantityLots: this.#quantityLots(instrument),
      budgetUnits: 0n,
      expiresAtMs: random.onceIn(20) ? this.#timestampMs + random.below(1_000_000) : 0,
      makerRatePpm: random.oneOf(RATES_PPM),
      takerRatePpm: random.oneOf(RATES_PPM),
      clientOrderId: this.#clientOrderId(),
    };
    if (random.onceIn(6)) {
      const timeInForce = random.onceIn(10) ? order.timeInForce : TimeInForce.GTC;
      order = { ...order, flags: OrderFlag.POST_ONLY, timeInForce };
    }
    if (!random.onceIn(3)) order = orderVariant(this.#variants(), order, instrument);
    if (random.onceIn(12)) order = { ...order, ...this.#brokenField(instrument) };
    return { kind: CommandKind.NEW_ORDER, header: this.#header(accountId), order };
  }

  #variants(): VariantSource {
    const priceTicks = (side: Side): number => this.#priceTicks(side);
    return { random: this.#random, timestampMs: this.#timestampMs, priceTicks };
  }

  /** Much at once, at the other side's prices, for an account that never rests and so never meets itself. */
  #sweep(): NewOrderCommand {
    const random = this.#random;
    const { instrumentId, maxQuantityLots } = random.oneOf(STREAM_INSTRUMENTS);
    const side = random.oneOf([Side.BUY, Side.SELL]);
    const order: NewOrderFields = {
      ...PLAIN_ORDER,
      instrumentId,
      side,
      timeInForce: TimeInForce.IOC,
      priceTicks: this.#priceTicks(side === Side.BUY ? Side.SELL : Side.BUY),
      quantityLots: Math.min(maxQuantityLots, random.oneOf([500, 5_000, MAX_QUANTITY_LOTS])),
    };
    return { kind: CommandKind.NEW_ORDER, header: this.#header(SWEEPER), order };
  }

  /** One field, or two, that the core must refuse: the first check that fails decides the reason. */
  #brokenField(instrument: Instrument): Partial<NewOrderFields> {
    const random = this.#random;
    const broken: readonly Partial<NewOrderFields>[] = [
      { instrumentId: random.oneOf([0, 4, 5, 65_535]) },
      { side: random.oneOf([2, 3, 128, 129, 254, 255]) as Side },
      { orderType: random.oneOf([1, 4, 255]) as OrderType },
      { timeInForce: random.oneOf([3, 4, 127, 128, 129, 255]) as TimeInForce },
      { selfTradePrevention: random.oneOf([4, 5, 255]) as SelfTradePrevention },
      { flags: random.oneOf([4, 5, 128, 129]) },
      { flags: random.oneOf([2, 3, 255]), budgetUnits: random.oneOf([0n, 1n, 2n ** 53n + 1n, 2n ** 63n - 1n]) },
      { priceTicks: random.oneOf([0, -1, -(2 ** 31)]) },
      { quantityLots: random.oneOf(MALFORMED_QUANTITIES) },
      { quantityLots: random.oneOf([instrument.minQuantityLots - 1, instrument.maxQuantityLots + 1]) },
    ];
    return random.onceIn(4) ? { ...random.oneOf(broken), ...random.oneOf(broken) } : random.oneOf(broken);
  }

  #priceTicks(side: Side): number {
    const random = this.#random;
    switch (this.#priceStyle) {
      case 'oneTick':
        return 1_000;
      case 'narrow':
        return random.between(996, 1_004);
      case 'wide': // bids below asks for the most part, so that both sides grow deep
        return side === Side.BUY ? random.between(900, 1_010) : random.between(990, 1_100);
      case 'lowEnd':
        return random.between(1, 3);
      case 'highEnd':
        return MAX_PRICE_TICKS - random.below(3);
      case 'edges':
        return random.oneOf(EDGE_PRICES);
      case 'scattered': {
        const one = random.between(1, MAX_PRICE_TICKS);
        const other = random.between(1, MAX_PRICE_TICKS);
        return side === Side.BUY ? Math.min(one, other) : Math.max(one, other);
      }
    }
  }

  #quantityLots({ minQuantityLots, maxQuantityLots }: Instrument): number {
    const random = this.#random;
    if (random.onceIn(20)) return random.oneOf([minQuantityLots, maxQuantityLots]);
    const wanted =
      this.#quantityStyle === 'small'
        ? minQuantityLots + random.below(10)
        : this.#quantityStyle === 'medium'
          ? minQuantityLots + random.below(1_000)
          : random.oneOf(HUGE_QUANTITIES);
    return Math.min(Math.max(wanted, minQuantityLots), maxQuantityLots);
  }

  #clientOrderId(): string {
    const length = this.#random.oneOf(CLIENT_ORDER_ID_LENGTHS);
    return Array.from({ length }, () => String.fromCharCode(this.#random.between(32, 126))).join('');
  }

  /** Mostly of one account on one instrument; sometimes of everybody. */
  #massCancel(): MassCancelCommand {
    const random = this.#random;
    const accountId = random.onceIn(10) ? 0 : random.oneOf(ACCOUNTS);
    const massCancel = {
      instrumentId: random.oneOf([0, 1, 2, 3, 9]),
      keyId: random.oneOf([0, 0, accountId * 10, accountId * 10 + 1, 7]),
    };
    return { kind: CommandKind.MASS_CANCEL, header: this.#header(accountId), massCancel };
  }

  /** Another state than trading does not last: the next command of this kind is likely to end it. */
  #setInstrumentState(): SetInstrumentStateCommand {
    const random = this.#random;
    const stopped = this.#stoppedInstrumentId;
    const change =
      stopped !== 0 && !random.onceIn(4)
        ? { instrumentId: stopped, state: InstrumentState.TRADING }
        : {
            instrumentId: random.oneOf([1, 2, 3, 1, 2, 3, 0, 4]),
            state: random.onceIn(8)
              ? (random.oneOf([4, 255]) as InstrumentState)
              : random.oneOf(Object.values(InstrumentState)),
          };
    this.#stoppedInstrumentId = change.state === InstrumentState.TRADING ? 0 : change.instrumentId;
    return { kind: CommandKind.SET_INSTRUMENT_STATE, header: this.#header(0), change };
  }

  /** Half of them can succeed. The others name something closed, someone else's, never issued or slightly wrong. */
  #cancelOrder(): CancelOrderCommand {
    const { accountId, instrumentId, orderId, slot, generation } = this.#namedOrder(2);
    const cancel = { instrumentId, orderId, slot, generation, keyId: accountId * 10 };
    return { kind: CommandKind.CANCEL_ORDER, header: this.#header(accountId), cancel };
  }

  #amendOrder(): AmendOrderCommand {
    const random = this.#random;
    const { accountId, totalLots, ...order } = this.#namedOrder(8);
    const amend = {
      ...order,
      keyId: accountId * 10,
      side: random.onceIn(20) ? random.oneOf([Side.BUY, Side.SELL, 2 as Side]) : order.side,
      priceTicks: random.onceIn(2)
        ? order.priceTicks
        : random.onceIn(20)
          ? random.oneOf([0, -1])
          : this.#priceTicks(order.side),
      quantityLots: amendedLots(random, totalLots),
      heldUnits: random.oneOf([0n, 1n, BigInt(random.below(2 ** 50)), 2n ** 62n]),
    };
    return { kind: CommandKind.AMEND_ORDER, header: this.#header(accountId), amend };
  }

  /** Now and then it jumps ahead, so that many orders expire at once. */
  #time(): TimeCommand {
    if (this.#random.onceIn(4)) this.#timestampMs += this.#random.below(500);
    return { kind: CommandKind.TIME, header: this.#header(0) };
  }

  #updateInstrument(): UpdateInstrumentCommand {
    const random = this.#random;
    const priceTicks = this.#priceTicks(random.oneOf([Side.BUY, Side.SELL]));
    const update = instrumentUpdate(random, random.oneOf(STREAM_INSTRUMENTS), priceTicks);
    return { kind: CommandKind.UPDATE_INSTRUMENT, header: this.#header(0), update };
  }

  /** @param onceIn how often the name is wrong; one in five of the others names something closed or never issued */
  #namedOrder(onceIn: number): KnownOrder {
    const random = this.#random;
    const live = [...this.#live.values()];
    const source = live.length > 0 && !random.onceIn(5) ? live : this.#closed;
    const target = source.length > 0 ? random.oneOf(source) : { ...NEVER_ISSUED, orderId: this.#commandId };
    return random.onceIn(onceIn) ? { ...target, ...this.#wrongName(target, live) } : target;
  }

  #wrongName(target: KnownOrder, live: readonly KnownOrder[]): Partial<KnownOrder> {
    const random = this.#random;
    const other = live.length > 0 ? random.oneOf(live) : target;
    return random.oneOf<Partial<KnownOrder>>([
      { accountId: random.oneOf(ACCOUNTS) },
      { instrumentId: random.oneOf([0, 1, 2, 3, 4, 65_535]) },
      { orderId: random.oneOf([0, 1, target.orderId + 1, 2 ** 53 - 1, other.orderId]) },
      { generation: random.oneOf([0, 1, (target.generation + 1) >>> 0, (target.generation - 1) >>> 0, 2 ** 32 - 1]) },
      { slot: random.oneOf([-1, -(2 ** 31), 2 ** 31 - 1, this.limits.maxOrders, target.slot + 1, other.slot]) },
      { slot: other.slot, generation: other.generation },
    ]);
  }
}

const NEVER_ISSUED: KnownOrder = {
  instrumentId: 1,
  accountId: 101,
  orderId: 0,
  side: Side.BUY,
  priceTicks: 1_000,
  totalLots: 1,
  slot: 0,
  generation: 0,
};
