import type { MessagePort } from 'node:worker_threads';
import type { EngineLimits } from '../engine/engine.ts';
import type { JournalClaim } from '../journal/journal-recovery.ts';
import type { RingBuffers } from '../ring/ring.ts';

/** What every thread of an exchange is given through workerData. */
export interface SharedBuffers {
  readonly control: SharedArrayBuffer; // CONTROL words
  readonly commandRing: RingBuffers; // readers: COMMAND_READER
  readonly eventRing: RingBuffers; // readers: EVENT_READER
}

export interface JournalThreadData extends SharedBuffers {
  readonly folder: string; // the data folder
  readonly segmentBytes: number; // of both logs
  /** Consumers that must not be ahead of the journal. The event log is always checked. */
  readonly claims: readonly JournalClaim[];
  readonly useSnapshots: boolean;
  readonly snapshots: MessagePort; // EngineState comes from the engine thread, once SNAPSHOTS_HANDED says so
}

export interface EngineThreadData extends SharedBuffers {
  readonly folder: string;
  readonly limits: EngineLimits;
  readonly lastCommandSequence: number; // of the recovered journal: replayed up to there
  readonly lastEventSequence: number; // of the recovered event log
  readonly useSnapshots: boolean;
  readonly snapshotEveryCommands: number;
  readonly snapshots: MessagePort; // EngineState goes to the journal thread
}

/** What journal and event log held. Sent once, before any command is taken. */
export interface JournalRecovered {
  readonly type: 'journal-recovered';
  readonly lastCommandSequence: number;
  readonly lastEventSequence: number; // that the event log holds; all that follow are written again by the replay
  readonly tornFrames: number; // 0 or 1: a group of commands that was never acknowledged
  readonly tornBytes: number;
  readonly droppedEventFrames: number; // from the unsynced end of the event log; regenerated
  readonly droppedEventBytes: number;
}

/** Every event that the log held at start came out of the replay again, byte by byte. Sent once. */
export interface EventsCompared {
  readonly type: 'events-compared';
}

/** Bytes of log files checked so far. */
export interface RecoveryProgress {
  readonly type: 'recovery-progress';
  readonly scannedBytes: number;
}

export interface ReplayProgress {
  readonly type: 'replay-progress';
  readonly commandSequence: number;
  readonly ofCommandSequence: number;
}

/** The engine has chosen where its replay begins and is there. Sent once, before any event is made. */
export interface Restored {
  readonly type: 'restored';
  readonly snapshot: RestoredSnapshot | null; // null: the first command
  readonly refusedSnapshots: readonly RefusedSnapshot[]; // newer ones than that, newest first
  readonly ofCommandSequence: number; // the replay's end
}

/** The engine stands where the journal ends. Its events are in the event ring, and on their way through it. */
export interface Replayed {
  readonly type: 'replayed';
  readonly lastCommandSequence: number;
  readonly lastEventSequence: number;
  readonly lastTimestampMs: number;
  readonly highestLedgerSequence: number; // a ledger that knows less has lost something
  readonly stateHash: string; // 16 hex digits
  readonly restingOrders: number;
  readonly snapshot: RestoredSnapshot | null; // where the replay began; null: at the first command
  readonly refusedSnapshots: readonly RefusedSnapshot[]; // newer ones than that, newest first
}

/** The snapshot that the engine began from. SnapshotReader gives its definitions and resting orders as objects. */
export interface RestoredSnapshot {
  readonly path: string;
  readonly commandSequence: number;
  readonly eventSequence: number;
  readonly restingOrders: number;
  readonly stateHash: string | null; // 16 hex digits; null when it was taken amid trading
}

export interface RefusedSnapshot {
  readonly path: string;
  readonly reason: string; // one phrase, without the path
}

/** A snapshot is in place: the next start needs the journal after its command only. */
export interface SnapshotPlaced {
  readonly type: 'snapshot-placed';
  readonly path: string;
  readonly commandSequence: number;
  readonly eventSequence: number;
  readonly restingOrders: number;
  readonly stateHash: string | null; // 16 hex digits; null amid trading, where nobody waits for a walk over all orders
  readonly sizeBytes: number;
}

/** A snapshot was given up. Trading goes on, and the one before it still serves. */
export interface SnapshotFailed {
  readonly type: 'snapshot-failed';
  readonly commandSequence: number;
  readonly reason: string;
}

/** Segments that nothing needs any more were moved to the archive. */
export interface SegmentsRetired {
  readonly type: 'segments-retired';
  readonly journalSegments: readonly string[]; // where they are now
  readonly eventSegments: readonly string[];
}

export type SnapshotReport = SnapshotPlaced | SnapshotFailed | SegmentsRetired;

/** Sent last, after all work was finished because STOP was set. */
export interface ThreadStopped {
  readonly type: 'stopped';
}

/** Sent last, when the thread dies of an error. */
export interface ThreadFailed {
  readonly type: 'failed';
  readonly code: string; // of our typed errors and of system errors; 'INTERNAL' for a broken fact
  readonly message: string;
  readonly stack: string;
}

export type JournalThreadMessage =
  | RecoveryProgress
  | JournalRecovered
  | EventsCompared
  | SnapshotReport
  | ThreadStopped
  | ThreadFailed;
export type EngineThreadMessage = Restored | ReplayProgress | Replayed | ThreadStopped | ThreadFailed;
