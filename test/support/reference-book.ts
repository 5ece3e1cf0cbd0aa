import type { EngineLimits } from '../../core/engine/engine.ts';
import { MAX_QUANTITY_LOTS } from '../../core/money/instrument.ts';
import type {
  AssetDefinedEvent,
  CheckpointedEvent,
  DefinitionRejectedEvent,
  ExchangeEvent,
  InstrumentDefinedEvent,
  InstrumentStateChangedEvent,
  InstrumentUpdatedEvent,
} from '../../core/protocol/event-decoder.ts';
import { CommandKind, EventKind, InstrumentState, RejectReason } from '../../core/protocol/kinds.ts';
import type {
  DefineAssetCommand,
  DefineInstrumentCommand,
  ExchangeCommand,
  SetInstrumentStateCommand,
  UpdateInstrumentCommand,
} from './exchange-command.ts';
import { has, isPrice } from './reference-checks.ts';
import type { Place, WithoutHeader } from './reference-events.ts';
import { ReferenceMarket } from './reference-market.ts';
import { ReferenceMatching } from './reference-matching.ts';

/** The reference can't know a state hash: this stands in its CHECKPOINTED events. */
export const UNKNOWN_STATE_HASH = '????????????????';

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
  readonly #matching: ReferenceMatching;
  #eventSequence = 0;
  #bodies: EventBody[] = [];

  constructor(limits: EngineLimits) {
    this.#limits = limits;
    this.#matching = new ReferenceMatching(limits, this.#markets, (body) => this.#emit(body));
  }

  /**
   * @param places where the engine put what it booked in this command, and the stops that wait, in order
   * @throws Error when a place is impossible: taken by a live order, outside the pool, or given out before
   */
  apply(command: ExchangeCommand, places: readonly Place[]): ExchangeEvent[] {
    this.#bodies = [];
    this.#matching.begin(command.header.commandId, places);
    switch (command.kind) {
      case CommandKind.NEW_ORDER:
        this.#matching.newOrder(command);
        break;
      case CommandKind.CANCEL_ORDER:
        this.#matching.cancelOrder(command);
        break;
      case CommandKind.AMEND_ORDER:
        this.#matching.amendOrder(command);
        break;
      case CommandKind.MASS_CANCEL:
        this.#matching.massCancel(command);
        break;
      case CommandKind.TIME:
        this.#matching.advanceTime(command);
        break;
      case CommandKind.SET_INSTRUMENT_STATE:
        this.#setInstrumentState(command);
        break;
      case CommandKind.UPDATE_INSTRUMENT:
        this.#updateInstrument(command);
        break;
      case CommandKind.CHECKPOINT:
        this.#emit<CheckpointedEvent>({
          kind: EventKind.CHECKPOINTED,
          commandId: command.header.commandId,
          stateHash: UNKNOWN_STATE_HASH,
          restingOrders: this.restingOrders,
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
    return this.#matching.allResting().length;
  }

  #setInstrumentState({ header, change }: SetInstrumentStateCommand): void {
    const market = this.#markets.get(change.instrumentId);
    if (market === undefined) {
      this.#rejectDefinition(header.commandId, RejectReason.UNKNOWN_INSTRUMENT);
    } else if (!has(InstrumentState, change.state)) {
      this.#rejectDefinition(header.commandId, RejectReason.MALFORMED);
    } else {
      this.#emit<InstrumentStateChangedEvent>({
        kind: EventKind.INSTRUMENT_STATE_CHANGED,
        commandId: header.commandId,
        instrumentId: change.instrumentId,
        state: change.state,
        stateBefore: market.state,
      });
      market.state = change.state;
    }
  }

  #updateInstrument({ header, update }: UpdateInstrumentCommand): void {
    const { minQuantityLots: min, maxQuantityLots: max, priceBandPpm, referencePriceTicks } = update;
    const market = this.#markets.get(update.instrumentId);
    const areQuantities = Number.isInteger(min) && Number.isInteger(max) && min >= 1 && max >= min;
    const areRates = [priceBandPpm, update.makerRatePpm, update.takerRatePpm].every((ppm) => ppm <= 1_000_000);
    if (market === undefined) {
      this.#rejectDefinition(header.commandId, RejectReason.UNKNOWN_INSTRUMENT);
    } else if (referencePriceTicks !== 0 && !isPrice(referencePriceTicks)) {
      this.#rejectDefinition(header.commandId, RejectReason.PRICE_OUT_OF_RANGE);
    } else if (!areRates) {
      this.#rejectDefinition(header.commandId, RejectReason.MALFORMED);
    } else if (!areQuantities || max > MAX_QUANTITY_LOTS) {
      this.#rejectDefinition(header.commandId, RejectReason.QUANTITY_OUT_OF_RANGE);
    } else {
      Object.assign(market, { minQuantityLots: min, maxQuantityLots: max, priceBandPpm, referencePriceTicks });
      const { commandId } = header;
      this.#emit<InstrumentUpdatedEvent>({ kind: EventKind.INSTRUMENT_UPDATED, commandId, ...update });
    }
  }

  #defineAsset({ header, asset }: DefineAssetCommand): void {
    const isTaken = this.#assetIds.has(asset.code) || [...this.#assetIds.values()].includes(asset.assetId);
    if (isTaken || asset.assetId < 1 || asset.assetId > 65_535) {
      this.#rejectDefinition(header.commandId, isTaken ? RejectReason.ALREADY_DEFINED : RejectReason.CAPACITY);
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
    this.#markets.set(instrumentId, new ReferenceMarket(definition));
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
}
