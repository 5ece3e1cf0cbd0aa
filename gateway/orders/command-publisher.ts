import { fail } from '../../core/assert.ts';
import type { Asset } from '../../core/money/asset.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { Clock } from '../../core/ports/clock.ts';
import { slotsForClientOrderId } from '../../core/protocol/client-order-id.ts';
import {
  type AmendOrderFields,
  type CancelOrderFields,
  type CommandHeader,
  encodeCheckpoint,
  encodeDefineAsset,
  encodeDefineInstrument,
  encodeMassCancel,
  encodeSetInstrumentState,
  encodeTime,
  encodeUpdateInstrument,
  type InstrumentStateFields,
  type InstrumentUpdateFields,
  type MassCancelFields,
  type NewOrderFields,
} from '../../core/protocol/command-encoder.ts';
import { createOrderEncoder, type OrderEncoder } from '../../core/protocol/order-encoder.ts';
import { type RingBuffers, RingWriter } from '../../core/ring/ring.ts';
import { CONTROL, ringDoorbell } from '../../core/threads/shared-control.ts';

/** Who commands something, and which change of the ledger made it possible. */
export interface CommandOrigin {
  readonly commandId: number;
  readonly accountId: number; // 0 for the operator's own commands
  readonly ledgerSequence: number; // 0 when nothing was held
}

/** @returns slots that a new order takes in the command ring */
export function newOrderSlots(order: Pick<NewOrderFields, 'clientOrderId'>): number {
  return slotsForClientOrderId(order.clientOrderId.length);
}

/**
 * The only writer of the command ring. Room is reserved before anything is held for a command, and a place is taken
 * only when it is published: a slow hold blocks nobody, and a command whose money is held always finds room.
 */
export class CommandPublisher {
  readonly #ring: RingWriter;
  readonly #orders: OrderEncoder;
  readonly #control: Int32Array;
  readonly #clock: Clock;
  #lastSequence: number;
  #lastTimestampMs = 0;
  #reservedSlots = 0; // promised, not yet written
  #writtenSlots = 0; // written, not yet handed to the readers

  /** @param lastCommandSequence of the recovered journal: the next command follows it */
  constructor(ring: RingBuffers, control: Int32Array, clock: Clock, lastCommandSequence: number) {
    this.#ring = new RingWriter(ring);
    this.#orders = createOrderEncoder(this.#ring.window);
    this.#control = control;
    this.#clock = clock;
    this.#lastSequence = lastCommandSequence;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Whether journal or ledger wait for disk space. What was taken waits with them; nothing new should be added. */
  get isDiskFull(): boolean {
    return (
      Atomics.load(this.#control, CONTROL.DISK_FULL) !== 0 ||
      Atomics.load(this.#control, CONTROL.LEDGER_DISK_FULL) !== 0
    );
  }

  /** @returns false, at once, when the ring has no room that is not promised already */
  tryReserve(slots: number): boolean {
    const wanted = this.#writtenSlots + this.#reservedSlots + slots;
    if (this.#ring.freeSlots(wanted) < wanted) return false;
    this.#reservedSlots += slots;
    return true;
  }

  /** Gives a reservation back that no command will use. */
  unreserve(slots: number): void {
    if (slots > this.#reservedSlots) fail(`${slots} slots given back of ${this.#reservedSlots} reserved`);
    this.#reservedSlots -= slots;
  }

  /** Each publish uses a reservation of the command's slots. @returns the command's sequence */
  publishNewOrder(origin: CommandOrigin, order: NewOrderFields): number {
    const slots = newOrderSlots(order);
    const header = this.#header(origin, slots);
    this.#orders.newOrder(this.#offsetAt(0), this.#offsetAt(1), header, order);
    return this.#written(slots);
  }

  publishCancel(origin: CommandOrigin, cancel: CancelOrderFields): number {
    const header = this.#header(origin, 1);
    this.#orders.cancelOrder(this.#offsetAt(0), header, cancel);
    return this.#written(1);
  }

  publishAmend(origin: CommandOrigin, amend: AmendOrderFields): number {
    const header = this.#header(origin, 1);
    this.#orders.amendOrder(this.#offsetAt(0), header, amend);
    return this.#written(1);
  }

  publishMassCancel(origin: CommandOrigin, massCancel: MassCancelFields): number {
    const header = this.#header(origin, 1);
    encodeMassCancel(this.#ring.window, this.#offsetAt(0), header, massCancel);
    return this.#written(1);
  }

  publishInstrumentState(origin: CommandOrigin, change: InstrumentStateFields): number {
    const header = this.#header(origin, 1);
    encodeSetInstrumentState(this.#ring.window, this.#offsetAt(0), header, change);
    return this.#written(1);
  }

  publishInstrumentUpdate(origin: CommandOrigin, update: InstrumentUpdateFields): number {
    const header = this.#header(origin, 1);
    encodeUpdateInstrument(this.#ring.window, this.#offsetAt(0), header, update);
    return this.#written(1);
  }

  /** Tells the core what time it is: orders good till a date at or before it expire. */
  publishTime(origin: CommandOrigin): number {
    const header = this.#header(origin, 1);
    encodeTime(this.#ring.window, this.#offsetAt(0), header);
    return this.#written(1);
  }

  publishCheckpoint(origin: CommandOrigin): number {
    const header = this.#header(origin, 1);
    encodeCheckpoint(this.#ring.window, this.#offsetAt(0), header);
    return this.#written(1);
  }

  publishAsset(origin: CommandOrigin, asset: Asset): number {
    const header = this.#header(origin, 1);
    encodeDefineAsset(this.#ring.window, this.#offsetAt(0), header, asset);
    return this.#written(1);
  }

  publishInstrument(origin: CommandOrigin, instrument: Instrument): number {
    const header = this.#header(origin, 1);
    encodeDefineInstrument(this.#ring.window, this.#offsetAt(0), header, instrument);
    return this.#written(1);
  }

  #header(origin: CommandOrigin, slots: number): CommandHeader {
    if (slots > this.#reservedSlots) fail(`a command of ${slots} slots without a reservation`);
    const timestampMs = this.#clock.nowMs();
    if (timestampMs < this.#lastTimestampMs)
      fail(`the clock went back from ${this.#lastTimestampMs} to ${timestampMs}`);
    this.#lastTimestampMs = timestampMs;
    this.#lastSequence += 1;
    return { commandSequence: this.#lastSequence, timestampMs, ...origin };
  }

  #offsetAt(index: number): number {
    return this.#ring.offsetAt(this.#writtenSlots + index);
  }

  /** Hands over everything that this turn writes together: one wake-up and one journal group instead of many. */
  #written(slots: number): number {
    this.#reservedSlots -= slots;
    if (this.#writtenSlots === 0) queueMicrotask(() => this.#flush());
    this.#writtenSlots += slots;
    return this.#lastSequence;
  }

  #flush(): void {
    this.#ring.publish(this.#writtenSlots);
    this.#writtenSlots = 0;
    ringDoorbell(this.#control, CONTROL.JOURNAL_DOORBELL);
    ringDoorbell(this.#control, CONTROL.ENGINE_DOORBELL);
  }
}
