import type { CommandHeader, InstrumentUpdateFields, NewOrderFields } from '../../core/protocol/command-encoder.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import {
  CancelReason,
  CommandKind,
  EventKind,
  type InstrumentState,
  RejectReason,
  Side,
} from '../../core/protocol/kinds.ts';
import { STREAM_INSTRUMENTS } from './command-stream.ts';
import { STREAM_ASSETS } from './definition-stream.ts';
import { EngineHarness, type HarnessOptions } from './engine-harness.ts';
import { storyOf } from './event-story.ts';
import { PLAIN_ORDER } from './plain-order.ts';

export type CancelReasonName = keyof typeof CancelReason;
export type RejectReasonName = keyof typeof RejectReason;

export interface Trade {
  readonly makerOrderId: number;
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly makerRemainingLots: number;
}

/** What became of one order on arrival. */
export interface Outcome {
  readonly accountId: number;
  readonly instrumentId: number;
  readonly orderId: number;
  readonly trades: readonly Trade[];
  readonly bookedLots: number; // 0 when nothing rests
  readonly waitingLots: number; // of a stop that waits for its price, else 0
  readonly slot: number; // NaN when nothing rests or waits, as is the next
  readonly generation: number;
  readonly cancelled: readonly [lots: number, reason: CancelReasonName] | null;
  readonly rejected: RejectReasonName | null;
  readonly story: readonly string[]; // all events of its command but ACCEPTED: event-story.ts
}

export type OrderName = Pick<Outcome, 'accountId' | 'instrumentId' | 'orderId' | 'slot' | 'generation'>;

export interface OrderOptions extends Partial<NewOrderFields> {
  readonly accountId?: number;
}

const BUYER = 101;
const SELLER = 102;

/** A person at a desk: sends one order after the other to a real engine and reads what became of it. */
export class TradingDesk {
  readonly harness: EngineHarness;
  timestampMs = 1_000;
  #commandSequence = 0;

  constructor(options: HarnessOptions = {}) {
    this.harness = new EngineHarness(options);
    for (const asset of STREAM_ASSETS)
      this.harness.apply({ kind: CommandKind.DEFINE_ASSET, header: this.#header(0), asset });
    for (const definition of STREAM_INSTRUMENTS)
      this.harness.apply({ kind: CommandKind.DEFINE_INSTRUMENT, header: this.#header(0), definition });
  }

  /** On instrument 1 (btcusd: any whole quantity), for account 101 unless told otherwise. */
  buy(priceTicks: number, quantityLots: number, options: OrderOptions = {}): Outcome {
    return this.#place({ accountId: BUYER, ...options, side: Side.BUY, priceTicks, quantityLots });
  }

  /** The same for account 102. */
  sell(priceTicks: number, quantityLots: number, options: OrderOptions = {}): Outcome {
    return this.#place({ accountId: SELLER, ...options, side: Side.SELL, priceTicks, quantityLots });
  }

  /** @returns lots that went away, or the reason of the refusal */
  cancel(order: OrderName): number | RejectReasonName {
    const { accountId, instrumentId, orderId, slot, generation } = order;
    const cancel = { instrumentId, keyId: 1, orderId, slot, generation };
    const events = this.#apply({ kind: CommandKind.CANCEL_ORDER, header: this.#header(accountId), cancel });
    const [event] = events;
    if (event?.kind === EventKind.CANCELLED && event.reason === CancelReason.REQUESTED)
      return event.remainingBeforeLots;
    if (event?.kind === EventKind.CANCEL_REJECTED) return nameIn(RejectReason, event.reason);
    throw new Error(`a cancel was answered by event kind ${event?.kind}`);
  }

  /** @returns the orders cancelled, in order; the event that counts them has been checked */
  massCancel(accountId: number, { instrumentId = 0, keyId = 0 } = {}): number[] {
    const massCancel = { instrumentId, keyId };
    const events = this.#apply({ kind: CommandKind.MASS_CANCEL, header: this.#header(accountId), massCancel });
    const orderIds = events.map((event) => {
      if (event.kind === EventKind.CANCELLED && event.reason === CancelReason.MASS_CANCELLED) return event.orderId;
      if (event.kind === EventKind.MASS_CANCELLED && event.isLastOfCommand) return Number.NaN;
      throw new Error(`a mass cancel was answered by event kind ${event.kind}`);
    });
    const last = events.at(-1)!;
    if (last.kind !== EventKind.MASS_CANCELLED || last.cancelledOrders !== orderIds.length - 1)
      throw new Error('a mass cancel counted wrongly');
    return orderIds.slice(0, -1);
  }

  /**
   * Gives an order another total, another limit or both.
   * @returns its outcome from then on: with a new place if it has lost the old one
   */
  amend(
    order: OrderName,
    amended: { readonly side: Side; readonly priceTicks: number; readonly quantityLots: number },
    heldUnits = 0n,
  ): Outcome {
    const { accountId, instrumentId, orderId, slot, generation } = order;
    const amend = { instrumentId, keyId: 1, orderId, slot, generation, heldUnits, ...amended };
    const events = this.#apply({ kind: CommandKind.AMEND_ORDER, header: this.#header(accountId), amend });
    const outcome = outcomeOf({ accountId, instrumentId, orderId }, events);
    return Number.isNaN(outcome.slot) ? { ...outcome, slot, generation } : outcome;
  }

  /** Lets the time pass for all that follows. @returns the story of what expired, the count at its end */
  advanceTime(milliseconds: number): string[] {
    this.timestampMs += milliseconds;
    const events = this.#apply({ kind: CommandKind.TIME, header: this.#header(0) });
    const last = events.at(-1)!;
    if (last.kind !== EventKind.TIME_ADVANCED || last.expiredOrders !== events.length - 1)
      throw new Error('a time command counted wrongly');
    return storyOf(events.slice(0, -1));
  }

  /** Instrument 1 with any quantity, but for what is named. @returns true, or the reason of the refusal */
  update(fields: Partial<InstrumentUpdateFields>): true | RejectReasonName {
    const update: InstrumentUpdateFields = {
      instrumentId: 1,
      referencePriceTicks: 0,
      priceBandPpm: 0,
      minQuantityLots: 1,
      maxQuantityLots: 2 ** 53 - 1,
      makerRatePpm: 0,
      takerRatePpm: 0,
      ...fields,
    };
    const [event] = this.#apply({ kind: CommandKind.UPDATE_INSTRUMENT, header: this.#header(0), update });
    if (event?.kind === EventKind.INSTRUMENT_UPDATED) return true;
    if (event?.kind === EventKind.DEFINITION_REJECTED) return nameIn(RejectReason, event.reason);
    throw new Error(`an update was answered by event kind ${event?.kind}`);
  }

  /** @returns the state before, or the reason of the refusal */
  setState(state: InstrumentState, instrumentId = 1): InstrumentState | RejectReasonName {
    const change = { instrumentId, state };
    const [event] = this.#apply({ kind: CommandKind.SET_INSTRUMENT_STATE, header: this.#header(0), change });
    if (event?.kind === EventKind.INSTRUMENT_STATE_CHANGED && event.state === state) return event.stateBefore;
    if (event?.kind === EventKind.DEFINITION_REJECTED) return nameIn(RejectReason, event.reason);
    throw new Error(`a change of state was answered by event kind ${event?.kind}`);
  }

  #place({ accountId = BUYER, ...fields }: OrderOptions): Outcome {
    const order = { ...PLAIN_ORDER, ...fields };
    const header = this.#header(accountId);
    const events = this.#apply({ kind: CommandKind.NEW_ORDER, header, order });
    return outcomeOf({ accountId, instrumentId: order.instrumentId, orderId: header.commandId }, events);
  }

  #apply(command: Parameters<EngineHarness['apply']>[0]): ExchangeEvent[] {
    const events = this.harness.apply(command);
    this.harness.engine.verifyInvariants();
    return events;
  }

  #header(accountId: number): CommandHeader {
    this.#commandSequence += 1;
    const commandId = 1_000 + this.#commandSequence;
    return {
      commandSequence: this.#commandSequence,
      commandId,
      timestampMs: this.timestampMs,
      accountId,
      ledgerSequence: 0,
    };
  }
}

function outcomeOf(
  order: Pick<Outcome, 'accountId' | 'instrumentId' | 'orderId'>,
  events: readonly ExchangeEvent[],
): Outcome {
  const { orderId } = order;
  const booked = events.find((event) => event.kind === EventKind.BOOKED && event.orderId === orderId);
  const waiting = events.find((event) => event.kind === EventKind.STOP_PLACED && event.orderId === orderId);
  const cancelled = events.find((event) => event.kind === EventKind.CANCELLED && event.orderId === orderId);
  const rejected = events.find((event) => event.kind === EventKind.REJECTED);
  const place = booked ?? waiting;
  return {
    ...order,
    trades: events
      .filter((event) => event.kind === EventKind.FILLED)
      .filter(({ takerOrderId }) => takerOrderId === orderId)
      .map(({ makerOrderId, priceTicks, quantityLots, makerRemainingLots }) => ({
        makerOrderId,
        priceTicks,
        quantityLots,
        makerRemainingLots,
      })),
    bookedLots: booked?.kind === EventKind.BOOKED ? booked.remainingAfterLots : 0,
    waitingLots: waiting?.kind === EventKind.STOP_PLACED ? waiting.remainingAfterLots : 0,
    slot: place !== undefined && 'slot' in place ? place.slot : Number.NaN,
    generation: place !== undefined && 'generation' in place ? place.generation : Number.NaN,
    cancelled:
      cancelled?.kind === EventKind.CANCELLED
        ? [cancelled.remainingBeforeLots, nameIn(CancelReason, cancelled.reason)]
        : null,
    rejected: rejected?.kind === EventKind.REJECTED ? nameIn(RejectReason, rejected.reason) : null,
    story: storyOf(events.filter(({ kind }) => kind !== EventKind.ACCEPTED)),
  };
}

function nameIn<Name extends string>(set: Readonly<Record<Name, number>>, value: number): Name {
  const name = (Object.keys(set) as Name[]).find((key) => set[key] === value);
  if (name === undefined) throw new Error(`no name for ${value}`);
  return name;
}
