import { InvariantError } from '../../core/assert.ts';
import { Engine, type EngineLimits } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import { LogKind } from '../../core/journal/frame.ts';
import { SnapshotRefusedError, StorageError } from '../../core/journal/journal-errors.ts';
import { listArchivedSegments } from '../../core/journal/segment-files.ts';
import { listSnapshots } from '../../core/journal/snapshot-files.ts';
import { SnapshotReader } from '../../core/journal/snapshot-reader.ts';
import { StateFormatError } from '../../core/protocol/state-sections.ts';
import { createRing, RingWriter } from '../../core/ring/ring.ts';
import type { Findings } from './check-report.ts';
import type { JournalEnd } from './log-ends.ts';

export interface ReplayStart {
  readonly start: SnapshotReader | null; // null: the first command
  readonly snapshots: readonly SnapshotReader[]; // oldest first, the one that the replay starts from left out
}

/** The journal begins after the first command, and no snapshot reaches it. */
export class NoReplayStartError extends Error {
  override readonly name = 'NoReplayStartError';
}

/**
 * Reads every snapshot and chooses where a replay begins: at the first command, or, when older segments are in the
 * archive, at the oldest snapshot that the journal goes on from; without one, at the first command of the archive. A snapshot that can't be used is a finding.
 * @throws NoReplayStartError
 */
export function findReplayStart(
  dataFolder: string,
  journal: JournalEnd,
  isRunning: boolean,
  findings: Findings,
): ReplayStart {
  const snapshots: SnapshotReader[] = [];
  for (const { path, commandSequence } of listSnapshots(dataFolder).reverse()) {
    const isAhead = commandSequence > journal.lastSequence;
    if (isAhead && isRunning) continue; // made after the journal was read
    findings.require(
      7,
      !isAhead,
      () => `${path} stands at command ${commandSequence}, the journal ends at ${journal.lastSequence}`,
    );
    if (isAhead) continue;
    try {
      snapshots.push(new SnapshotReader(path));
    } catch (error) {
      if (isRunning && error instanceof StorageError) continue; // retired since it was listed
      if (!(error instanceof SnapshotRefusedError)) throw error;
      findings.add(7, error.message);
    }
  }
  if (journal.firstSequence === 1) return { start: null, snapshots };
  const [oldestArchived] = listArchivedSegments(dataFolder, LogKind.JOURNAL);
  const start = snapshots.find(({ state }) => state.commandSequence >= journal.firstSequence - 1);
  if (start === undefined && oldestArchived?.firstSequence === 1) return { start: null, snapshots };
  if (start === undefined)
    throw new NoReplayStartError(
      `it begins with command ${journal.firstSequence}, and no snapshot reaches it: bring the older segments back`,
    );
  return { start, snapshots: snapshots.filter((snapshot) => snapshot !== start) };
}

/**
 * A snapshot must hold the state of a replay that has come to its command. Those taken amid trading carry no hash: then
 * an engine is made from it and asked.
 */
export function requireStateOf(
  snapshot: SnapshotReader,
  replayed: Engine,
  limits: EngineLimits,
  findings: Findings,
): void {
  const restored = restore(snapshot, limits);
  const due = textOf(replayed);
  findings.require(7, restored === due, () => `${snapshot.path}: ${restored}, the replay comes to ${due}`);
}

/** @returns the state, or why it is none */
function restore({ state }: SnapshotReader, limits: EngineLimits): string {
  const engine = new Engine(limits, new EventWriter(new RingWriter(createRing(8, 1)), () => {}));
  try {
    engine.importState(state);
    return textOf(engine);
  } catch (error) {
    if (error instanceof StateFormatError || error instanceof InvariantError) return error.message;
    throw error;
  }
}

function textOf(engine: Engine): string {
  const { lastEventSequence, highestLedgerSequence } = engine;
  return `state ${engine.stateHash()} after event ${lastEventSequence} and ledger change ${highestLedgerSequence}`;
}
