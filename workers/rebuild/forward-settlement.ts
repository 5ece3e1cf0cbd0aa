import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { partitionOf } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind, Side } from '../../core/protocol/kinds.ts';
import { needOfOrder } from '../audit/open-orders.ts';
import type { EmbeddedLedger } from '../ledger/embedded-ledger.ts';
import { type Effects, effectsOf } from '../settlement/legs.ts';
import { RebuildRefusedError } from './rebuild-errors.ts';

/**
 * Settles what a ledger has not met, event by event: where the hold of an event's command is lost, it is made again
 * before. That never lacks funds: the command was held for when fewer events were settled than have been here by then,
 * and everything that could have been spent by then (deposits, holds given back) was done before the first event.
 */
export class ForwardSettlement {
  lastSequence = 0;
  #settledEvents = 0;
  readonly #ledger: EmbeddedLedger;
  readonly #catalogue: Catalogue;
  readonly #watermarks: number[];
  readonly #openHolds: ReadonlySet<number>;
  #steps: Promise<unknown>[] = [];

  /**
   * @param catalogue knows the instruments of all events by the time they come
   * @param openHolds command ids of all holds that the ledger has
   */
  constructor(
    ledger: EmbeddedLedger,
    catalogue: Catalogue,
    watermarks: readonly number[],
    openHolds: ReadonlySet<number>,
  ) {
    this.#ledger = ledger;
    this.#catalogue = catalogue;
    this.#watermarks = [...watermarks];
    this.#openHolds = openHolds;
  }

  /** Events that were settled here. */
  get settledEvents(): number {
    return this.#settledEvents;
  }

  /**
   * @param events in order, from the first that the ledger may lack on
   * @returns once all of them are settled, durably, and every partition stands behind the last
   * @throws RebuildRefusedError when the journal asks for more than there is
   */
  async settle(events: readonly ExchangeEvent[]): Promise<void> {
    for (const event of events) this.#settleOne(event);
    this.lastSequence = events.at(-1)?.eventSequence ?? this.lastSequence;
    for (const [partition, watermark] of this.#watermarks.entries())
      if (watermark < this.lastSequence)
        this.#move(partition, this.lastSequence, events.at(-1)!.timestampMs, { legs: [], settledCommands: [] });
    await Promise.all(this.#steps);
    this.#steps = [];
  }

  #settleOne(event: ExchangeEvent): void {
    const partition = partitionOf(event, this.#watermarks.length);
    if (event.eventSequence <= this.#watermarks[partition]!) return;
    this.#settledEvents += 1;
    const effects = effectsOf([event], this.#catalogue);
    if (effects.legs.length === 0 && effects.settledCommands.length === 0) return;
    for (const { commandId } of effects.settledCommands)
      if (!this.#openHolds.has(commandId)) this.#steps.push(this.#holdAgain(commandId, event, effects));
    this.#move(partition, event.eventSequence, event.timestampMs, effects);
  }

  #move(partition: number, lastSequence: number, timestampMs: number, effects: Effects): void {
    const beforeSequence = this.#watermarks[partition]!;
    this.#watermarks[partition] = lastSequence;
    this.#steps.push(
      this.#ledger.settle({ partition, beforeSequence, lastSequence, timestampMs, ...effects }).then(({ outcome }) => {
        if (outcome !== 'APPLIED') fail(`event ${lastSequence} of partition ${partition} was ${outcome}`);
      }),
    );
  }

  async #holdAgain(commandId: number, event: ExchangeEvent, effects: Effects): Promise<void> {
    const units = heldUnits(event, effects, this.#catalogue);
    if (units === 0n || !('side' in event) || !('instrumentId' in event)) return;
    const { accountId, side, timestampMs } = event;
    const instrument = this.#catalogue.instrument(event.instrumentId)!;
    const { assetId } = side === Side.BUY ? instrument.quote : instrument.base;
    const answer = await this.#ledger.hold({ commandId, accountId, assetId, units, timestampMs });
    if (answer.outcome !== 'HELD')
      throw new RebuildRefusedError(
        `command ${commandId} was held for (account ${accountId}, asset ${assetId}, ${units} units), which its account ` +
          `can't have had: ${answer.outcome}. exchange.sqlite and the journal do not belong together: run \`audit\``,
      );
  }
}

/** What was held for the command that an event is the first of. */
function heldUnits(event: ExchangeEvent, { legs }: Effects, catalogue: Catalogue): bigint {
  switch (event.kind) {
    case EventKind.ACCEPTED:
      return needOfOrder(event, catalogue);
    case EventKind.AMENDED:
    case EventKind.AMEND_REJECTED:
      return event.heldUnits;
    case EventKind.REJECTED: // gives everything back
      return -legs.reduce((sum, leg) => sum + leg.heldDeltaUnits, 0n);
    default:
      return fail(`event ${event.eventSequence} of kind ${event.kind} ends a hold`);
  }
}
