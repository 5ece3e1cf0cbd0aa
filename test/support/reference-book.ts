import type { EngineLimits } from '../../core/engine/engine.ts';
import { MAX_PRICE_TICKS, MAX_QUANTITY_LOTS } from '../../core/money/instrument.ts';
import type {
  AcceptedEvent,
  AssetDefinedEvent,
  BookedEvent,
  CancelledEvent,
  CancelRejectedEvent,
  CheckpointedEvent,
  DefinitionRejectedEvent,
  ExchangeEvent,
  FilledEvent,
  InstrumentDefinedEvent,
  RejectedEvent,
} from '../../core/protocol/event-decoder.ts';
import {
  CancelReason,
  CommandKind,
  EventKind,
  OrderFlag,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../core/protocol/kinds.ts';
import type {
  CancelOrderCommand,
  DefineAssetCommand,
  DefineInstrumentCommand,
  ExchangeCommand,
  NewOrderCommand,
} from './exchange-command.ts';
import {
  cancelRefusal,
  fill,
  orderFields,
  type Place,
  type RestingOrder,
  stateFields,
  type WithoutHeader,
} from './reference-events.ts';

/** The reference can't know a state hash: this stands in its CHECKPOINTED events. */
export const UNKNOWN_STATE_HASH = '????????????????';

interface ReferenceMarket {
  readonly minQuantityLots: number;
  readonly maxQuantityLots: number;
  /** By Side; best price first, at one price the oldest first. */
  readonly resting: [RestingOrder[], RestingOrder[]];
}

type EventBody = WithoutHeader<ExchangeEvent>;

/**
 * The exchange again, slow and obvious: plain objects in sorted arrays, searched from the front. Written from the rules
 * alone, so that it shares no mistake with the engine. Takes commands as objects, answers events as decodeEvent does.
 */
export class ReferenceExchange {
  readonly #limits: EngineLimits;
  readonly #assetIds = new Map<string, number>();
  readonly #symbols = new Set<string>();
  readonly #markets = new Map<number, ReferenceMarket>();
  readonly #usedPlaces = new Set<string>();
  #eventSequence = 0;
  #bodies: EventBody[] = [];

  constructor(limits: EngineLimits) {
    this.#limits = limits;
  }

  /**
   * @param place where the engine booked this command's order, if it did
   * @throws Error when the place is impossible: taken by a live order, outside the pool, or given out before
   */
  apply(command: ExchangeCommand, place: Place | undefined): ExchangeEvent[] {
    this.#bodies = [];
    switch (command.kind) {
      case CommandKind.NEW_ORDER:
        this.#newOrder(command, place);
        break;
      case CommandKind.CANCEL_ORDER:
        this.#cancelOrder(command);
        break;
      case CommandKind.CHECKPOINT:
        this.#emit<CheckpointedEvent>({
          kind: EventKind.CHECKPOINTED,
          commandId: command.header.commandId,
          stateHash: UNKNOWN_STATE_HASH,
          restingOrders: this.#allResting().length,
        });
        break;
      case CommandKind.DEFINE_ASSET:
        this.#defineAsset(command);
        break;
      case CommandKind.DEFINE_INSTRUMENT:
        this.#defineInstrument(command);
        break;
    }
    return this.#bodies.map((body, index) => ({
      ...body,
      eventSequence: ++this.#eventSequence,
      commandSequence: command.header.commandSequence,
      timestampMs: command.header.timestampMs,
      isLastOfCommand: index === this.#bodies.length - 1,
    }));
  }

  get restingOrders(): number {
    return this.#allResting().length;
  }

  #newOrder(command: NewOrderCommand, place: Place | undefined): void {
    const { header, order } = command;
    const reason = this.#refusal(command);
    if (reason !== RejectReason.NONE) {
      const before = order.quantityLots;
      this.#emit<RejectedEvent>({
        kind: EventKind.REJECTED,
        ...stateFields(command, before, 0, header.commandId),
        reason,
      });
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
    const market = this.#markets.get(order.instrumentId)!;
    const opposite = market.resting[order.side === Side.BUY ? Side.SELL : Side.BUY];
    const crosses = (maker: RestingOrder): boolean =>
      order.side === Side.BUY
        ? maker.command.order.priceTicks <= order.priceTicks
        : maker.command.order.priceTicks >= order.priceTicks;

    const cancel = (remainingLots: number, why: CancelReason): void =>
      this.#emit<CancelledEvent>({
        kind: EventKind.CANCELLED,
        ...stateFields(command, remainingLots, 0, header.commandId),
        reason: why,
      });
    if ((order.flags & OrderFlag.POST_ONLY) !== 0 && opposite.some(crosses)) {
      cancel(order.quantityLots, CancelReason.POST_ONLY);
      return;
    }
    if (order.timeInForce === TimeInForce.FOK) {
      const obstacle = fillOrKillObstacle(command, opposite.filter(crosses));
      if (obstacle !== null) {
        cancel(order.quantityLots, obstacle);
        return;
      }
    }

    let remainingLots = order.quantityLots;
    while (remainingLots > 0) {
      const maker = opposite[0];
      if (maker === undefined || !crosses(maker)) break;
      if (maker.command.header.accountId === header.accountId) {
        cancel(remainingLots, CancelReason.SELF_TRADE);
        return;
      }
      const tradedLots = Math.min(remainingLots, maker.remainingLots);
      remainingLots -= tradedLots;
      maker.remainingLots -= tradedLots;
      this.#emit<FilledEvent>(fill(maker, command, tradedLots, remainingLots));
      if (maker.remainingLots === 0) opposite.shift();
    }
    if (remainingLots === 0) return;
    if (order.timeInForce !== TimeInForce.GTC) {
      cancel(remainingLots, CancelReason.IMMEDIATE_OR_CANCEL);
      return;
    }
    this.#book(market, command, remainingLots, place);
  }

  /** The checks of a new order, in the order that decides which reason it gets. */
  #refusal({ order }: NewOrderCommand): RejectReason {
    const market = this.#markets.get(order.instrumentId);
    if (market === undefined) return RejectReason.UNKNOWN_INSTRUMENT;
    const isWellFormed =
      has(Side, order.side) &&
      has(OrderType, order.orderType) &&
      has(TimeInForce, order.timeInForce) &&
      has(SelfTradePrevention, order.selfTradePrevention) &&
      (order.flags === 0 || (order.flags === OrderFlag.POST_ONLY && order.timeInForce === TimeInForce.GTC));
    if (!isWellFormed) return RejectReason.MALFORMED;
    if (order.priceTicks < 1 || order.priceTicks > MAX_PRICE_TICKS) return RejectReason.PRICE_OUT_OF_RANGE;
    const { quantityLots } = order;
    if (!Number.isInteger(quantityLots)) return RejectReason.QUANTITY_OUT_OF_RANGE;
    if (quantityLots < market.minQuantityLots || quantityLots > market.maxQuantityLots)
      return RejectReason.QUANTITY_OUT_OF_RANGE;
    if (order.timeInForce !== TimeInForce.GTC) return RejectReason.NONE;

    if (this.#allResting().length >= this.#limits.maxOrders) return RejectReason.BOOK_FULL;
    const ownSide = market.resting[order.side];
    const levelExists = ownSide.some((resting) => resting.command.order.priceTicks === order.priceTicks);
    if (!levelExists && this.#levelCount() >= this.#limits.maxLevels) return RejectReason.LEVELS_FULL;
    // A sum of two integers up to 2^53 - 1 may round: BigInt says it exactly.
    const sideLots = ownSide.reduce((sum, resting) => sum + BigInt(resting.remainingLots), 0n);
    if (sideLots + BigInt(quantityLots) > BigInt(MAX_QUANTITY_LOTS)) return RejectReason.LEVEL_FULL;
    return RejectReason.NONE;
  }

  #book(market: ReferenceMarket, command: NewOrderCommand, remainingLots: number, given: Place | undefined): void {
    const place = given ?? { slot: Number.NaN, generation: Number.NaN };
    if (given !== undefined) this.#checkPlace(given);
    const { side } = command.order;
    const queue = market.resting[side];
    queue.push({ command, place, remainingLots });
    const best = side === Side.BUY ? -1 : 1;
    queue.sort((a, b) => best * (a.command.order.priceTicks - b.command.order.priceTicks)); // stable: keeps time order
    this.#emit<BookedEvent>({
      kind: EventKind.BOOKED,
      ...stateFields(command, remainingLots, remainingLots, command.header.commandId),
      ...place,
    });
  }

  #checkPlace({ slot, generation }: Place): void {
    if (slot < 0 || slot >= this.#limits.maxOrders) throw new Error(`slot ${slot} of ${this.#limits.maxOrders}`);
    if (this.#allResting().some((resting) => resting.place.slot === slot))
      throw new Error(`slot ${slot} belongs to two live orders`);
    const place = `${slot}/${generation}`;
    if (this.#usedPlaces.has(place)) throw new Error(`slot/generation ${place} given out twice`);
    this.#usedPlaces.add(place);
  }

  #cancelOrder({ header, cancel }: CancelOrderCommand): void {
    for (const queue of this.#markets.get(cancel.instrumentId)?.resting ?? []) {
      const index = queue.findIndex(
        ({ command, place }) =>
          command.header.commandId === cancel.orderId &&
          command.header.accountId === header.accountId &&
          place.slot === cancel.slot &&
          place.generation === cancel.generation,
      );
      if (index < 0) continue;
      const [found] = queue.splice(index, 1);
      this.#emit<CancelledEvent>({
        kind: EventKind.CANCELLED,
        ...stateFields(found!.command, found!.remainingLots, 0, header.commandId),
        ...found!.place,
        reason: CancelReason.REQUESTED,
      });
      return;
    }
    this.#emit<CancelRejectedEvent>(cancelRefusal(header, cancel));
  }

  #defineAsset({ header, asset }: DefineAssetCommand): void {
    const isTaken = this.#assetIds.has(asset.code) || [...this.#assetIds.values()].includes(asset.assetId);
    if (isTaken) {
      this.#rejectDefinition(header.commandId, RejectReason.ALREADY_DEFINED);
      return;
    }
    this.#assetIds.set(asset.code, asset.assetId);
    this.#emit<AssetDefinedEvent>({ kind: EventKind.ASSET_DEFINED, commandId: header.commandId, asset });
  }

  #defineInstrument({ header, definition }: DefineInstrumentCommand): void {
    const { instrumentId, symbol, base, quote, minQuantityLots, maxQuantityLots } = definition;
    const knownAssetIds = [...this.#assetIds.values()];
    let reason: RejectReason = RejectReason.NONE;
    if (this.#markets.has(instrumentId) || this.#symbols.has(symbol)) reason = RejectReason.ALREADY_DEFINED;
    else if (!knownAssetIds.includes(base.assetId) || !knownAssetIds.includes(quote.assetId))
      reason = RejectReason.UNKNOWN_ASSET;
    else if (instrumentId < 1 || instrumentId > this.#limits.maxInstruments) reason = RejectReason.CAPACITY;
    else if (minQuantityLots < 1 || maxQuantityLots < minQuantityLots || maxQuantityLots > MAX_QUANTITY_LOTS)
      reason = RejectReason.QUANTITY_OUT_OF_RANGE;
    if (reason !== RejectReason.NONE) {
      this.#rejectDefinition(header.commandId, reason);
      return;
    }
    this.#symbols.add(symbol);
    this.#markets.set(instrumentId, { minQuantityLots, maxQuantityLots, resting: [[], []] });
    this.#emit<InstrumentDefinedEvent>({
      kind: EventKind.INSTRUMENT_DEFINED,
      commandId: header.commandId,
      definition: {
        instrumentId,
        symbol,
        tickMantissa: definition.tickMantissa,
        tickScale: definition.tickScale,
        lotUnits: definition.lotUnits,
        minQuantityLots,
        maxQuantityLots,
        makerRatePpm: definition.makerRatePpm,
        takerRatePpm: definition.takerRatePpm,
      },
      baseAssetId: base.assetId,
      quoteAssetId: quote.assetId,
    });
  }

  #rejectDefinition(commandId: number, reason: RejectReason): void {
    this.#emit<DefinitionRejectedEvent>({ kind: EventKind.DEFINITION_REJECTED, commandId, reason });
  }

  #emit<Event extends ExchangeEvent>(body: WithoutHeader<Event>): void {
    this.#bodies.push(body as EventBody);
  }

  #allResting(): RestingOrder[] {
    return [...this.#markets.values()].flatMap((market) => market.resting.flat());
  }

  #levelCount(): number {
    let levels = 0;
    for (const market of this.#markets.values())
      for (const queue of market.resting) levels += new Set(queue.map(({ command }) => command.order.priceTicks)).size;
    return levels;
  }
}

function fillOrKillObstacle(taker: NewOrderCommand, crossing: readonly RestingOrder[]): CancelReason | null {
  let foundLots = 0n;
  for (const maker of crossing) {
    if (maker.command.header.accountId === taker.header.accountId) return CancelReason.SELF_TRADE;
    foundLots += BigInt(maker.remainingLots);
    if (foundLots >= BigInt(taker.order.quantityLots)) return null;
  }
  return CancelReason.FILL_OR_KILL;
}

function has(set: Readonly<Record<string, number>>, value: number): boolean {
  return Object.values(set).includes(value);
}
