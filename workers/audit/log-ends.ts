import { setTimeout as sleep } from 'node:timers/promises';
import { LogKind } from '../../core/journal/frame.ts';
import { JournalDamagedError, StorageError } from '../../core/journal/journal-errors.ts';
import { scanJournal } from '../../core/journal/log-scan.ts';
import { listSegments } from '../../core/journal/segment-files.ts';
import { requireSealed, type SegmentScan, scanSegment } from '../../core/journal/segment-scan.ts';
import type { Findings } from './check-report.ts';

/** What the event log holds that can be compared with a replay. */
export interface EventLogEnd {
  readonly firstSequence: number; // of the oldest event kept; 1 when there is none
  readonly lastSequence: number; // of the last event before damage or the end
  /** An interrupted write at the very end, which the next start writes again; null for none. */
  readonly torn: { readonly file: string; readonly offsetBytes: number; readonly bytes: number } | null;
}

/** Where the journal ends, by a scan of every frame. */
export interface JournalEnd {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly tornBytes: number;
}

const ADVICE = 'Move the whole events folder away and start again: it is written anew from the journal.';
/** A frame that is being written looks like damage until it is whole: it is looked at again. */
const LOOKS = 10;
const BETWEEN_LOOKS_MS = 50;

/**
 * Checks every frame of the event log. Damage is a finding, by file and offset, and ends what can be compared; the log
 * follows from the journal, so the rest is proved all the same.
 * @param isRunning its writer may be at work
 * @throws UnknownVersionError, StorageError
 */
export function findEventLogEnd(dataFolder: string, isRunning: boolean, findings: Findings): Promise<EventLogEnd> {
  return unlessRetired(isRunning, () => scanEventLog(dataFolder, isRunning, findings));
}

async function scanEventLog(dataFolder: string, isRunning: boolean, findings: Findings): Promise<EventLogEnd> {
  const segments = listSegments(dataFolder, LogKind.EVENTS);
  const firstSequence = segments[0]?.firstSequence ?? 1;
  let lastSequence = firstSequence - 1;
  for (const [index, segment] of segments.entries()) {
    const successor = segments[index + 1];
    try {
      const scan = await settledScan(
        () => scanSegment(segment, LogKind.EVENTS, ADVICE, () => {}),
        isRunning && successor === undefined,
      );
      findings.checked(4);
      lastSequence = scan.lastSequence;
      if (successor !== undefined) requireSealed(scan, successor.firstSequence, ADVICE);
      else return { firstSequence, lastSequence, torn: requireTornAtMost(scan, isRunning) };
    } catch (error) {
      if (!(error instanceof JournalDamagedError)) throw error;
      findings.add(4, `event log: ${error.message}`);
      break;
    }
  }
  return { firstSequence, lastSequence, torn: null };
}

/**
 * Checks every frame of the journal.
 * @param isRunning its writer may be at work
 * @throws JournalDamagedError, UnknownVersionError, StorageError
 */
export function findJournalEnd(dataFolder: string, isRunning: boolean): Promise<JournalEnd> {
  return unlessRetired(isRunning, () => settledJournal(dataFolder, isRunning));
}

/** A running exchange may move a segment to the archive between its being listed and read: then all is listed again. */
async function unlessRetired<End>(isRunning: boolean, scan: () => Promise<End>): Promise<End> {
  for (let look = 1; ; look++)
    try {
      return await scan();
    } catch (error) {
      if (!isRunning || look === LOOKS || !(error instanceof StorageError)) throw error;
    }
}

async function settledJournal(dataFolder: string, isRunning: boolean): Promise<JournalEnd> {
  for (let look = 1; ; look++)
    try {
      const { firstSequence, lastSequence, tornBytes } = scanJournal(dataFolder, () => {});
      return { firstSequence, lastSequence, tornBytes: isRunning ? 0 : tornBytes };
    } catch (error) {
      if (!isRunning || look === LOOKS || !(error instanceof JournalDamagedError)) throw error;
      await sleep(BETWEEN_LOOKS_MS);
    }
}

async function settledScan(scan: () => SegmentScan, mayGrow: boolean): Promise<SegmentScan> {
  let found = scan();
  for (let look = 1; mayGrow && found.badBytes > 0 && look < LOOKS; look++) {
    await sleep(BETWEEN_LOOKS_MS);
    found = scan();
  }
  return found;
}

/** What is torn off is at the end: good frames after a bad one mean that the bad one was changed. */
function requireTornAtMost(scan: SegmentScan, isRunning: boolean): EventLogEnd['torn'] {
  const { segment, validBytes, badBytes, goodFramesAfterBad } = scan;
  if (goodFramesAfterBad > 0)
    throw new JournalDamagedError(segment.path, validBytes, 'a good frame follows a bad one', ADVICE);
  return badBytes === 0 || isRunning ? null : { file: segment.path, offsetBytes: validBytes, bytes: badBytes };
}
