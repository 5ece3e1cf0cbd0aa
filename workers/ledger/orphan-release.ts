import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../core/ports/clock.ts';
import type { EventProgress } from '../../core/ports/event-feed.ts';
import { type Ledger, LedgerUnavailableError, type OpenHold } from '../../core/ports/ledger.ts';
import { SETTLEMENT } from '../settlement/settlement-consumer.ts';

export interface OrphanReleaseSettings {
  readonly ledger: Ledger;
  readonly feed: Pick<EventProgress, 'settledThrough'>;
  readonly clock: Clock;
  /** Last event of everything that the journal held at this start: after replay, before the first new command. */
  readonly endSequenceAtStart: number;
  /** First command id of this start: only holds below it can be orphans. */
  readonly firstCommandId: number;
  /** Withdrawals that were open at this start: their holds belong to them, and no command ever comes for those. */
  readonly heldWithdrawals: ReadonlySet<number>;
}

export interface OrphanReleaseResult {
  /** Holds of commands that never reached the journal, given back. */
  readonly released: number;
}

/** Releases under way at a time: they share commits, and leave room for the orders of the day. */
const BATCH_HOLDS = 256;
/** Between two tries while the ledger can't be asked. */
const UNAVAILABLE_PAUSE_MS = 500;

/**
 * Gives back what was held for commands that never reached the journal, as the process died in between. Waits until
 * settlement has met every command that did: what is open then, from before this start, belongs to none. A ledger that
 * can't be asked meanwhile is waited for.
 * @throws what the feed or the ledger fails with; a hold not released yet is found again at the next start
 */
export async function releaseOrphanedHolds(settings: OrphanReleaseSettings): Promise<OrphanReleaseResult> {
  const { ledger, feed, clock, endSequenceAtStart, firstCommandId, heldWithdrawals } = settings;
  await feed.settledThrough(endSequenceAtStart, SETTLEMENT);
  const open = await openHolds(ledger, firstCommandId);
  const holds = open.filter(({ commandId }) => !heldWithdrawals.has(commandId));
  let released = 0;
  for (let from = 0; from < holds.length; from += BATCH_HOLDS) {
    const batch = holds.slice(from, from + BATCH_HOLDS);
    const answers = await Promise.all(batch.map(({ commandId }) => ledger.abandon(commandId, clock.nowMs())));
    released += answers.filter(({ outcome }) => outcome === 'RELEASED').length;
  }
  return { released };
}

async function openHolds(ledger: Ledger, firstCommandId: number): Promise<readonly OpenHold[]> {
  for (;;) {
    try {
      return await ledger.openHoldsBelow(firstCommandId);
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError) || error.isForGood) throw error;
      await sleep(UNAVAILABLE_PAUSE_MS, undefined, { ref: false });
    }
  }
}
