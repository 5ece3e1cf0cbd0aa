import type { EngineLimits } from '../../core/engine/engine.ts';
import type {
  AcceptedEvent,
  AmendedEvent,
  BookedEvent,
  CancelledEvent,
  ExchangeEvent,
  ExpiredEvent,
  FilledEvent,
  MassCancelledEvent,
  ReducedEvent,
  RejectedEvent,
  StopPlacedEvent,
  TimeAdvancedEvent,
  TriggeredEvent,
} from '../../core/protocol/event-decoder.ts';
import {
  CancelReason,
  EventKind,
  OrderFlag,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../core/protocol/kinds.ts';
import type {
  AmendOrderCommand,
  CancelOrderCommand,
  MassCancelCommand,
  NewOrderCommand,
  TimeCommand,
} from './exchange-command.ts';
import { mayRest, type ReferenceRoom, refusalOfAmend, refusalOfOrder, refusalToRest } from './reference-checks.ts';
import {
  amendRefusal,
  cancelRefusal,
  fill,
  orderFields,
  type Place,
  type RestingOrder,
  stateFields,
  type WithoutHeader,
  wanted,
} from './reference-events.ts';
import type { ReferenceMarket } from './reference-market.ts';

type Emit = <Event extends ExchangeEvent>(body: WithoutHeader<Event>) => void;

/** Everything that orders do and have done to them, step by step as the rules say it. */
export class ReferenceMatching {
  readonly #limits: EngineLimits;
  readonly #markets: ReadonlyMap<number, ReferenceMarket>;
  readonly #emit: Emit;
  readonly #usedPlaces = new Set<string>();
  #places: Place[] = []; // that the engine gave out in this command, in order
  #commandId = 0;
  #isWithinBand: (priceTicks: number) => boolean = () => true;
  #tradedTicks: number[] = []; // since the stops were looked at

  constructor(limits: EngineLimits, markets: ReadonlyMap<number, ReferenceMarket>, emit: Emit) {
    this.#limits = limits;
    this.#markets = markets;
    this.#emit = emit;
  }

  /** @param places where the engine put what it booked, and the stops that wait, in order */
  begin(commandId: number, places: readonly Place[]): void {
    this.#commandId = commandId;
    this.#places = [...places];
  }

  allResting(): RestingOrder[] {
    return [...this.#markets.values()].flatMap((market) => market.all());
  }

  newOrder(command: NewOrderCommand): void {
    const { header, order } = command;
    const market = this.#markets.get(order.instrumentId);
    const reason = refusalOfOrder(market, order, header.timestampMs, this.#room());
    if (reason !== RejectReason.NONE) {
      const byBudget = (order.flags & OrderFlag.BY_BUDGET) !== 0;
      const fields = stateFields(command, wanted(command), byBudget ? 0n : 0, this.#commandId);
      this.#emit<RejectedEvent>({ kind: EventKind.REJECTED, ...fields, reason });
      return;
    }
    this.#emit<AcceptedEvent>({
      kind: EventKind.ACCEPTED,
      ...orderFields(command),
      quantityLots: order.quantityLots,
      budgetUnits: order.budgetUnits,
      expiresAtMs: order.expiresAtMs,
      clientOrderId: order.clientOrderId,
    });
    this.#isWithinBand = market!.bandNow();
    if (order.orderType === OrderType.STOP_LIMIT || order.orderType === OrderType.STOP_MARKET) {
      const last = market!.lastTradeTicks;
      const isThere = order.side === Side.BUY ? last >= order.stopPriceTicks : last <= order.stopPriceTicks;
      if (last === 0 || !isThere) {
        this.#wait(market!, command);
        return;
      }
      const fields = stateFields(command, order.quantityLots, order.quantityLots, this.#commandId);
      this.#emit<TriggeredEvent>({ kind: EventKind.TRIGGERED, ...fields });
    }
    this.#act(market!, command, wanted(command), order.quantityLots);
    this.#triggerStops(market!);
  }

  cancelOrder({ header, cancel }: CancelOrderCommand): void {
    const market = this.#markets.get(cancel.instrumentId);
    const found = market?.all().find((order) => isNamed(order, header.accountId, cancel));
    if (market === undefined || found === undefined) {
      this.#emit(cancelRefusal(header, cancel, RejectReason.UNKNOWN_ORDER));
      return;
    }
    market.remove(found);
    this.#cancelResting(found, CancelReason.REQUESTED);
  }

  amendOrder({ header, amend }: AmendOrderCommand): void {
    const market = this.#markets.get(amend.instrumentId);
    const found = market?.all().find((order) => isNamed(order, header.accountId, amend));
    const reason =
      market === undefined || found === undefined
        ? RejectReason.UNKNOWN_ORDER
        : refusalOfAmend(market, found, amend, this.#room());
    if (market === undefined || found === undefined || reason !== RejectReason.NONE) {
      this.#emit(amendRefusal(header, amend, reason));
      return;
    }
    const { order } = found.command;
    const command = {
      ...found.command,
      order: { ...order, priceTicks: amend.priceTicks, quantityLots: amend.quantityLots },
    };
    const remainingLots = amend.quantityLots - (found.totalLots - found.remainingLots);
    const keepsPlace =
      market.isWaiting(found) || (amend.priceTicks === order.priceTicks && amend.quantityLots <= found.totalLots);
    this.#emit<AmendedEvent>({
      kind: EventKind.AMENDED,
      ...stateFields(command, found.remainingLots, remainingLots, this.#commandId),
      ...(keepsPlace ? found.place : {}),
      totalLots: amend.quantityLots,
      heldUnits: amend.heldUnits,
      priceTicksBefore: order.priceTicks,
    });
    if (keepsPlace) {
      market.replace(found, { ...found, command, remainingLots, totalLots: amend.quantityLots });
      return;
    }
    market.remove(found);
    this.#isWithinBand = market.bandNow();
    this.#act(market, command, remainingLots, amend.quantityLots);
    this.#triggerStops(market);
  }

  /** In the order of slots: the only order that the engine can promise without lists per account. */
  massCancel({ header, massCancel }: MassCancelCommand): void {
    const { instrumentId, keyId } = massCancel;
    const taken = this.allResting()
      .filter(({ command }) => header.accountId === 0 || command.header.accountId === header.accountId)
      .filter(({ command }) => instrumentId === 0 || command.order.instrumentId === instrumentId)
      .filter(({ command }) => keyId === 0 || command.order.keyId === keyId)
      .sort((one, other) => one.place.slot - other.place.slot);
    for (const order of taken) {
      this.#marketOf(order).remove(order);
      this.#cancelResting(order, CancelReason.MASS_CANCELLED);
    }
    this.#emit<MassCancelledEvent>({
      kind: EventKind.MASS_CANCELLED,
      commandId: header.commandId,
      accountId: header.accountId,
      instrumentId,
      keyId,
      cancelledOrders: taken.length,
    });
  }

  advanceTime({ header }: TimeCommand): void {
    const over = this.allResting()
      .filter(({ command }) => command.order.timeInForce === TimeInForce.GTD)
      .filter(({ command }) => command.order.expiresAtMs <= header.timestampMs)
      .sort(
        ({ command: one }, { command: other }) =>
          one.order.expiresAtMs - other.order.expiresAtMs || one.header.commandId - other.header.commandId,
      );
    for (const order of over) {
      this.#marketOf(order).remove(order);
      const fields = stateFields(order.command, order.remainingLots, 0, this.#commandId);
      this.#emit<ExpiredEvent>({ kind: EventKind.EXPIRED, ...fields, ...order.place });
    }
    const { commandId } = header;
    this.#emit<TimeAdvancedEvent>({ kind: EventKind.TIME_ADVANCED, commandId, expiredOrders: over.length });
  }

  /** @param remaining lots, or units of an order by budget */
  #act(market: ReferenceMarket, taker: NewOrderCommand, remaining: number | bigint, total: number): void {
    const { order } = taker;
    if ((order.flags & OrderFlag.POST_ONLY) !== 0 && market.crossing(taker).length > 0) {
      this.#cancelTaker(taker, remaining, CancelReason.POST_ONLY);
      return;
    }
    if (order.timeInForce === TimeInForce.FOK) {
      const obstacle = this.#fillOrKillObstacle(market, taker, remaining as number);
      if (obstacle !== null) {
        this.#cancelTaker(taker, remaining, obstacle);
        return;
      }
    }
    let left = remaining;
    while (left > 0) {
      const maker = market.crossing(taker)[0];
      if (maker === undefined) break;
      const { priceTicks } = maker.command.order;
      if (!this.#isWithinBand(priceTicks)) {
        this.#cancelTaker(taker, left, CancelReason.PRICE_BAND);
        return;
      }
      const unitsPerLot = BigInt(priceTicks) * market.quoteUnitsPerTickLot;
      const wantedLots = typeof left === 'bigint' ? left / unitsPerLot : BigInt(left);
      if (wantedLots === 0n) {
        this.#cancelTaker(taker, left, CancelReason.BUDGET_REMAINDER);
        return;
      }
      const lots = wantedLots < BigInt(maker.remainingLots) ? Number(wantedLots) : maker.remainingLots;
      const after = typeof left === 'bigint' ? left - BigInt(lots) * unitsPerLot : left - lots;
      if (maker.command.header.accountId !== taker.header.accountId) {
        maker.remainingLots -= lots;
        if (maker.remainingLots === 0) market.remove(maker);
        market.lastTradeTicks = priceTicks;
        this.#tradedTicks.push(priceTicks);
        this.#emit<FilledEvent>(fill(maker, taker, lots, after));
        left = after;
        continue;
      }
      const mode = order.selfTradePrevention;
      if (mode === SelfTradePrevention.CANCEL_OLDEST || mode === SelfTradePrevention.CANCEL_BOTH) {
        market.remove(maker);
        this.#cancelResting(maker, CancelReason.SELF_TRADE);
      } else if (mode === SelfTradePrevention.DECREMENT) {
        this.#takeOff(market, maker, lots);
      }
      const goesOn =
        mode === SelfTradePrevention.CANCEL_OLDEST || (mode === SelfTradePrevention.DECREMENT && after > 0);
      if (!goesOn) {
        this.#cancelTaker(taker, left, CancelReason.SELF_TRADE);
        return;
      }
      if (mode === SelfTradePrevention.CANCEL_OLDEST) continue;
      const fields = stateFields(taker, left, after, this.#commandId);
      this.#emit<ReducedEvent>({ kind: EventKind.REDUCED, ...fields, reason: CancelReason.SELF_TRADE });
      left = after;
    }
    if (left > 0) this.#restOrCancel(market, taker, left, total);
  }

  #restOrCancel(market: ReferenceMarket, taker: NewOrderCommand, left: number | bigint, totalLots: number): void {
    const { order } = taker;
    if (!mayRest(order)) {
      const isMarket = order.orderType === OrderType.MARKET || order.orderType === OrderType.STOP_MARKET;
      this.#cancelTaker(taker, left, isMarket ? CancelReason.MARKET_REMAINDER : CancelReason.IMMEDIATE_OR_CANCEL);
      return;
    }
    const remainingLots = left as number;
    const room = this.#room();
    if (room.orders === 0 || refusalToRest(market, order, remainingLots, room, null) !== RejectReason.NONE) {
      this.#cancelTaker(taker, left, CancelReason.BOOK_FULL);
      return;
    }
    const place = this.#takePlace();
    market.rest({ command: taker, place, remainingLots, totalLots });
    const fields = stateFields(taker, remainingLots, remainingLots, this.#commandId);
    this.#emit<BookedEvent>({ kind: EventKind.BOOKED, ...fields, ...place });
  }

  #wait(market: ReferenceMarket, command: NewOrderCommand): void {
    const { order } = command;
    const waiting = { ...command, order: { ...order, flags: order.flags | OrderFlag.UNTRIGGERED } };
    const lots = order.quantityLots;
    const place = this.#takePlace();
    market.wait({ command: waiting, place, remainingLots: lots, totalLots: lots });
    const fields = stateFields(waiting, lots, lots, this.#commandId);
    this.#emit<StopPlacedEvent>({ kind: EventKind.STOP_PLACED, ...fields, ...place });
  }

  #triggerStops(market: ReferenceMarket): void {
    for (;;) {
      const [highest, lowest] = [Math.max(...this.#tradedTicks), Math.min(...this.#tradedTicks)];
      const [buys, sells] = market.waiting;
      const buy = buys.find(({ command }) => command.order.stopPriceTicks <= highest);
      const stop = buy ?? sells.find(({ command }) => command.order.stopPriceTicks >= lowest);
      if (stop === undefined) break;
      market.remove(stop);
      const { order } = stop.command;
      const command = { ...stop.command, order: { ...order, flags: order.flags & ~OrderFlag.UNTRIGGERED } };
      const fields = stateFields(command, stop.remainingLots, stop.remainingLots, this.#commandId);
      this.#emit<TriggeredEvent>({ kind: EventKind.TRIGGERED, ...fields });
      this.#act(market, command, stop.remainingLots, stop.totalLots);
    }
    this.#tradedTicks = [];
  }

  #fillOrKillObstacle(market: ReferenceMarket, taker: NewOrderCommand, lots: number): CancelReason | null {
    let foundLots = 0n;
    for (const maker of market.crossing(taker)) {
      if (!this.#isWithinBand(maker.command.order.priceTicks)) return CancelReason.PRICE_BAND;
      if (maker.command.header.accountId === taker.header.accountId) {
        if (taker.order.selfTradePrevention === SelfTradePrevention.CANCEL_OLDEST) continue;
        return CancelReason.SELF_TRADE;
      }
      foundLots += BigInt(maker.remainingLots);
      if (foundLots >= BigInt(lots)) return null;
    }
    return CancelReason.FILL_OR_KILL;
  }

  /** Makes a resting order smaller without a trade, or cancels all of it. */
  #takeOff(market: ReferenceMarket, maker: RestingOrder, lots: number): void {
    const after = maker.remainingLots - lots;
    if (after === 0) {
      market.remove(maker);
      this.#cancelResting(maker, CancelReason.SELF_TRADE);
      return;
    }
    const fields = stateFields(maker.command, maker.remainingLots, after, this.#commandId);
    this.#emit<ReducedEvent>({ kind: EventKind.REDUCED, ...fields, ...maker.place, reason: CancelReason.SELF_TRADE });
    maker.remainingLots = after;
  }

  #cancelResting({ command, remainingLots, place }: RestingOrder, reason: CancelReason): void {
    const fields = stateFields(command, remainingLots, 0, this.#commandId);
    this.#emit<CancelledEvent>({ kind: EventKind.CANCELLED, ...fields, ...place, reason });
  }

  #cancelTaker(taker: NewOrderCommand, left: number | bigint, reason: CancelReason): void {
    const fields = stateFields(taker, left, typeof left === 'bigint' ? 0n : 0, this.#commandId);
    this.#emit<CancelledEvent>({ kind: EventKind.CANCELLED, ...fields, reason });
  }

  /** @throws Error when the place is impossible: taken by a live order, outside the pool, or given out before */
  #takePlace(): Place {
    const given = this.#places.shift();
    if (given === undefined) return { slot: Number.NaN, generation: Number.NaN };
    const { slot, generation } = given;
    if (slot < 0 || slot >= this.#limits.maxOrders) throw new Error(`slot ${slot} of ${this.#limits.maxOrders}`);
    if (this.allResting().some((resting) => resting.place.slot === slot))
      throw new Error(`slot ${slot} belongs to two live orders`);
    const place = `${slot}/${generation}`;
    if (this.#usedPlaces.has(place)) throw new Error(`slot/generation ${place} given out twice`);
    this.#usedPlaces.add(place);
    return given;
  }

  #marketOf({ command }: RestingOrder): ReferenceMarket {
    return this.#markets.get(command.order.instrumentId)!;
  }

  #room(): ReferenceRoom {
    let levels = this.#limits.maxLevels;
    for (const market of this.#markets.values()) levels -= market.levelCount();
    return { orders: this.#limits.maxOrders - this.allResting().length, levels };
  }
}

function isNamed(
  { command, place }: RestingOrder,
  accountId: number,
  name: { readonly orderId: number; readonly slot: number; readonly generation: number },
): boolean {
  return (
    command.header.commandId === name.orderId &&
    command.header.accountId === accountId &&
    place.slot === name.slot &&
    place.generation === name.generation
  );
}
