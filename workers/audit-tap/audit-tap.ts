import { InvariantError } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Clock } from '../../core/ports/clock.ts';
import { type EventBatch, type EventConsumer, partitionOf } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import { LedgerInvariantError } from '../ledger/ledger-errors.ts';
import { requireZeroSums } from '../ledger/settlement-plan.ts';
import { effectsOf } from '../settlement/legs.ts';
import {
  type CheckedCounts,
  countFindings,
  markTold,
  readCheckedCounts,
  readUntold,
  TAP_CHECKED,
  TAP_FINDINGS,
  type TapDatabase,
} from '../storage/tap-database.ts';
import { readWatermarks, WATERMARKS } from '../storage/view-database.ts';
import { SequenceCoverage } from './sequence-coverage.ts';

export const AUDIT_TAP = 'audit-tap';

/** The tap lacks events before this batch: nothing of it was checked. */
export class TapGapError extends Error {
  override readonly name = 'TapGapError';
  readonly code = 'TAP_GAP';
}

/** Something in the stream that must never be. */
export interface TapFinding {
  readonly partition: number;
  readonly eventSequence: number;
  readonly finding: string;
}

export interface AuditTapParts {
  readonly tap: TapDatabase;
  /**
   * Events through this one are in retired segments, if anywhere. Of these the tap passes over what it lacks: it may be
   * new to an old folder, and retirement waits for it only where it runs.
   */
  readonly retiredSequence: number;
  /** Knows the instruments of all events. */
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  /**
   * Told of each finding once it is stored: an alarm.
   * @returns whether it was raised to its end: else it is told again by the next start
   */
  readonly onFinding: (finding: TapFinding) => Promise<boolean>;
}

/** Recorded of one batch: a stream that is wholly wrong must not fill the disk. */
const MAX_FINDINGS_PER_BATCH = 100;

/**
 * Watches the stream as it goes by, beside those who act on it: each event in its own partition and in its order, every
 * sequence once in one of them, time and commands never going back, the legs of each event adding up to zero in every
 * asset. It stops nobody: what it finds is stored with its watermark, and told.
 */
export class AuditTap implements EventConsumer {
  readonly name = AUDIT_TAP;
  readonly batchEvents = 4_096; // a commit of two rows a batch: the larger, the fewer
  readonly #parts: AuditTapParts;
  readonly #watermarks: number[]; // by partition, on disk
  readonly #checkedThrough: number[]; // by partition, perhaps on its way to disk
  readonly #checked: CheckedCounts[];
  readonly #coverage: SequenceCoverage;
  readonly #last: { commandSequence: number; timestampMs: number }[]; // by partition, of this process
  #findingCount: number;

  private constructor(
    parts: AuditTapParts,
    stored: { readonly watermarks: number[]; readonly checked: CheckedCounts[]; readonly findingCount: number },
  ) {
    this.#parts = parts;
    this.#watermarks = stored.watermarks;
    this.#checkedThrough = [...stored.watermarks];
    this.#checked = stored.checked;
    this.#findingCount = stored.findingCount;
    // What lies between the partitions' watermarks was seen by an earlier process, in part.
    this.#coverage = new SequenceCoverage(Math.max(...stored.watermarks));
    this.#last = stored.watermarks.map(() => ({ commandSequence: 0, timestampMs: 0 }));
  }

  /** @throws DatabaseError */
  static async open(parts: AuditTapParts): Promise<AuditTap> {
    const { tap, retiredSequence } = parts;
    const stored = await readWatermarks(tap.database, tap.partitionCount);
    const watermarks = stored.map((watermark) => Math.max(watermark, retiredSequence));
    const checked = await readCheckedCounts(tap);
    const findingCount = await countFindings(tap);
    const opened = new AuditTap(parts, { watermarks, checked, findingCount });
    for (const found of await readUntold(tap)) opened.#tell(found, findingCount);
    return opened;
  }

  async watermarks(): Promise<readonly number[]> {
    return [...this.#watermarks];
  }

  /** @throws TapGapError with nothing checked; DatabaseError, which is fatal (GroupCommit) */
  async consume(batch: EventBatch): Promise<void> {
    const { partition, beforeSequence, lastSequence } = batch;
    const watermark = this.#checkedThrough[partition]!;
    if (beforeSequence > watermark)
      throw new TapGapError(
        `audit tap of partition ${partition}: a batch follows event ${beforeSequence}, but only those through ` +
          `${watermark} were checked. Deliver the events after ${watermark} first.`,
      );
    if (lastSequence <= watermark) return;
    const events = batch.events.filter(({ eventSequence }) => eventSequence > watermark);
    const findings = [...this.#checkOrder(batch, events), ...this.#checkLegs(partition, events)];
    this.#checkedThrough[partition] = lastSequence;
    for (const eventSequence of this.#coverage.raise(Math.min(...this.#checkedThrough)))
      findings.push({ partition, eventSequence, finding: `event ${eventSequence} came in no partition` });
    await this.#store(batch, events, findings.slice(0, MAX_FINDINGS_PER_BATCH));
  }

  *#checkOrder({ partition, beforeSequence, lastSequence }: EventBatch, events: readonly ExchangeEvent[]) {
    const last = this.#last[partition]!;
    let previous = beforeSequence;
    for (const event of events) {
      const { eventSequence, commandSequence, timestampMs } = event;
      const found = (finding: string): TapFinding => ({ partition, eventSequence, finding });
      if (eventSequence <= previous || eventSequence > lastSequence)
        yield found(`event ${eventSequence} stands after ${previous} in a batch through ${lastSequence}`);
      const own = partitionOf(event, this.#watermarks.length);
      if (own !== partition) yield found(`event ${eventSequence} of partition ${own} came in partition ${partition}`);
      if (this.#coverage.see(eventSequence)) yield found(`event ${eventSequence} came twice`);
      if (commandSequence < last.commandSequence || timestampMs < last.timestampMs)
        yield found(
          `event ${eventSequence} of command ${commandSequence} at ${timestampMs} ms follows command ` +
            `${last.commandSequence} at ${last.timestampMs} ms`,
        );
      last.commandSequence = commandSequence;
      last.timestampMs = timestampMs;
      previous = eventSequence;
    }
  }

  /** All at once where nothing is wrong; else event by event, so that each is named. */
  #checkLegs(partition: number, events: readonly ExchangeEvent[]): TapFinding[] {
    if (legsProblem(events, this.#parts.catalogue) === null) return [];
    return events.flatMap((event) => {
      const finding = legsProblem([event], this.#parts.catalogue);
      return finding === null ? [] : [{ partition, eventSequence: event.eventSequence, finding }];
    });
  }

  async #store(
    { partition, lastSequence }: EventBatch,
    events: readonly ExchangeEvent[],
    findings: readonly TapFinding[],
  ): Promise<void> {
    const { tap, clock } = this.#parts;
    const before = this.#checked[partition]!;
    const eventCount = before.eventCount + events.length;
    const tradeCount = before.tradeCount + events.filter(({ kind }) => kind === EventKind.FILLED).length;
    this.#checked[partition] = { eventCount, tradeCount };
    tap.commits.put(WATERMARKS, [partition, lastSequence]);
    tap.commits.put(TAP_CHECKED, [partition, eventCount, tradeCount]);
    const firstId = this.#findingCount + 1;
    for (const { partition: found, eventSequence, finding } of findings) {
      this.#findingCount += 1;
      tap.commits.add(TAP_FINDINGS, [this.#findingCount, found, eventSequence, finding, clock.nowMs(), 0]);
    }
    await tap.commits.durable();
    this.#watermarks[partition] = lastSequence;
    for (const [index, found] of findings.entries()) this.#tell(found, firstId + index);
  }

  /** @param throughId the findings of its partition that the alarm is for end with this one */
  #tell({ partition, eventSequence, finding }: TapFinding, throughId: number): void {
    const { tap, onFinding } = this.#parts;
    onFinding({ partition, eventSequence, finding })
      .then((isRaised) => (isRaised ? markTold(tap, partition, throughId) : undefined))
      .catch(() => undefined); // a commit that fails is fatal, which was told
  }
}

function legsProblem(events: readonly ExchangeEvent[], catalogue: Catalogue): string | null {
  try {
    requireZeroSums(effectsOf(events, catalogue).legs);
    return null;
  } catch (error) {
    if (!(error instanceof InvariantError || error instanceof LedgerInvariantError)) throw error;
    return error.message;
  }
}
