import type { Asset } from '../money/asset.ts';
import type { InstrumentDefinition } from '../money/instrument.ts';
import type {
  CancelReason,
  EventKind,
  InstrumentState,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from './kinds.ts';

/**
 * Events as objects, for everyone outside the matching thread. What remains is in lots; of an order by budget it is in
 * quote units instead, and the lots are 0.
 */
export interface EventHeader {
  readonly eventSequence: number;
  readonly commandSequence: number;
  readonly timestampMs: number;
  readonly isLastOfCommand: boolean;
}

export interface OrderHeader extends EventHeader {
  readonly instrumentId: number;
  readonly accountId: number;
  readonly orderId: number;
  readonly side: Side;
  readonly keyId: number;
  readonly orderType: OrderType;
  readonly timeInForce: TimeInForce;
  readonly selfTradePrevention: SelfTradePrevention;
  readonly flags: number;
  readonly priceTicks: number;
  readonly stopPriceTicks: number;
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
}

export interface AcceptedEvent extends OrderHeader {
  readonly kind: typeof EventKind.ACCEPTED;
  readonly quantityLots: number;
  readonly budgetUnits: bigint;
  readonly expiresAtMs: number;
  readonly clientOrderId: string;
}

export interface OrderState extends OrderHeader {
  readonly remainingAfterLots: number;
  readonly remainingAfterUnits: bigint;
  readonly remainingBeforeLots: number;
  readonly remainingBeforeUnits: bigint;
  readonly slot: number; // NOT_RESTING when it does not rest
  readonly generation: number;
  readonly commandId: number;
}

export interface RejectedEvent extends OrderState {
  readonly kind: typeof EventKind.REJECTED;
  readonly reason: RejectReason;
}
export interface BookedEvent extends OrderState {
  readonly kind: typeof EventKind.BOOKED;
}
export interface CancelledEvent extends OrderState {
  readonly kind: typeof EventKind.CANCELLED;
  readonly reason: CancelReason;
}
/** What remained is gone, as if cancelled: the order's time had come. */
export interface ExpiredEvent extends OrderState {
  readonly kind: typeof EventKind.EXPIRED;
}
/** Smaller without a trade: need(before) - need(after) is released. The total, as amends count it, stays. */
export interface ReducedEvent extends OrderState {
  readonly kind: typeof EventKind.REDUCED;
  readonly reason: CancelReason;
}
/** The order waits for its stop price at slot and generation; its flags say UNTRIGGERED. */
export interface StopPlacedEvent extends OrderState {
  readonly kind: typeof EventKind.STOP_PLACED;
}
/** The order has left its place and acts: what comes of it follows. Nothing of its money moves. */
export interface TriggeredEvent extends OrderState {
  readonly kind: typeof EventKind.TRIGGERED;
}
/**
 * Remaining before and after differ by what the total changed. need(before, limit before) + held - need(after) is
 * released. With a slot the order rests on, in its old place (size-down) or as an untriggered stop; without one it has
 * left the book and acts anew: what comes of it follows.
 */
export interface AmendedEvent extends OrderState {
  readonly kind: typeof EventKind.AMENDED;
  readonly totalLots: number; // from now on: filled, decremented and remaining
  readonly heldUnits: bigint; // held under the command's id for the change
  readonly priceTicksBefore: number;
}
/** Repeats what the amend named; the order, if there is one, is as it was. */
export interface AmendRejectedEvent extends OrderState {
  readonly kind: typeof EventKind.AMEND_REJECTED;
  readonly heldUnits: bigint; // goes back
  readonly reason: RejectReason;
}
export interface CancelRejectedEvent extends OrderState {
  readonly kind: typeof EventKind.CANCEL_REJECTED;
  readonly reason: RejectReason;
}

export interface FilledEvent extends EventHeader {
  readonly kind: typeof EventKind.FILLED;
  readonly instrumentId: number;
  readonly takerSide: Side;
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly makerOrderId: number;
  readonly makerAccountId: number;
  readonly makerLimitTicks: number;
  readonly makerRemainingLots: number;
  readonly makerMakerRatePpm: number;
  readonly makerTakerRatePpm: number;
  readonly makerSlot: number;
  readonly makerGeneration: number;
  readonly takerOrderId: number;
  readonly takerAccountId: number;
  readonly takerLimitTicks: number;
  readonly takerRemainingLots: number; // after this fill, as is the next
  readonly takerRemainingUnits: bigint;
  readonly takerFlags: number;
  readonly takerMakerRatePpm: number;
  readonly takerTakerRatePpm: number;
}

export interface CheckpointedEvent extends EventHeader {
  readonly kind: typeof EventKind.CHECKPOINTED;
  readonly commandId: number;
  readonly stateHash: string; // 16 hex digits
  readonly restingOrders: number;
}

export interface AssetDefinedEvent extends EventHeader {
  readonly kind: typeof EventKind.ASSET_DEFINED;
  readonly commandId: number;
  readonly asset: Asset;
}

/** The definition with its assets by id: the reader has seen their own definitions before. */
export interface InstrumentDefinedEvent extends EventHeader {
  readonly kind: typeof EventKind.INSTRUMENT_DEFINED;
  readonly commandId: number;
  readonly definition: Omit<InstrumentDefinition, 'base' | 'quote'>;
  readonly baseAssetId: number;
  readonly quoteAssetId: number;
}

export interface DefinitionRejectedEvent extends EventHeader {
  readonly kind: typeof EventKind.DEFINITION_REJECTED;
  readonly commandId: number;
  readonly reason: RejectReason;
}

export interface MassCancelledEvent extends EventHeader {
  readonly kind: typeof EventKind.MASS_CANCELLED;
  readonly commandId: number;
  readonly accountId: number; // 0 for every account, as are the next two
  readonly instrumentId: number;
  readonly keyId: number;
  readonly cancelledOrders: number;
}

export interface TimeAdvancedEvent extends EventHeader {
  readonly kind: typeof EventKind.TIME_ADVANCED;
  readonly commandId: number;
  readonly expiredOrders: number;
}

export interface InstrumentUpdatedEvent extends EventHeader {
  readonly kind: typeof EventKind.INSTRUMENT_UPDATED;
  readonly commandId: number;
  readonly instrumentId: number;
  readonly referencePriceTicks: number; // 0 for the last trade
  readonly priceBandPpm: number; // 0 for none
  readonly minQuantityLots: number;
  readonly maxQuantityLots: number;
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
}

export interface InstrumentStateChangedEvent extends EventHeader {
  readonly kind: typeof EventKind.INSTRUMENT_STATE_CHANGED;
  readonly commandId: number;
  readonly instrumentId: number;
  readonly state: InstrumentState;
  readonly stateBefore: InstrumentState; // may be the same
}

export type ExchangeEvent =
  | AcceptedEvent
  | RejectedEvent
  | BookedEvent
  | FilledEvent
  | CancelledEvent
  | CancelRejectedEvent
  | CheckpointedEvent
  | AssetDefinedEvent
  | InstrumentDefinedEvent
  | DefinitionRejectedEvent
  | MassCancelledEvent
  | InstrumentStateChangedEvent
  | ExpiredEvent
  | ReducedEvent
  | StopPlacedEvent
  | TriggeredEvent
  | AmendedEvent
  | AmendRejectedEvent
  | TimeAdvancedEvent
  | InstrumentUpdatedEvent;
