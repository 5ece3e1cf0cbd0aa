import { LogKind } from './frame.ts';
import { JournalDamagedError, SnapshotRefusedError, UnknownVersionError } from './journal-errors.ts';
import { lastCommandOf } from './log-scan.ts';
import { listArchivedSegments, listSegments, type SegmentFile } from './segment-files.ts';
import { requireSealed, requireTornTailAtMost, type SegmentScan, scanSegment } from './segment-scan.ts';
import { listSnapshots } from './snapshot-files.ts';
import { SnapshotReader } from './snapshot-reader.ts';

/** The first thing found that is not as it was written. */
export interface LogDamage {
  readonly file: string;
  readonly offsetBytes: number; // 0 when it is about the file as a whole
  readonly problem: string;
}

export interface LogReport {
  readonly segments: number;
  readonly archivedSegments: number;
  readonly frames: number; // archived ones included, as are the next three
  readonly records: number; // commands or events
  readonly firstSequence: number; // 1 when the log is empty
  readonly lastSequence: number; // firstSequence - 1 when the log is empty
  readonly tornBytes: number; // at its end: dropped by the next start
}

export interface SnapshotVerdict {
  readonly path: string;
  readonly commandSequence: number; // by its name
  readonly eventSequence: number; // 0 unless valid, as is the next
  readonly restingOrders: number;
  readonly problem: string | null; // null: valid
}

export interface VerifyReport {
  readonly isSound: boolean; // no damage; a torn end is none, nor is a snapshot that is not used
  readonly journal: LogReport;
  readonly events: LogReport;
  readonly snapshots: readonly SnapshotVerdict[]; // newest first
  readonly damage: LogDamage | null;
}

/** @param file that was just read, of how many */
export type VerifyProgress = (file: string, filesDone: number, filesTotal: number) => void;

const ADVICE = 'Restore this file from a copy.';

/**
 * Reads every byte of journal, event log, archive and snapshots and says what is there. Changes nothing, takes no lock;
 * of a running exchange the group that is being written may show as torn.
 * @throws StorageError
 */
export function verifyLogs(dataFolder: string, onProgress: VerifyProgress): VerifyReport {
  const snapshotFiles = listSnapshots(dataFolder);
  const kinds = [LogKind.JOURNAL, LogKind.EVENTS];
  const filesTotal =
    kinds.reduce((sum, kind) => sum + segmentsOf(dataFolder, kind).all.length, 0) + snapshotFiles.length;
  let filesDone = 0;
  const onFile = (file: string): void => onProgress(file, ++filesDone, filesTotal);

  const journal = new LogVerification(dataFolder, LogKind.JOURNAL, onFile);
  const events = new LogVerification(dataFolder, LogKind.EVENTS, onFile);
  const snapshots = snapshotFiles.map(({ path, commandSequence }) => {
    const verdict = verifySnapshot(path, commandSequence);
    onFile(path);
    return verdict;
  });
  const damage = journal.damage ?? events.damage ?? loss(journal, events, snapshots);
  return { isSound: damage === null, journal: journal.report, events: events.report, snapshots, damage };
}

/** One log, archive first, up to the first damage: what lies behind it can't be put in order. */
class LogVerification {
  readonly report: LogReport;
  readonly damage: LogDamage | null;
  readonly lastPath: string;
  /** Highest command that the log tells of. */
  lastCommandSequence = 0;

  constructor(dataFolder: string, kind: LogKind, onFile: (file: string) => void) {
    const { all, archivedCount } = segmentsOf(dataFolder, kind);
    const firstSequence = all[0]?.firstSequence ?? 1;
    let frames = 0;
    let records = 0;
    let last: SegmentScan | null = null;
    let damage: LogDamage | null = null;
    for (const [index, segment] of all.entries()) {
      damage = damageOf(() => {
        last = scanSegment(segment, kind, ADVICE, (frame) => {
          frames += 1;
          records += frame.recordCount;
          this.lastCommandSequence = kind === LogKind.JOURNAL ? frame.lastSequence : lastCommandOf(frame);
        });
        const successor = all[index + 1];
        if (successor !== undefined) requireSealed(last, successor.firstSequence, ADVICE);
        else if (kind === LogKind.JOURNAL) requireTornTailAtMost(last, ADVICE);
      });
      onFile(segment.path);
      if (damage !== null) break;
    }
    const end = last as SegmentScan | null;
    this.damage = damage;
    this.lastPath = all.at(-1)?.path ?? dataFolder;
    this.report = {
      segments: all.length - archivedCount,
      archivedSegments: archivedCount,
      frames,
      records,
      firstSequence,
      lastSequence: end?.lastSequence ?? firstSequence - 1,
      tornBytes: damage === null && end !== null ? end.badBytes : 0,
    };
  }
}

/** Whoever takes segments out of the archive begins with the oldest: a hole further on is damage. */
function segmentsOf(dataFolder: string, kind: LogKind): { all: SegmentFile[]; archivedCount: number } {
  const live = listSegments(dataFolder, kind);
  const firstLive = live[0]?.firstSequence ?? Infinity;
  const archived = listArchivedSegments(dataFolder, kind).filter(({ firstSequence }) => firstSequence < firstLive);
  return { all: [...archived, ...live], archivedCount: archived.length };
}

function damageOf(act: () => void): LogDamage | null {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof JournalDamagedError)
      return { file: error.file, offsetBytes: error.offsetBytes, problem: error.message };
    if (error instanceof UnknownVersionError) return { file: error.file, offsetBytes: 0, problem: error.message };
    throw error;
  }
}

function verifySnapshot(path: string, commandSequence: number): SnapshotVerdict {
  const none = { path, commandSequence, eventSequence: 0, restingOrders: 0 };
  try {
    const { state } = new SnapshotReader(path);
    if (state.commandSequence !== commandSequence)
      return { ...none, problem: `it stands at command ${state.commandSequence}, not where its name says` };
    return { ...none, eventSequence: state.eventSequence, restingOrders: state.restingOrders, problem: null };
  } catch (error) {
    if (!(error instanceof SnapshotRefusedError)) throw error;
    return { ...none, problem: error.reason };
  }
}

/** What the event log or a good snapshot knows, the journal must reach. */
function loss(
  journal: LogVerification,
  events: LogVerification,
  snapshots: readonly SnapshotVerdict[],
): LogDamage | null {
  const { lastSequence } = journal.report;
  const ahead = (file: string, holder: string, commandSequence: number): LogDamage => ({
    file,
    offsetBytes: 0,
    problem: `the journal ends at command ${lastSequence}, but ${holder} knows command ${commandSequence}`,
  });
  if (events.lastCommandSequence > lastSequence)
    return ahead(journal.lastPath, 'the event log', events.lastCommandSequence);
  const snapshot = snapshots.find(({ problem, commandSequence }) => problem === null && commandSequence > lastSequence);
  return snapshot === undefined
    ? null
    : ahead(journal.lastPath, `the snapshot ${snapshot.path}`, snapshot.commandSequence);
}
