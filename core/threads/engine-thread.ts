import { workerData } from 'node:worker_threads';
import { fail } from '../assert.ts';
import { Engine } from '../engine/engine.ts';
import { EventWriter } from '../engine/event-writer.ts';
import { LogKind } from '../journal/frame.ts';
import { LogReader } from '../journal/log-reader.ts';
import { COMMAND, commandSlots } from '../protocol/command-record.ts';
import { SLOT_BYTES } from '../protocol/record-window.ts';
import { waitOnDoorbell } from '../ring/doorbell.ts';
import { RingReader, RingWriter } from '../ring/ring.ts';
import { COMMAND_READER } from './ring-readers.ts';
import { CONTROL, ringDoorbell, storeSequence } from './shared-control.ts';
import { startFromSnapshot } from './snapshot-start.ts';
import { SnapshotTaker } from './snapshot-taker.ts';
import { runThread } from './thread-entry.ts';
import type { EngineThreadData, EngineThreadMessage } from './thread-messages.ts';

const BATCH_COMMANDS = 64;
const REPLAY_PROGRESS_MS = 500;
/** Readers ring when they give room; looking again after a while costs nothing and survives one that forgets. */
const FULL_RING_WAIT_MS = 1_000;

/** The engine thread: replays the journal, then applies commands until it is told to stop. Alone owns all books. */
runThread<EngineThreadMessage>((post) => {
  const {
    control: controlBuffer,
    commandRing,
    eventRing,
    folder,
    limits,
    lastCommandSequence,
    lastEventSequence,
    useSnapshots,
    snapshotEveryCommands,
    snapshots: snapshotPort,
  } = workerData as EngineThreadData;
  const control = new Int32Array(controlBuffer);
  const commands = new RingReader(commandRing, COMMAND_READER.ENGINE);

  const ringReaders = (): void => {
    ringDoorbell(control, CONTROL.JOURNAL_DOORBELL);
    ringDoorbell(control, CONTROL.GATEWAY_DOORBELL);
  };
  // The doorbell as it was before the event writer last found the ring full: room given since then ends the wait.
  let seenBeforeFull = Atomics.load(control, CONTROL.ENGINE_DOORBELL);
  const events = new EventWriter(new RingWriter(eventRing), () => {
    ringReaders();
    waitOnDoorbell(control, CONTROL.ENGINE_DOORBELL, seenBeforeFull, FULL_RING_WAIT_MS);
    seenBeforeFull = Atomics.load(control, CONTROL.ENGINE_DOORBELL);
  });
  const newEngine = (): Engine => new Engine(limits, events);
  const { engine, snapshot, refusedSnapshots } = useSnapshots
    ? startFromSnapshot(folder, limits, { lastCommandSequence, lastEventSequence }, newEngine)
    : { engine: newEngine(), snapshot: null, refusedSnapshots: [] };
  post({ type: 'restored', snapshot, refusedSnapshots, ofCommandSequence: lastCommandSequence });
  storeSequence(control, CONTROL.FIRST_EVENT, engine.lastEventSequence + 1);
  Atomics.store(control, CONTROL.APPLIED_COMMAND, engine.lastCommandSequence | 0); // those that are in the snapshot
  ringDoorbell(control, CONTROL.JOURNAL_DOORBELL);

  const finishBatch = (): void => {
    events.flush();
    Atomics.store(control, CONTROL.APPLIED_COMMAND, engine.lastCommandSequence | 0);
  };

  /** @returns false when the exchange is to stop before all is replayed */
  const replay = (): boolean => {
    const journal = new LogReader(folder, LogKind.JOURNAL);
    journal.seek(engine.lastCommandSequence);
    let progressAtMs = performance.now() + REPLAY_PROGRESS_MS;
    while (engine.lastCommandSequence < lastCommandSequence) {
      if (Atomics.load(control, CONTROL.STOP) !== 0) return false;
      const frame = journal.nextFrame();
      if (frame === null) fail(`the journal ends at ${engine.lastCommandSequence}, not at ${lastCommandSequence}`);
      let readTo = 0;
      for (let at = 0; at < frame.byteLength; at += commandSlots(frame.window, at) * SLOT_BYTES) {
        if (at >= readTo) {
          const slots = Math.min(BATCH_COMMANDS, (frame.byteLength - at) / SLOT_BYTES);
          engine.readAhead(frame.window, at, slots);
          readTo = at + slots * SLOT_BYTES;
        }
        if (frame.window.f64[(at + COMMAND.COMMAND_SEQUENCE) >> 3]! <= engine.lastCommandSequence) continue;
        engine.apply(frame.window, at, at + SLOT_BYTES);
      }
      finishBatch();
      ringReaders();
      if (performance.now() < progressAtMs) continue;
      progressAtMs = performance.now() + REPLAY_PROGRESS_MS;
      const { lastCommandSequence: commandSequence } = engine;
      post({ type: 'replay-progress', commandSequence, ofCommandSequence: lastCommandSequence });
    }
    journal.close();
    return true;
  };

  /** @returns commands applied */
  const applyBatch = (): number => {
    const available = commands.available();
    let index = 0;
    let applied = 0;
    const firstAt = commands.offsetAt(0);
    const toRingEnd = (commands.window.u8.byteLength - firstAt) / SLOT_BYTES;
    engine.readAhead(commands.window, firstAt, Math.min(available, BATCH_COMMANDS, toRingEnd));
    while (index < available && applied < BATCH_COMMANDS) {
      const at = commands.offsetAt(index);
      engine.apply(commands.window, at, commands.offsetAt(index + 1));
      index += commandSlots(commands.window, at);
      applied += 1;
    }
    if (applied === 0) return 0;
    finishBatch();
    commands.release(index);
    ringReaders();
    return applied;
  };

  if (replay()) {
    post({
      type: 'replayed',
      lastCommandSequence: engine.lastCommandSequence,
      lastEventSequence: engine.lastEventSequence,
      lastTimestampMs: engine.lastTimestampMs,
      highestLedgerSequence: engine.highestLedgerSequence,
      stateHash: engine.stateHash(),
      restingOrders: engine.restingOrders,
      snapshot,
      refusedSnapshots,
    });
    const taker = useSnapshots
      ? new SnapshotTaker(engine, control, snapshotPort, snapshotEveryCommands, snapshot?.commandSequence ?? 0)
      : null;
    for (;;) {
      const seenValue = Atomics.load(control, CONTROL.ENGINE_DOORBELL);
      const mayEnd = Atomics.load(control, CONTROL.STOP) !== 0; // read before the ring: nothing is published after it
      const hasApplied = applyBatch() > 0;
      taker?.takeIfDue();
      if (hasApplied) continue;
      if (mayEnd) break;
      waitOnDoorbell(control, CONTROL.ENGINE_DOORBELL, seenValue);
    }
    taker?.takeAtEnd();
  }
  post({ type: 'stopped' });
});
