import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BEHAVIOUR_VERSION, FORMAT_VERSION, SNAPSHOT_FORMAT_VERSION } from '../../core/journal/versions.ts';
import { SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { recordTape } from '../core/journal/record-tape.ts';
import { stateAfter, writeLogs, writeSnapshot } from '../core/journal/snapshot-tape.ts';
import { EXPECTED_FILE, type GoldenJournal } from './golden-journal.ts';

const SEED = 22; // of the first 1,500, one whose stream meets every kind of command and of event
const COMMANDS = 500;
const SNAPSHOTS_AT = [180, 340];
const SEGMENT_BYTES = 32 * 1_024;

/** How the files here were made, and how those of a later version are. README.md tells when. */
const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('Name the new folder: node test/golden/make-golden-journal.ts test/golden/journal-2');
  process.exit(2);
}
const tape = recordTape(SEED, COMMANDS);
writeLogs(folder, tape, COMMANDS, SEGMENT_BYTES);
const snapshots = SNAPSHOTS_AT.map((commandCount) => {
  const state = stateAfter(tape, commandCount);
  writeSnapshot(folder, state);
  const { commandSequence, eventSequence, restingOrders, stateHash } = state;
  return { commandSequence, eventSequence, restingOrders, stateHash: stateHash ?? '' };
});
const digest = createHash('sha256');
for (const { window, slots } of tape.events) digest.update(window.u8.subarray(0, slots * SLOT_BYTES));
const kindsOf = (records: typeof tape.events): number[] =>
  [...new Set(records.map(({ window }) => window.u8[0]!))].sort((one, other) => one - other);
const expected: Omit<GoldenJournal, 'folder'> = {
  versions: { format: FORMAT_VERSION, behaviour: BEHAVIOUR_VERSION, snapshotFormat: SNAPSHOT_FORMAT_VERSION },
  limits: tape.limits,
  commands: COMMANDS,
  events: tape.events.length,
  commandKinds: kindsOf(tape.commands),
  eventKinds: kindsOf(tape.events),
  stateHash: tape.stateHash,
  eventsSha256: digest.digest('hex'),
  snapshots: snapshots.reverse(),
};
writeFileSync(join(folder, EXPECTED_FILE), `${JSON.stringify(expected, null, 2)}\n`);
