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
import { TimeInForce } from '../../core/protocol/kinds.ts';
import { createOrderEncoder, type OrderEncoder } from '../../core/protocol/order-encoder.ts';
import { type RingBuffers, RingWriter } from '../../core/ring/ring.ts';
import { CONTROL, ringDoorbell } from '../../core/threads/shared-control.ts';
import type { CommandIds } from './command-ids.ts';
import type { ExpiryHeap } from './expiry-heap.ts';

/** Who commands something, and which change of the ledger made it possible. */
export interface CommandOrigin {
  readonly commandId: number;
  readonly accountId: number; // 0 for the operator's own commands
  readonly ledgerSequence: number; // 0 when nothing was held
}

export interface CommandPublisherParts {
  readonly ring: RingBuffers;
  readonly control: Int32Array;
  readonly clock: Clock;
  readonly commandIds: CommandIds;
  readonly expiries: ExpiryHeap; // of good-til-date orders: they join when they are published
  readonly lastCommandSequence: number; // of the recovered journal: the next command follows it
}

/** @returns slots that a new order takes in the command ring */
export function newOrderSlots(order: Pick<NewOrderFields, 'clientOrderId'>): number {
  return slotsForClientOrderId(order.clientOrderId.length);
}

/**
 * The only writer of the command ring. Room is reserved before anything is held for a command, and a place is taken
 * only when it is published: a slow hold blocks nobody, and a command whose money is held finds room.
 *
 * The core expires orders when it is told the time and never otherwise. So nothing that may trade is published at or past
 * an expiry before the time is told, however late the timer that should have told it.
 */
export class CommandPublisher {
  readonly #ring: RingWriter;
  readonly #orders: OrderEncoder;
  readonly #control: Int32Array;
  readonly #clock: Clock;
  readonly #commandIds: CommandIds;
  readonly #expiries: ExpiryHeap;
  #lastSequence: number;
  #lastTimestampMs = 0;
  #reservedSlots = 0; // promised, not yet written
  #writtenSlots = 0; // written, not yet handed to the readers

  constructor({ ring, control, clock, commandIds, expiries, lastCommandSequence }: CommandPublisherParts) {
    this.#ring = new RingWriter(ring);
    this.#orders = createOrderEncoder(this.#ring.window);
    this.#control = control;
    this.#clock = clock;
    this.#commandIds = commandIds;
    this.#expiries = expiries;
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

  /**
   * Each publish uses a reservation of the command's slots.
   * @returns the command's sequence; null when nothing of the order was published: another order was due before it, and
   *   the ring has no room for both. Its place went to telling the time, so that the next one is not held up.
   */
  publishNewOrder(origin: CommandOrigin, order: NewOrderFields): number | null {
    const slots = newOrderSlots(order);
    const timestampMs = this.#clock.nowMs();
    if (this.#isDue(timestampMs) && !this.#tellTimeBefore(slots, timestampMs)) return null;
    const header = this.#header(origin, slots, timestampMs);
    this.#orders.newOrder(this.#offsetAt(0), this.#offsetAt(1), header, order);
    // One whose time has come on its way is refused by the core.
    if (order.timeInForce === TimeInForce.GTD && order.expiresAtMs > timestampMs)
      this.#expiries.add(origin.commandId, order.expiresAtMs);
    return this.#written(slots);
  }

  publishCancel(origin: CommandOrigin, cancel: CancelOrderFields): number {
    const header = this.#header(origin, 1);
    this.#orders.cancelOrder(this.#offsetAt(0), header, cancel);
    return this.#written(1);
  }

  /** @returns as publishNewOrder */
  publishAmend(origin: CommandOrigin, amend: AmendOrderFields): number | null {
    const timestampMs = this.#clock.nowMs();
    if (this.#isDue(timestampMs) && !this.#tellTimeBefore(1, timestampMs)) return null;
    const header = this.#header(origin, 1, timestampMs);
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
    return this.#publishTime(origin, this.#clock.nowMs());
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

  #isDue(timestampMs: number): boolean {
    const dueMs = this.#expiries.firstMs;
    return dueMs !== undefined && dueMs <= timestampMs;
  }

  /** @param slots that the command to come has reserved @returns false when they are used up, and it must not be published */
  #tellTimeBefore(slots: number, timestampMs: number): boolean {
    const hasRoomForBoth = this.tryReserve(1);
    if (!hasRoomForBoth) this.unreserve(slots - 1);
    this.#publishTime({ commandId: this.#commandIds.next(), accountId: 0, ledgerSequence: 0 }, timestampMs);
    return hasRoomForBoth;
  }

  #publishTime(origin: CommandOrigin, timestampMs: number): number {
    const header = this.#header(origin, 1, timestampMs);
    encodeTime(this.#ring.window, this.#offsetAt(0), header);
    this.#expiries.removeThrough(timestampMs); // as good as gone: nothing can come before this command any more
    return this.#written(1);
  }

  #header(origin: CommandOrigin, slots: number, timestampMs = this.#clock.nowMs()): CommandHeader {
    if (slots > this.#reservedSlots) fail(`a command of ${slots} slots without a reservation`);
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
