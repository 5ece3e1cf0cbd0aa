import { readFileSync, writeFileSync } from 'node:fs';
import { Engine } from '../../../core/engine/engine.ts';
import type { EngineState } from '../../../core/engine/engine-state.ts';
import { EventWriter } from '../../../core/engine/event-writer.ts';
import { EventLogWriter } from '../../../core/journal/event-log-writer.ts';
import { type FileOperations, NODE_FILES } from '../../../core/journal/file-operations.ts';
import { recoverJournal } from '../../../core/journal/journal-recovery.ts';
import { JournalWriter } from '../../../core/journal/journal-writer.ts';
import { scanEventLog } from '../../../core/journal/log-scan.ts';
import { tidySnapshotFolder } from '../../../core/journal/snapshot-files.ts';
import { SnapshotWriter } from '../../../core/journal/snapshot-writer.ts';
import { SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../../core/ring/ring.ts';
import { fill, type Tape } from './record-tape.ts';

/** @returns the state of an engine that has applied the tape's first commands */
export function stateAfter(tape: Tape, commandCount: number): EngineState {
  const ring = createRing(4_096, 1);
  const reader = new RingReader(ring, 0);
  const writer = new EventWriter(new RingWriter(ring), () => reader.release(reader.available()));
  const engine = new Engine(tape.limits, writer);
  for (const { window } of tape.commands.slice(0, commandCount)) engine.apply(window, 0, SLOT_BYTES);
  return engine.exportState();
}

/** Writes a snapshot to its end. */
export function writeSnapshot(folder: string, state: EngineState, files: FileOperations = NODE_FILES): string {
  tidySnapshotFolder(files, folder);
  const writer = new SnapshotWriter(folder, state, files);
  while (!writer.isWhole) if (writer.step() === 'DISK_FULL') throw new Error('disk full');
  if (writer.place() === 'DISK_FULL') throw new Error('disk full');
  return writer.path;
}

/** Journals the tape's first commands and logs their events, in groups of some records. */
export function writeLogs(folder: string, tape: Tape, commandCount: number, segmentBytes: number): void {
  const journal = new JournalWriter(folder, recoverJournal(folder, { segmentBytes }).end, { segmentBytes });
  const scan = scanEventLog(folder, () => {});
  const eventLog = new EventLogWriter(folder, scan, { segmentBytes });
  const group = journal.newGroup();
  for (let first = journal.lastSequence; first < commandCount; first += 5)
    journal.append(fill(group, tape.commands.slice(first, Math.min(first + 5, commandCount))));
  const batch = eventLog.newBatch();
  const eventCount = tape.decodedEvents.filter(({ commandSequence }) => commandSequence <= commandCount).length;
  for (let first = eventLog.lastSequence; first < eventCount; first += 10)
    eventLog.append(fill(batch, tape.events.slice(first, Math.min(first + 10, eventCount))));
  journal.close();
  eventLog.close();
}

/** Changes one bit of a file. */
export function flipBit(path: string, byte: number): void {
  const bytes = readFileSync(path);
  bytes[byte]! ^= 4;
  writeFileSync(path, bytes);
}
