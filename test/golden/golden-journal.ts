import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineLimits } from '../../core/engine/engine.ts';

/** What stands beside each golden folder's files: what every later program must find in them. README.md tells more. */
export interface GoldenJournal {
  readonly folder: string;
  readonly versions: { readonly format: number; readonly behaviour: number; readonly snapshotFormat: number };
  readonly limits: EngineLimits;
  readonly commands: number;
  readonly events: number;
  readonly commandKinds: readonly number[];
  readonly eventKinds: readonly number[];
  readonly stateHash: string; // after the last command
  readonly eventsSha256: string; // over the slots of every event, in order
  readonly snapshots: readonly GoldenSnapshot[]; // newest first
}

export interface GoldenSnapshot {
  readonly commandSequence: number;
  readonly eventSequence: number;
  readonly restingOrders: number;
  readonly stateHash: string;
}

export const EXPECTED_FILE = 'expected.json';

/** @returns every golden journal in this folder, of whatever version */
export function goldenJournals(): GoldenJournal[] {
  return readdirSync(import.meta.dirname)
    .filter((name) => name.startsWith('journal-'))
    .map((name) => {
      const folder = join(import.meta.dirname, name);
      const expected = JSON.parse(readFileSync(join(folder, EXPECTED_FILE), 'utf8')) as Omit<GoldenJournal, 'folder'>;
      return { folder, ...expected };
    });
}
