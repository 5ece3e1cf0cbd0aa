import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { fail } from '../assert.ts';
import type { EngineState } from '../engine/engine-state.ts';
import { EventLogWriter } from '../journal/event-log-writer.ts';
import { NODE_FILES } from '../journal/file-operations.ts';
import { type JournalClaim, type RecoveredJournal, recoverJournal } from '../journal/journal-recovery.ts';
import { JournalWriter } from '../journal/journal-writer.ts';
import { type EventLogScan, scanEventLog } from '../journal/log-scan.ts';
import { RecordedEvents } from '../journal/recorded-events.ts';
import { listSnapshots, peekSnapshot, tidySnapshotFolder } from '../journal/snapshot-files.ts';
import { waitOnDoorbell } from '../ring/doorbell.ts';
import { RingReader } from '../ring/ring.ts';
import { CommandIntake } from './command-intake.ts';
import { EventIntake } from './event-intake.ts';
import { JournalLoop } from './journal-loop.ts';
import { COMMAND_READER, EVENT_READER } from './ring-readers.ts';
import { CONTROL, loadSequence } from './shared-control.ts';
import { SnapshotIntake } from './snapshot-intake.ts';
import { type Post, runThread } from './thread-entry.ts';
import type { JournalThreadData, JournalThreadMessage } from './thread-messages.ts';

/** The journal thread: recovers both logs, then writes commands and events until it is told to stop. */
runThread<JournalThreadMessage>((post) => {
  const data = workerData as JournalThreadData;
  const control = new Int32Array(data.control);
  const { journal, eventLog } = recoverLogs(data, post);
  post({
    type: 'journal-recovered',
    lastCommandSequence: journal.lastSequence,
    lastEventSequence: eventLog.lastSequence,
    tornFrames: journal.tornFrames,
    tornBytes: journal.tornBytes,
    droppedEventFrames: eventLog.tornFrames,
    droppedEventBytes: eventLog.tornBytes,
  });
  const firstEventSequence = firstEventOfReplay(control);
  if (firstEventSequence !== 0) writeLogs(data, control, post, journal, eventLog, firstEventSequence);
  post({ type: 'stopped' });
});

/** Checks everything before anything is changed: first the event log, since the journal must reach what it holds. */
function recoverLogs(
  { folder, segmentBytes, claims, useSnapshots }: JournalThreadData,
  post: Post<JournalThreadMessage>,
): { journal: RecoveredJournal; eventLog: EventLogScan } {
  let eventLogBytes = 0;
  const eventLog = scanEventLog(folder, (scannedBytes) => {
    eventLogBytes = scannedBytes;
    post({ type: 'recovery-progress', scannedBytes });
  });
  const eventClaim = { holder: 'the event log', commandSequence: eventLog.lastCommandSequence };
  const journal = recoverJournal(folder, {
    segmentBytes,
    claims: [eventClaim, ...(useSnapshots ? snapshotClaims(folder) : []), ...claims],
    onProgress: (scannedBytes) => post({ type: 'recovery-progress', scannedBytes: eventLogBytes + scannedBytes }),
  });
  return { journal, eventLog };
}

/** @returns what the snapshots know of the journal: none was ever put in place before the journal was durable there */
function snapshotClaims(folder: string): JournalClaim[] {
  return listSnapshots(folder).flatMap((file) => {
    const header = peekSnapshot(file);
    if (typeof header === 'string') return [];
    return [{ holder: `the snapshot ${file.path}`, commandSequence: header.commandSequence }];
  });
}

/** Waits until the engine knows where its replay begins. @returns 0 when the exchange is told to stop before that */
function firstEventOfReplay(control: Int32Array): number {
  for (;;) {
    const seenValue = Atomics.load(control, CONTROL.JOURNAL_DOORBELL);
    const mustStop = Atomics.load(control, CONTROL.STOP) === 2; // read first: the engine has ended, it tells no more
    const sequence = loadSequence(control, CONTROL.FIRST_EVENT);
    if (sequence !== 0 || mustStop) return sequence;
    waitOnDoorbell(control, CONTROL.JOURNAL_DOORBELL, seenValue);
  }
}

function writeLogs(
  data: JournalThreadData,
  control: Int32Array,
  post: Post<JournalThreadMessage>,
  journal: RecoveredJournal,
  eventLog: EventLogScan,
  firstEventSequence: number,
): void {
  const { events, loop } = openLogs(data, control, post, journal, eventLog, firstEventSequence);
  let isComparing = true;
  for (;;) {
    if (isComparing && events.hasCompared) {
      isComparing = false;
      post({ type: 'events-compared' });
    }
    const seenValue = Atomics.load(control, CONTROL.JOURNAL_DOORBELL);
    const mayEnd = Atomics.load(control, CONTROL.STOP) === 2; // read before the rings: nothing is published after it
    const waitMs = loop.turn(performance.now());
    if (waitMs === 0) continue;
    if (mayEnd && loop.isDrained) break;
    waitOnDoorbell(control, CONTROL.JOURNAL_DOORBELL, seenValue, waitMs);
  }
  loop.close();
}

function openLogs(
  { folder, segmentBytes, commandRing, eventRing, useSnapshots, snapshots: port }: JournalThreadData,
  control: Int32Array,
  post: Post<JournalThreadMessage>,
  { end }: RecoveredJournal,
  eventLogScan: EventLogScan,
  firstEventSequence: number,
): { events: EventIntake; loop: JournalLoop } {
  const journal = new JournalWriter(folder, end, { segmentBytes });
  const eventLog = new EventLogWriter(folder, eventLogScan, { segmentBytes });
  const { firstSequence, lastSequence } = eventLogScan;
  const recorded = new RecordedEvents(folder, Math.max(firstSequence, firstEventSequence), lastSequence);
  const eventReader = new RingReader(eventRing, EVENT_READER.JOURNAL);
  const events = new EventIntake(eventReader, control, eventLog, recorded, firstEventSequence);
  const commands = new CommandIntake(new RingReader(commandRing, COMMAND_READER.JOURNAL), journal);
  const parts = { control, commands, events, journal, eventLog };
  if (!useSnapshots) return { events, loop: new JournalLoop(parts) };
  tidySnapshotFolder(NODE_FILES, folder);
  const take = (): EngineState => {
    const received: { message: EngineState } | undefined = receiveMessageOnPort(port);
    if (received === undefined) fail('a snapshot was handed over that is not there');
    return received.message;
  };
  const snapshots = new SnapshotIntake({ control, folder, files: NODE_FILES, take, report: post });
  return { events, loop: new JournalLoop({ ...parts, snapshots }) };
}
