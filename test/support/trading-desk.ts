import type { CommandHeader, NewOrderFields } from '../../core/protocol/command-encoder.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { CancelReason, CommandKind, EventKind, RejectReason, Side } from '../../core/protocol/kinds.ts';
import { STREAM_INSTRUMENTS } from './command-stream.ts';
import { STREAM_ASSETS } from './definition-stream.ts';
import { EngineHarness, type HarnessOptions } from './engine-harness.ts';
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
  readonly slot: number; // NaN when nothing rests, as is the next
  readonly generation: number;
  readonly cancelled: readonly [lots: number, reason: CancelReasonName] | null;
  readonly rejected: RejectReasonName | null;
}

export interface OrderOptions extends Partial<NewOrderFields> {
  readonly accountId?: number;
}

const BUYER = 101;
const SELLER = 102;

/** A person at a desk: sends one order after the other to a real engine and reads what became of it. */
export class TradingDesk {
  readonly harness: EngineHarness;
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
  cancel(order: Omit<Outcome, 'trades' | 'bookedLots' | 'cancelled' | 'rejected'>): number | RejectReasonName {
    const { accountId, instrumentId, orderId, slot, generation } = order;
    const cancel = { instrumentId, keyId: 1, orderId, slot, generation };
    const events = this.#apply({ kind: CommandKind.CANCEL_ORDER, header: this.#header(accountId), cancel });
    const [event] = events;
    if (event?.kind === EventKind.CANCELLED && event.reason === CancelReason.REQUESTED)
      return event.remainingBeforeLots;
    if (event?.kind === EventKind.CANCEL_REJECTED) return nameIn(RejectReason, event.reason);
    throw new Error(`a cancel was answered by event kind ${event?.kind}`);
  }

  #place({ accountId = BUYER, ...fields }: OrderOptions): Outcome {
    const order = { ...PLAIN_ORDER, ...fields };
    const header = this.#header(accountId);
    const events = this.#apply({ kind: CommandKind.NEW_ORDER, header, order });
    const booked = events.find((event) => event.kind === EventKind.BOOKED);
    const cancelled = events.find((event) => event.kind === EventKind.CANCELLED);
    const rejected = events.find((event) => event.kind === EventKind.REJECTED);
    return {
      accountId,
      instrumentId: order.instrumentId,
      orderId: header.commandId,
      trades: events
        .filter((event) => event.kind === EventKind.FILLED)
        .map(({ makerOrderId, priceTicks, quantityLots, makerRemainingLots }) => ({
          makerOrderId,
          priceTicks,
          quantityLots,
          makerRemainingLots,
        })),
      bookedLots: booked?.remainingAfterLots ?? 0,
      slot: booked?.slot ?? Number.NaN,
      generation: booked?.generation ?? Number.NaN,
      cancelled: cancelled ? [cancelled.remainingBeforeLots, nameIn(CancelReason, cancelled.reason)] : null,
      rejected: rejected ? nameIn(RejectReason, rejected.reason) : null,
    };
  }

  #apply(command: Parameters<EngineHarness['apply']>[0]): ExchangeEvent[] {
    const events = this.harness.apply(command);
    this.harness.engine.verifyInvariants();
    return events;
  }

  #header(accountId: number): CommandHeader {
    this.#commandSequence += 1;
    const commandId = 1_000 + this.#commandSequence;
    return { commandSequence: this.#commandSequence, commandId, timestampMs: 1_000, accountId, ledgerSequence: 0 };
  }
}

function nameIn<Name extends string>(set: Readonly<Record<Name, number>>, value: number): Name {
  const name = (Object.keys(set) as Name[]).find((key) => set[key] === value);
  if (name === undefined) throw new Error(`no name for ${value}`);
  return name;
}
