import { workerData } from 'node:worker_threads';
import { EventLogWriter } from '../journal/event-log-writer.ts';
import { type RecoveredJournal, recoverJournal } from '../journal/journal-recovery.ts';
import { JournalWriter } from '../journal/journal-writer.ts';
import { type EventLogScan, scanEventLog } from '../journal/log-scan.ts';
import { RecordedEvents } from '../journal/recorded-events.ts';
import { waitOnDoorbell } from '../ring/doorbell.ts';
import { RingReader } from '../ring/ring.ts';
import { CommandIntake } from './command-intake.ts';
import { EventIntake } from './event-intake.ts';
import { JournalLoop } from './journal-loop.ts';
import { COMMAND_READER, EVENT_READER } from './ring-readers.ts';
import { CONTROL } from './shared-control.ts';
import { type Post, runThread } from './thread-entry.ts';
import type { JournalThreadData, JournalThreadMessage } from './thread-messages.ts';

/** The journal thread: recovers both logs, then writes commands and events until it is told to stop. */
runThread<JournalThreadMessage>((post) => {
  const data = workerData as JournalThreadData;
  const control = new Int32Array(data.control);
  const { journal, eventLog, events, loop } = openLogs(data, control, post);
  post({
    type: 'journal-recovered',
    lastCommandSequence: journal.lastSequence,
    lastEventSequence: eventLog.lastSequence,
    tornFrames: journal.tornFrames,
    tornBytes: journal.tornBytes,
    droppedEventFrames: eventLog.tornFrames,
    droppedEventBytes: eventLog.tornBytes,
  });
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
  post({ type: 'stopped' });
});

/** Checks everything before anything is changed: first the event log, since the journal must reach what it holds. */
function openLogs(
  { folder, segmentBytes, claims, commandRing, eventRing }: JournalThreadData,
  control: Int32Array,
  post: Post<JournalThreadMessage>,
): { journal: RecoveredJournal; eventLog: EventLogScan; events: EventIntake; loop: JournalLoop } {
  let eventLogBytes = 0;
  const eventLog = scanEventLog(folder, (scannedBytes) => {
    eventLogBytes = scannedBytes;
    post({ type: 'recovery-progress', scannedBytes });
  });
  const eventClaim = { holder: 'the event log', commandSequence: eventLog.lastCommandSequence };
  const journal = recoverJournal(folder, {
    segmentBytes,
    claims: [eventClaim, ...claims],
    onProgress: (scannedBytes) => post({ type: 'recovery-progress', scannedBytes: eventLogBytes + scannedBytes }),
  });
  const journalWriter = new JournalWriter(folder, journal.end, { segmentBytes });
  const eventLogWriter = new EventLogWriter(folder, eventLog, { segmentBytes });
  const recorded = new RecordedEvents(folder, eventLog.firstSequence, eventLog.lastSequence);
  const eventReader = new RingReader(eventRing, EVENT_READER.JOURNAL);
  const events = new EventIntake(eventReader, control, eventLogWriter, recorded, eventLog.firstSequence);
  const commands = new CommandIntake(new RingReader(commandRing, COMMAND_READER.JOURNAL), journalWriter);
  const loop = new JournalLoop({ control, commands, events, journal: journalWriter, eventLog: eventLogWriter });
  return { journal, eventLog, events, loop };
}
