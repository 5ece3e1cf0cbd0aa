import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogKind } from '../../core/journal/frame.ts';
import { SnapshotRefusedError, StorageError } from '../../core/journal/journal-errors.ts';
import { LogReader } from '../../core/journal/log-reader.ts';
import type { Frame } from '../../core/journal/segment-reader.ts';
import { listSnapshots } from '../../core/journal/snapshot-files.ts';
import { SnapshotReader } from '../../core/journal/snapshot-reader.ts';
import { Catalogue } from '../../core/money/catalogue.ts';
import type { EventBatch, EventConsumer } from '../../core/ports/event-feed.ts';
import { decodeEvent } from '../../core/protocol/event-decoder.ts';
import { EVENT, eventSlots } from '../../core/protocol/event-record.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import { SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { define } from './define.ts';

/** Between two looks at a log that does not reach yet what was delivered: a crash of the machine took its end. */
const LOG_PAUSE_MS = 200;

/**
 * What is traded here, for consumers outside the exchange's process: partitions reach them independently of each other,
 * so that an instrument's fills may come before its definition. It is then looked up in the data folder: in the newest
 * good snapshot, and in the event log from there on, once each, as far as it takes. Rules that change (fees, quantities)
 * are those of the definition: events carry what settles them.
 */
export class FolderCatalogue {
  readonly catalogue = new Catalogue();
  readonly #dataFolder: string;
  readonly #stopping: AbortSignal | undefined;
  #readSequence = 0; // events through this one were searched
  #isPrimed = false;
  #searching: Promise<void> = Promise.resolve();

  /** @param stopping aborted: a log that does not reach a batch yet is waited for no longer */
  constructor(dataFolder: string, stopping?: AbortSignal) {
    this.#dataFolder = dataFolder;
    this.#stopping = stopping;
  }

  /** @returns a consumer that gets each batch once the catalogue knows every instrument of its events */
  prepared(consumer: EventConsumer): EventConsumer {
    return {
      name: consumer.name,
      ...(consumer.batchEvents === undefined ? {} : { batchEvents: consumer.batchEvents }),
      watermarks: () => consumer.watermarks(),
      consume: async (batch) => {
        await this.prepare(batch);
        await consumer.consume(batch);
      },
    };
  }

  /**
   * @returns once it knows what the log has defined for the batch; an order for what was never defined names nothing
   * @throws LogRangeError, JournalDamagedError, UnknownVersionError, StorageError; AbortError when it is to stop
   */
  async prepare(batch: EventBatch): Promise<void> {
    while (this.#lacks(batch) && this.#readSequence < batch.lastSequence) {
      // Several partitions' batches come side by side: one search serves all of them.
      this.#searching = this.#searching.catch(() => undefined).then(() => this.#search(batch));
      await this.#searching;
    }
  }

  /**
   * @returns everything that was defined up to the end of the log as it is now; of a running exchange's it may lack the newest
   * @throws as prepare does
   */
  complete(): Catalogue {
    if (!this.#isPrimed) this.#prime();
    const reader = new LogReader(this.#dataFolder, LogKind.EVENTS);
    reader.seek(this.#readSequence);
    try {
      for (let frame = reader.nextFrame(); frame !== null; frame = reader.nextFrame()) this.#take(frame);
    } finally {
      reader.close();
    }
    return this.catalogue;
  }

  #lacks({ events }: EventBatch): boolean {
    return events.some(
      (event) => 'instrumentId' in event && this.catalogue.instrument(event.instrumentId) === undefined,
    );
  }

  async #search(batch: EventBatch): Promise<void> {
    if (!this.#isPrimed) this.#prime();
    const reader = new LogReader(this.#dataFolder, LogKind.EVENTS);
    reader.seek(this.#readSequence);
    try {
      while (this.#lacks(batch) && this.#readSequence < batch.lastSequence) {
        const frame = reader.nextFrame();
        if (frame === null) {
          await sleep(LOG_PAUSE_MS, undefined, { signal: this.#stopping });
          return; // a recovery may put a fresh file in the last one's place: the next search opens it anew
        }
        this.#take(frame);
      }
    } finally {
      reader.close();
    }
  }

  /** Definitions may be years back in the log, or out of it: the newest good snapshot has them all. */
  #prime(): void {
    this.#isPrimed = true;
    for (const { path } of listSnapshots(this.#dataFolder)) {
      try {
        const snapshot = new SnapshotReader(path);
        for (const definition of snapshot.definitions()) define(this.catalogue, definition);
        this.#readSequence = snapshot.state.eventSequence;
        return;
      } catch (error) {
        const isReplaced = error instanceof StorageError && !existsSync(path); // by a newer one, just now
        if (!isReplaced && !(error instanceof SnapshotRefusedError)) throw error;
      }
    }
  }

  #take({ window, byteLength, lastSequence }: Frame): void {
    for (let at = 0; at < byteLength; at += eventSlots(window, at) * SLOT_BYTES) {
      const kind = window.u8[at + EVENT.KIND];
      if (kind === EventKind.ASSET_DEFINED || kind === EventKind.INSTRUMENT_DEFINED)
        define(this.catalogue, decodeEvent(window, at, at + SLOT_BYTES));
    }
    this.#readSequence = lastSequence;
  }
}
