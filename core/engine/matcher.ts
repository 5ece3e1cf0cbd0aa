import { LEVEL, LEVEL_WORDS } from '../book/level-pool.ts';
import type { BookMemory, OrderBook } from '../book/order-book.ts';
import { COLD, COLD_WORDS, HOT, HOT_WORDS, NIL } from '../book/order-pool.ts';
import { MAX_PRICE_TICKS } from '../money/instrument.ts';
import { CANCEL_ORDER, COMMAND, NEW_ORDER } from '../protocol/command-record.ts';
import {
  CancelReason,
  OrderFlag,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import type { CommandContext, OrderEvents } from './order-events.ts';

/** What the matcher needs to know of an instrument: its book, and what it takes. */
export interface Market {
  readonly instrumentId: number;
  readonly book: OrderBook;
  readonly minQuantityLots: number;
  readonly maxQuantityLots: number;
}

/** Applies order commands to one book: checks, matches in price-time order at the maker's price, rests what is left. */
export class Matcher {
  readonly #memory: BookMemory;
  readonly #events: OrderEvents;
  readonly #context: CommandContext;

  constructor(memory: BookMemory, events: OrderEvents, context: CommandContext) {
    this.#memory = memory;
    this.#events = events;
    this.#context = context;
  }

  /** @param market undefined for an instrument that is not defined */
  newOrder(market: Market | undefined, command: RecordWindow, at: number, continuationAt: number): void {
    const refusal = this.#refusal(market, command, at);
    if (refusal !== RejectReason.NONE || market === undefined) {
      this.#events.rejected(command, at, refusal);
      return;
    }
    const { book } = market;
    const side = command.u8[at + COMMAND.SIDE] as Side;
    const limitTicks = command.i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!;
    const quantityLots = command.f64[(at + NEW_ORDER.QUANTITY_LOTS) >> 3]!;
    const accountId = command.u32[(at + COMMAND.ACCOUNT_ID) >> 2]!;
    const timeInForce = command.u8[at + NEW_ORDER.TIME_IN_FORCE]!;
    this.#events.accepted(command, at, continuationAt);

    const isPostOnly = (command.u8[at + NEW_ORDER.FLAGS]! & OrderFlag.POST_ONLY) !== 0;
    if (isPostOnly && book.crossedLevel(side, limitTicks) !== NIL) {
      this.#events.takerCancelled(command, at, quantityLots, CancelReason.POST_ONLY);
      return;
    }
    if (timeInForce === TimeInForce.FOK) {
      const obstacle = this.#obstacleToFillingAll(book, side, limitTicks, quantityLots, accountId);
      if (obstacle !== 0) {
        this.#events.takerCancelled(command, at, quantityLots, obstacle);
        return;
      }
    }
    const remainingLots = this.#match(book, command, at, side, limitTicks, quantityLots, accountId);
    if (remainingLots === 0) return;
    if (remainingLots < 0) {
      this.#events.takerCancelled(command, at, -remainingLots, CancelReason.SELF_TRADE);
    } else if (timeInForce === TimeInForce.GTC) {
      this.#rest(book, command, at, side, limitTicks, remainingLots, accountId);
    } else {
      this.#events.takerCancelled(command, at, remainingLots, CancelReason.IMMEDIATE_OR_CANCEL);
    }
  }

  cancelOrder(market: Market | undefined, command: RecordWindow, at: number): void {
    const { orders } = this.#memory;
    const slot = command.i32[(at + CANCEL_ORDER.SLOT) >> 2]!;
    const generation = command.u32[(at + CANCEL_ORDER.GENERATION) >> 2]!;
    const orderId = command.f64[(at + CANCEL_ORDER.ORDER_ID) >> 3]!;
    if (
      market === undefined ||
      !orders.isLive(slot, generation, orderId) ||
      orders.hotU32[slot * HOT_WORDS + HOT.ACCOUNT_ID] !== command.u32[(at + COMMAND.ACCOUNT_ID) >> 2] ||
      orders.coldU32[slot * COLD_WORDS + COLD.INSTRUMENT_ID] !== market.instrumentId
    ) {
      this.#events.cancelRejected(command, at, RejectReason.UNKNOWN_ORDER);
      return;
    }
    this.#events.restingCancelled(slot, CancelReason.REQUESTED);
    market.book.remove(orders.coldU32[slot * COLD_WORDS + COLD.SIDE] as Side, slot);
  }

  #refusal(market: Market | undefined, command: RecordWindow, at: number): RejectReason {
    if (market === undefined) return RejectReason.UNKNOWN_INSTRUMENT;
    const side = command.u8[at + COMMAND.SIDE]!;
    const timeInForce = command.u8[at + NEW_ORDER.TIME_IN_FORCE]!;
    const flags = command.u8[at + NEW_ORDER.FLAGS]!;
    if (
      side > Side.SELL ||
      command.u8[at + NEW_ORDER.ORDER_TYPE] !== OrderType.LIMIT ||
      timeInForce > TimeInForce.FOK ||
      command.u8[at + NEW_ORDER.SELF_TRADE_PREVENTION] !== SelfTradePrevention.CANCEL_NEWEST ||
      (flags & ~OrderFlag.POST_ONLY) !== 0 ||
      (flags !== 0 && timeInForce !== TimeInForce.GTC)
    )
      return RejectReason.MALFORMED;
    const priceTicks = command.i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!;
    if (priceTicks < 1 || priceTicks > MAX_PRICE_TICKS) return RejectReason.PRICE_OUT_OF_RANGE;
    const lots = command.f64[(at + NEW_ORDER.QUANTITY_LOTS) >> 3]!;
    // Written so that a NaN fails it too.
    if (!(lots >= market.minQuantityLots && lots <= market.maxQuantityLots && Math.floor(lots) === lots))
      return RejectReason.QUANTITY_OUT_OF_RANGE;
    // Asked before matching, even of an order that would be filled at once: what is accepted can always rest.
    return timeInForce === TimeInForce.GTC
      ? market.book.refusalToRest(side as Side, priceTicks, lots)
      : RejectReason.NONE;
  }

  /** @returns lots that remain; negative when an order of the same account stands next, so that the rest must go. */
  #match(
    book: OrderBook,
    command: RecordWindow,
    at: number,
    side: Side,
    limitTicks: number,
    quantityLots: number,
    accountId: number,
  ): number {
    const { orders, levels } = this.#memory;
    const { hotF64, hotU32 } = orders;
    const makerSide = side === Side.BUY ? Side.SELL : Side.BUY;
    let remainingLots = quantityLots;
    let level = book.crossedLevel(side, limitTicks);
    while (level !== NIL) {
      const priceTicks = levels.i32[level * LEVEL_WORDS + LEVEL.PRICE_TICKS]!;
      let makerSlot = levels.i32[level * LEVEL_WORDS + LEVEL.HEAD_SLOT]!;
      while (makerSlot !== NIL) {
        if (hotU32[makerSlot * HOT_WORDS + HOT.ACCOUNT_ID] === accountId) return -remainingLots;
        const restingLots = hotF64[makerSlot * 4 + HOT.RESTING_LOTS]!;
        if (restingLots > remainingLots) {
          this.#events.filled(command, at, makerSlot, priceTicks, remainingLots, restingLots - remainingLots, 0);
          book.reduce(makerSide, makerSlot, remainingLots);
          return 0;
        }
        remainingLots -= restingLots;
        this.#events.filled(command, at, makerSlot, priceTicks, restingLots, 0, remainingLots);
        const nextSlot = orders.nextSlot[makerSlot]!;
        book.remove(makerSide, makerSlot);
        if (remainingLots === 0) return 0;
        makerSlot = nextSlot;
      }
      level = book.crossedLevel(side, limitTicks);
    }
    return remainingLots;
  }

  /** @returns 0 when the whole quantity would trade at once, else why it would not. Walks in price-time order. */
  #obstacleToFillingAll(
    book: OrderBook,
    side: Side,
    limitTicks: number,
    quantityLots: number,
    accountId: number,
  ): 0 | CancelReason {
    const { orders, levels } = this.#memory;
    const makerSide = side === Side.BUY ? Side.SELL : Side.BUY;
    let missingLots = quantityLots;
    for (let level = book.crossedLevel(side, limitTicks); level !== NIL; ) {
      const priceTicks = levels.i32[level * LEVEL_WORDS + LEVEL.PRICE_TICKS]!;
      if (side === Side.BUY ? priceTicks > limitTicks : priceTicks < limitTicks) break;
      let slot = levels.i32[level * LEVEL_WORDS + LEVEL.HEAD_SLOT]!;
      for (; slot !== NIL; slot = orders.nextSlot[slot]!) {
        if (orders.hotU32[slot * HOT_WORDS + HOT.ACCOUNT_ID] === accountId) return CancelReason.SELF_TRADE;
        missingLots -= orders.hotF64[slot * 4 + HOT.RESTING_LOTS]!;
        if (missingLots <= 0) return 0;
      }
      level = book.levelBehind(makerSide, priceTicks);
    }
    return CancelReason.FILL_OR_KILL;
  }

  #rest(
    book: OrderBook,
    command: RecordWindow,
    at: number,
    side: Side,
    limitTicks: number,
    remainingLots: number,
    accountId: number,
  ): void {
    const { orders } = this.#memory;
    const slot = orders.allocate();
    orders.hotF64[slot * 4 + HOT.RESTING_LOTS] = remainingLots;
    orders.hotF64[slot * 4 + HOT.ORDER_ID] = this.#context.commandId;
    orders.hotU32[slot * HOT_WORDS + HOT.ACCOUNT_ID] = accountId;
    const cold = slot * COLD_WORDS;
    const { coldU32, coldI32 } = orders;
    coldU32[cold + COLD.KEY_ID] = command.u32[(at + NEW_ORDER.KEY_ID) >> 2]!;
    coldU32[cold + COLD.TYPE_WORD] = command.u32[(at + NEW_ORDER.ORDER_TYPE) >> 2]!;
    coldI32[cold + COLD.LIMIT_TICKS] = limitTicks;
    coldI32[cold + COLD.STOP_PRICE_TICKS] = command.i32[(at + NEW_ORDER.STOP_PRICE_TICKS) >> 2]!;
    coldU32[cold + COLD.MAKER_RATE_PPM] = command.u32[(at + NEW_ORDER.MAKER_RATE_PPM) >> 2]!;
    coldU32[cold + COLD.TAKER_RATE_PPM] = command.u32[(at + NEW_ORDER.TAKER_RATE_PPM) >> 2]!;
    coldU32[cold + COLD.INSTRUMENT_ID] = command.u16[(at + COMMAND.INSTRUMENT_ID) >> 1]!;
    coldU32[cold + COLD.SIDE] = side;
    book.rest(side, limitTicks, slot);
    this.#events.booked(slot);
  }
}
