import { fail } from '../assert.ts';
import * as recordWindow from '../protocol/record-window.ts';
import { RecordWindow } from '../protocol/record-window.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { SLOT_BYTES } = recordWindow;

/**
 * A ring of fixed-size slots over shared memory: one writer, named readers, each with its own cursor. The writer may
 * not overrun the slowest reader. Positions count slots and wrap as Int32: they are compared by difference, never by
 * `<`. The writer stores its position last and a batch at a time; what it wrote before is visible to whoever reads it.
 *
 * Control words, 128 bytes apart so that no store slows another thread: [0] published, [32 × (1 + reader)] consumed.
 */
export interface RingBuffers {
  readonly positions: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
}

const WORDS_PER_POSITION = 32;
const PUBLISHED = 0;

/**
 * @param slotCount a power of two, 2 … 2^24
 * @param readerCount 1 and up; every reader must read, or the writer stops
 */
export function createRing(slotCount: number, readerCount: number): RingBuffers {
  if (slotCount < 2 || slotCount > 2 ** 24 || (slotCount & (slotCount - 1)) !== 0)
    fail(`a ring of ${slotCount} slots: must be a power of two within 2 … 2^24`);
  return {
    positions: new SharedArrayBuffer((1 + readerCount) * WORDS_PER_POSITION * Int32Array.BYTES_PER_ELEMENT),
    slots: new SharedArrayBuffer(slotCount * SLOT_BYTES),
  };
}

export interface RingFill {
  readonly usedSlots: number; // published, and not yet released by the slowest reader
  readonly slotCount: number;
}

/** How full a ring is, for whoever watches: any thread may ask, and all may have moved on by the time it knows. */
export function ringFill({ positions, slots }: RingBuffers): RingFill {
  const words = new Int32Array(positions);
  const slotCount = slots.byteLength / SLOT_BYTES;
  let usedSlots = 0;
  for (let word = WORDS_PER_POSITION; word < words.length; word += WORDS_PER_POSITION) {
    const consumed = Atomics.load(words, word); // before the published position, so that neither can be ahead of it
    usedSlots = Math.max(usedSlots, (Atomics.load(words, PUBLISHED) - consumed) | 0);
  }
  return { usedSlots: Math.min(usedSlots, slotCount), slotCount };
}

/** The writing end. One thread only. Full is an answer: the caller decides whether to refuse or to wait. */
export class RingWriter {
  readonly window: RecordWindow;
  readonly slotCount: number;
  readonly #positions: Int32Array;
  readonly #readerCount: number;
  readonly #mask: number;
  #published: number;
  #slowestSeen: number; // a reader's cursor only grows, so an old reading is a safe one

  constructor(buffers: RingBuffers) {
    this.window = new RecordWindow(buffers.slots);
    this.slotCount = buffers.slots.byteLength / SLOT_BYTES;
    this.#positions = new Int32Array(buffers.positions);
    this.#readerCount = this.#positions.length / WORDS_PER_POSITION - 1;
    this.#mask = this.slotCount - 1;
    this.#published = Atomics.load(this.#positions, PUBLISHED);
    this.#slowestSeen = this.#published - this.slotCount;
    this.freeSlots(this.slotCount);
  }

  /**
   * @param wanted asks the readers' cursors again only when the last reading is not enough
   * @returns slots that may be written now, 0 … slotCount
   */
  freeSlots(wanted = 1): number {
    const free = this.slotCount - ((this.#published - this.#slowestSeen) | 0);
    if (free >= wanted) return free;
    let used = 0;
    for (let reader = 1; reader <= this.#readerCount; reader++) {
      const consumed = Atomics.load(this.#positions, reader * WORDS_PER_POSITION);
      used = Math.max(used, (this.#published - consumed) | 0);
    }
    if (used > this.slotCount) fail(`ring: ${used} slots in use of ${this.slotCount}`);
    this.#slowestSeen = (this.#published - used) | 0;
    return this.slotCount - used;
  }

  /** @param index slots after the published position, below freeSlots(): 0 is the next one to be published */
  offsetAt(index: number): number {
    return ((this.#published + index) & this.#mask) * SLOT_BYTES;
  }

  /** Hands the next slots to the readers. Everything in them must be written before. */
  publish(slots: number): void {
    this.#published = (this.#published + slots) | 0;
    Atomics.store(this.#positions, PUBLISHED, this.#published); // last, as readers may take them the moment this lands
  }
}

/** A reading end. One thread only. */
export class RingReader {
  readonly window: RecordWindow;
  readonly #positions: Int32Array;
  readonly #cursorWord: number;
  readonly #mask: number;
  #consumed: number;

  /** @param reader 0 … readerCount - 1, this reader's own cursor */
  constructor(buffers: RingBuffers, reader: number) {
    this.window = new RecordWindow(buffers.slots);
    this.#positions = new Int32Array(buffers.positions);
    this.#cursorWord = (1 + reader) * WORDS_PER_POSITION;
    if (this.#cursorWord >= this.#positions.length) fail(`ring: no reader ${reader}`);
    this.#mask = buffers.slots.byteLength / SLOT_BYTES - 1;
    this.#consumed = Atomics.load(this.#positions, this.#cursorWord);
  }

  /** @returns published slots that this reader has not released */
  available(): number {
    return (Atomics.load(this.#positions, PUBLISHED) - this.#consumed) | 0;
  }

  /** @param index slots after this reader's cursor, below available() */
  offsetAt(index: number): number {
    return ((this.#consumed + index) & this.#mask) * SLOT_BYTES;
  }

  /** @returns how many of the slots from `index` on, up to `slots`, lie behind one another: the others lie at offset 0 */
  slotsInRow(index: number, slots: number): number {
    return Math.min(slots, this.#mask + 1 - ((this.#consumed + index) & this.#mask));
  }

  /** Gives slots back to the writer. Nothing may read them afterwards. */
  release(slots: number): void {
    this.#consumed = (this.#consumed + slots) | 0;
    Atomics.store(this.#positions, this.#cursorWord, this.#consumed);
  }
}
