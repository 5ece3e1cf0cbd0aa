import { fail } from '../assert.ts';
import type { WriteOutcome } from '../journal/file-operations.ts';
import type { FrameBuilder } from '../journal/frame.ts';
import type { JournalWriter } from '../journal/journal-writer.ts';
import { commandSlots } from '../protocol/command-record.ts';
import type { RingReader } from '../ring/ring.ts';
import { copySlots } from './ring-readers.ts';

/** Takes commands from their ring into the journal, a group at a time. */
export class CommandIntake {
  readonly #ring: RingReader;
  readonly #journal: JournalWriter;
  readonly #group: FrameBuilder;
  #groupSlots = 0; // of the ring, kept until the group is durable

  constructor(ring: RingReader, journal: JournalWriter) {
    this.#ring = ring;
    this.#journal = journal;
    this.#group = journal.newGroup();
  }

  /** Highest command sequence that is durable. */
  get durableSequence(): number {
    return this.#journal.lastSequence;
  }

  get isDrained(): boolean {
    return this.#ring.available() === 0;
  }

  /**
   * Journals what the ring holds, up to one group.
   * @returns DONE when a group became durable and its slots are free; IDLE when there was none; DISK_FULL when the group
   *   waits unanswered: the next call tries it again, in the same order
   * @throws StorageError
   */
  turn(): WriteOutcome | 'IDLE' {
    if (this.#groupSlots === 0) this.#takeGroup();
    if (this.#groupSlots === 0) return 'IDLE';
    if (this.#journal.append(this.#group) === 'DISK_FULL') return 'DISK_FULL';
    this.#ring.release(this.#groupSlots);
    this.#groupSlots = 0;
    this.#group.clear();
    return 'DONE';
  }

  #takeGroup(): void {
    const ring = this.#ring;
    const available = ring.available();
    let index = 0;
    while (index < available) {
      const offsetBytes = ring.offsetAt(index);
      const slots = commandSlots(ring.window, offsetBytes);
      if (index + slots > available) fail('half a command was published');
      if (!this.#group.tryCount(ring.window, offsetBytes, slots)) break;
      index += slots;
    }
    copySlots(ring, 0, index, this.#group);
    this.#groupSlots = index;
  }
}
