import { InvariantError } from '../assert.ts';
import type { Engine } from '../engine/engine.ts';
import type { EngineLimits } from '../engine/engine-state.ts';
import { JournalLossError, SnapshotRefusedError } from '../journal/journal-errors.ts';
import { listSnapshots } from '../journal/snapshot-files.ts';
import { SnapshotReader } from '../journal/snapshot-reader.ts';
import { StateFormatError } from '../protocol/state-sections.ts';
import type { RefusedSnapshot, RestoredSnapshot } from './thread-messages.ts';

export interface SnapshotStart {
  readonly engine: Engine; // fresh when there is no snapshot
  readonly snapshot: RestoredSnapshot | null;
  readonly refusedSnapshots: readonly RefusedSnapshot[];
}

/** What journal and event log reach: a snapshot beyond either can't be gone on from. */
export interface LogEnds {
  readonly lastCommandSequence: number;
  readonly lastEventSequence: number;
}

/**
 * Finds the newest snapshot that can be used and makes an engine from it. Whatever is wrong with one, the one before it
 * and at last the journal from its start give the same state: only the replay takes longer.
 * @param newEngine called once per try
 * @throws JournalLossError when a good snapshot is ahead of the journal; StorageError
 */
export function startFromSnapshot(
  dataFolder: string,
  limits: EngineLimits,
  ends: LogEnds,
  newEngine: () => Engine,
): SnapshotStart {
  const refusedSnapshots: RefusedSnapshot[] = [];
  for (const { path, commandSequence } of listSnapshots(dataFolder)) {
    try {
      const { state } = new SnapshotReader(path);
      if (state.commandSequence !== commandSequence)
        throw new SnapshotRefusedError(path, `it stands at command ${state.commandSequence}, not where its name says`);
      if (state.commandSequence > ends.lastCommandSequence)
        throw new JournalLossError(`the snapshot ${path}`, state.commandSequence, ends.lastCommandSequence);
      if (state.eventSequence > ends.lastEventSequence)
        throw new SnapshotRefusedError(
          path,
          `the event log ends at ${ends.lastEventSequence}, before its event ${state.eventSequence}`,
        );
      requireLimits(path, state.limits, limits);
      const engine = newEngine();
      engine.importState(state);
      const { eventSequence, restingOrders, stateHash } = state;
      const snapshot = { path, commandSequence, eventSequence, restingOrders, stateHash };
      return { engine, snapshot, refusedSnapshots };
    } catch (error) {
      refusedSnapshots.push({ path, reason: refusalOf(error) });
    }
  }
  return { engine: newEngine(), snapshot: null, refusedSnapshots };
}

function requireLimits(path: string, found: EngineLimits, wanted: EngineLimits): void {
  const { maxOrders, maxLevels, maxInstruments } = found;
  if (maxOrders !== wanted.maxOrders || maxLevels !== wanted.maxLevels || maxInstruments !== wanted.maxInstruments)
    throw new SnapshotRefusedError(
      path,
      `it was made with room for ${maxOrders} orders, ${maxLevels} levels and ${maxInstruments} instruments, the engine ` +
        `has ${wanted.maxOrders}, ${wanted.maxLevels} and ${wanted.maxInstruments}`,
    );
}

/** A broken fact found while importing is a refusal as well: the engine that holds it is thrown away, unused. */
function refusalOf(error: unknown): string {
  if (error instanceof SnapshotRefusedError) return error.reason;
  if (error instanceof StateFormatError || error instanceof InvariantError) return error.message;
  throw error;
}
