import type { MessagePort } from 'node:worker_threads';
import type { Engine } from '../engine/engine.ts';
import { CONTROL, ringDoorbell } from './shared-control.ts';

/**
 * The engine thread's side of snapshots: copies the engine's state between two commands and hands it to the journal
 * thread, when asked to and every so many commands. One at a time, so that memory stays bounded.
 */
export class SnapshotTaker {
  readonly #engine: Engine;
  readonly #control: Int32Array;
  readonly #port: MessagePort;
  readonly #everyCommands: number;
  #lastCommandSequence: number; // of the newest snapshot, handed over or begun from
  #requestsSeen = 0;
  #handed = 0;

  /** @param lastCommandSequence of the snapshot that the engine began from, 0 for none */
  constructor(
    engine: Engine,
    control: Int32Array,
    port: MessagePort,
    everyCommands: number,
    lastCommandSequence: number,
  ) {
    this.#engine = engine;
    this.#control = control;
    this.#port = port;
    this.#everyCommands = everyCommands;
    this.#lastCommandSequence = lastCommandSequence;
  }

  /** Takes a snapshot when one is due and the one before it is settled. Between commands, after each batch. */
  takeIfDue(): void {
    const requests = Atomics.load(this.#control, CONTROL.SNAPSHOT_REQUESTS);
    const commandsSince = this.#engine.lastCommandSequence - this.#lastCommandSequence;
    if (requests === this.#requestsSeen && commandsSince < this.#everyCommands) return;
    if (Atomics.load(this.#control, CONTROL.SNAPSHOTS_SETTLED) !== this.#handed) return; // rung when it is settled
    this.#requestsSeen = requests;
    this.#takeIfNew(false);
  }

  /** The last one, with the state hash: nobody waits any more. */
  takeAtEnd(): void {
    this.#takeIfNew(true);
  }

  /** Takes a snapshot unless the newest one stands here already, or nothing was ever applied. */
  #takeIfNew(withHash: boolean): void {
    const { lastCommandSequence } = this.#engine;
    if (lastCommandSequence === this.#lastCommandSequence) return;
    const state = this.#engine.exportState(withHash);
    this.#port.postMessage(
      state,
      state.sections.map(({ bytes }) => bytes),
    );
    this.#lastCommandSequence = lastCommandSequence;
    this.#handed = (this.#handed + 1) | 0;
    Atomics.store(this.#control, CONTROL.SNAPSHOTS_HANDED, this.#handed); // after the message is in the port
    ringDoorbell(this.#control, CONTROL.JOURNAL_DOORBELL);
  }
}
