import { MessageChannel } from 'node:worker_threads';
import { fail } from '../assert.ts';
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from '../engine/engine.ts';
import { BehaviourChangedError } from '../journal/journal-errors.ts';
import type { JournalClaim } from '../journal/journal-recovery.ts';
import { DEFAULT_SEGMENT_BYTES } from '../journal/segment-files.ts';
import { createRing, type RingBuffers } from '../ring/ring.ts';
import { DEFAULT_RING_SIZES, DEFAULT_SNAPSHOT_EVERY_COMMANDS, type RingSizes } from './default-sizes.ts';
import { ManagedThread, type ReportOf, ThreadFailure, type ThreadLife } from './managed-thread.ts';
import { COMMAND_READER, EVENT_READER } from './ring-readers.ts';
import { CONTROL, createSharedControl, ringDoorbell, storeSequence } from './shared-control.ts';
import type {
  EngineThreadData,
  EngineThreadMessage,
  JournalRecovered,
  JournalThreadData,
  JournalThreadMessage,
  RecoveryProgress,
  Replayed,
  ReplayProgress,
  Restored,
  RestoredSnapshot,
  SnapshotReport,
} from './thread-messages.ts';

export interface ExchangeThreadSettings {
  readonly folder: string; // the data folder: journal/ and events/ lie below it
  readonly limits?: EngineLimits;
  readonly segmentBytes?: number; // of journal and event log; a multiple of 128
  readonly claims?: readonly JournalClaim[]; // consumers' watermarks as command sequences: the journal must reach them
  /** Whether to begin from the newest good snapshot, and to take some. The event ring then yields no older events. */
  readonly useSnapshots?: boolean; // false unless told otherwise
  readonly snapshotEveryCommands?: number; // and one at every orderly stop
  /**
   * Called once with the snapshot that the replay begins from, null for the first command. Whoever builds views from
   * events brings them there and reads the event ring only then; the start waits for it, and fails when it fails.
   */
  readonly onRestored?: (snapshot: RestoredSnapshot | null) => Promise<void>;
}

/** Where the exchange stands after its start: the next command is lastCommandSequence + 1. */
export interface Recovered {
  readonly journal: JournalRecovered;
  readonly replayed: Replayed;
}

export type StartProgress = RecoveryProgress | Restored | ReplayProgress;

const JOURNAL_ENTRY = new URL('./journal-thread.ts', import.meta.url);
const ENGINE_ENTRY = new URL('./engine-thread.ts', import.meta.url);

/** How long an orderly end may take: the rings' content, once to disk. */
const STOP_TIMEOUT_MS = 30_000;

/**
 * The engine thread and the journal thread with the memory they share with the gateway. The gateway writes the command
 * ring and must read the event ring (EVENT_READER.GATEWAY, through releaseEvents) from `start` (or `onRestored`, if it is
 * given) until after `stop`: an unread ring stops the engine.
 */
export class ExchangeThreads {
  readonly control: SharedArrayBuffer = createSharedControl();
  readonly commandRing: RingBuffers;
  readonly eventRing: RingBuffers;
  readonly #controlWords = new Int32Array(this.control);
  #journal: ManagedThread<JournalThreadMessage> | null = null;
  #engine: ManagedThread<EngineThreadMessage> | null = null;
  #isStopping = false;
  #failure: Error | null = null;
  #onFailure: ((error: Error) => void) | null = null;
  #onSnapshot: (report: SnapshotReport) => void = () => {};

  constructor(sizes: RingSizes = DEFAULT_RING_SIZES) {
    this.commandRing = createRing(sizes.commandSlots, COMMAND_READER.COUNT);
    this.eventRing = createRing(sizes.eventSlots, EVENT_READER.COUNT);
  }

  /**
   * Recovers journal and event log, then replays the journal. Once.
   * @returns when the engine waits for commands and the event log was found equal to the replay; the last events of the
   *   replay may still be in the event ring
   * @throws ThreadFailure with the code and text of what refused: damage, loss, an unknown version, a full disk;
   *   BehaviourChangedError
   */
  async start(settings: ExchangeThreadSettings, onProgress: (progress: StartProgress) => void): Promise<Recovered> {
    if (this.#journal !== null) fail('the threads were started before');
    try {
      const recovered = await this.#start(settings, onProgress);
      for (const thread of [this.#journal!, this.#engine!]) thread.ended.catch((error: Error) => this.#fail(error));
      return recovered;
    } catch (error) {
      if (!this.#isStopping) await this.terminate();
      throw error;
    }
  }

  /** @param callback called once, when a thread dies by itself after the start, also if that was before this call */
  onFailure(callback: (error: Error) => void): void {
    this.#onFailure = callback;
    if (this.#failure !== null) callback(this.#failure);
  }

  /** @param callback told of every snapshot placed or given up, and of segments that were retired */
  onSnapshot(callback: (report: SnapshotReport) => void): void {
    this.#onSnapshot = callback;
  }

  /** Asks for a snapshot of what is applied by now, soon. Trading goes on meanwhile. Only with `useSnapshots`. */
  requestSnapshot(): void {
    Atomics.add(this.#controlWords, CONTROL.SNAPSHOT_REQUESTS, 1);
    ringDoorbell(this.#controlWords, CONTROL.ENGINE_DOORBELL);
  }

  /**
   * Every consumer of the event log is durably past this event: with the next snapshot, older segments that two
   * snapshots cover are moved to the archive. Without this call none ever is.
   */
  consumedThrough(eventSequence: number): void {
    storeSequence(this.#controlWords, CONTROL.CONSUMED_EVENT, eventSequence);
  }

  /**
   * Finishes everything that was published to the command ring, durably, and ends both threads. Nothing may be
   * published afterwards.
   * @throws ThreadFailure when a thread dies meanwhile, or does not end (a disk that stays full, an event ring unread)
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const timer = setTimeout(() => void this.terminate(), STOP_TIMEOUT_MS);
    try {
      if (this.#failure !== null) throw this.#failure;
      await this.#end(this.#engine, 1, CONTROL.ENGINE_DOORBELL);
      await this.#end(this.#journal, 2, CONTROL.JOURNAL_DOORBELL);
    } catch (error) {
      await this.terminate();
      throw this.#failure ?? error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends both threads at once, as a crash would. What was acknowledged is in the journal. */
  async terminate(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([this.#engine?.terminate(), this.#journal?.terminate()]);
  }

  async #start(settings: ExchangeThreadSettings, onProgress: (progress: StartProgress) => void): Promise<Recovered> {
    const { folder, limits = DEFAULT_ENGINE_LIMITS, segmentBytes = DEFAULT_SEGMENT_BYTES, claims = [] } = settings;
    const { useSnapshots = false, snapshotEveryCommands = DEFAULT_SNAPSHOT_EVERY_COMMANDS } = settings;
    const { onRestored = async () => {} } = settings;
    if (!(snapshotEveryCommands >= 1)) fail(`a snapshot every ${snapshotEveryCommands} commands`);
    const { port1: toJournal, port2: fromEngine } = new MessageChannel();
    const shared = { control: this.control, commandRing: this.commandRing, eventRing: this.eventRing, folder };
    const recovery = Promise.withResolvers<JournalRecovered>();
    const comparison = Promise.withResolvers<void>();
    const journalData: JournalThreadData = { ...shared, segmentBytes, claims, useSnapshots, snapshots: fromEngine };
    const onJournal = (report: ReportOf<JournalThreadMessage>): void => {
      if (report.type === 'journal-recovered') recovery.resolve(report);
      else if (report.type === 'events-compared') comparison.resolve();
      else if (report.type === 'recovery-progress') onProgress(report);
      else this.#onSnapshot(report);
    };
    this.#journal = new ManagedThread<JournalThreadMessage>('journal', JOURNAL_ENTRY, journalData, onJournal, [
      fromEngine,
    ]);
    const journal = await Promise.race([recovery.promise, endDuringStart(this.#journal)]);
    if (this.#isStopping) throw toldToStop('engine');

    const restoration = Promise.withResolvers<RestoredSnapshot | null>();
    const replay = Promise.withResolvers<Replayed>();
    const { lastCommandSequence, lastEventSequence } = journal;
    const engineData: EngineThreadData = {
      ...shared,
      limits,
      lastCommandSequence,
      lastEventSequence,
      useSnapshots,
      snapshotEveryCommands,
      snapshots: toJournal,
    };
    const onEngine = (report: ReportOf<EngineThreadMessage>): void => {
      if (report.type === 'replayed') replay.resolve(report);
      else onProgress(report);
      if (report.type === 'restored') restoration.resolve(report.snapshot);
    };
    this.#engine = new ManagedThread<EngineThreadMessage>('engine', ENGINE_ENTRY, engineData, onEngine, [toJournal]);
    // The journal thread compares what the engine replays with the event log, and dies of a difference.
    const ends = [endDuringStart(this.#engine), endDuringStart(this.#journal)];
    const viewsReady = restoration.promise.then(onRestored); // while the engine replays, as far as the ring has room
    const [replayed] = await Promise.race([Promise.all([replay.promise, viewsReady]), ...ends]);
    if (replayed.lastEventSequence < journal.lastEventSequence)
      throw new BehaviourChangedError(
        replayed.lastEventSequence + 1,
        `the event log goes on to ${journal.lastEventSequence}, the replay of the whole journal ends before it`,
      );
    await Promise.race([comparison.promise, ...ends]);
    return { journal, replayed };
  }

  async #end(thread: ThreadLife | null, stopValue: number, doorbell: number): Promise<void> {
    if (thread === null) return;
    Atomics.store(this.#controlWords, CONTROL.STOP, stopValue);
    ringDoorbell(this.#controlWords, doorbell);
    if ((await thread.ended) === 'TERMINATED')
      throw new ThreadFailure(thread.name, 'TERMINATED', 'it did not finish its work before it was terminated');
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    if (this.#isStopping)
      void this.terminate(); // stop waits for the other thread and then tells of this one
    else this.#onFailure?.(error);
  }
}

async function endDuringStart(thread: ThreadLife): Promise<never> {
  await thread.ended;
  throw toldToStop(thread.name);
}

function toldToStop(thread: string): ThreadFailure {
  return new ThreadFailure(thread, 'STOPPED', 'the exchange was told to stop during its start');
}
