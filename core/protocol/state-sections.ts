import { fail } from '../assert.ts';

/**
 * The engine's state in sections, one per component, as a snapshot keeps it. A section is a row of items, each on an
 * 8-byte boundary: a number is one f64, an array is its bytes, filled up with zeros to a multiple of 8. Little-endian.
 * A component with new state takes a new section, or a new version of its own; ids are never given again.
 */
export const StateSection = { ENGINE: 1, DEFINITIONS: 2, ORDERS: 3, MARKETS: 4, ORDER_TERMS: 5 } as const;
export type StateSection = (typeof StateSection)[keyof typeof StateSection];

export interface SectionBytes {
  readonly id: number;
  readonly version: number; // 1 and up, the section's own
  readonly bytes: ArrayBuffer; // a multiple of 8
}

/** A state that this program can't take: unknown sections or versions, or items that make no sense. */
export class StateFormatError extends Error {
  override readonly name = 'StateFormatError';
  readonly code = 'STATE_FORMAT';
}

type ItemArray = Int32Array | Uint32Array | Float64Array | Uint8Array | BigInt64Array;

const ITEM_BYTES = 8;
const paddedBytes = (bytes: number): number => Math.ceil(bytes / ITEM_BYTES) * ITEM_BYTES;

/** Collects the items of one section. */
export class SectionWriter {
  readonly #pieces: Uint8Array[] = [];
  #sizeBytes = 0;

  number(value: number): this {
    return this.#add(new Uint8Array(Float64Array.of(value).buffer));
  }

  /** @param items read when the section is finished, not before: copied once, whatever their size */
  array(items: ItemArray): this {
    return this.#add(new Uint8Array(items.buffer, items.byteOffset, items.byteLength));
  }

  /** @returns the section as it is now: later changes of the arrays do not show */
  finish(): ArrayBuffer {
    const bytes = new Uint8Array(this.#sizeBytes);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += paddedBytes(piece.byteLength);
    }
    return bytes.buffer;
  }

  #add(piece: Uint8Array): this {
    this.#pieces.push(piece);
    this.#sizeBytes += paddedBytes(piece.byteLength);
    return this;
  }
}

/** Reads the items of one section in the order in which they were written. */
export class SectionReader {
  readonly id: number;
  readonly version: number;
  readonly #bytes: ArrayBuffer;
  #at = 0;

  constructor({ id, version, bytes }: SectionBytes) {
    this.id = id;
    this.version = version;
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.byteLength;
  }

  number(): number {
    return new Float64Array(this.#bytes, this.#take(ITEM_BYTES), 1)[0]!;
  }

  /**
   * @param name of the item, for the refusal
   * @throws StateFormatError unless it is a whole number within the bounds
   */
  integer(name: string, minimum: number, maximum: number): number {
    const value = this.number();
    if (!Number.isInteger(value) || value < minimum || value > maximum)
      this.refuse(`${name}=${value} is not within ${minimum} … ${maximum}`);
    return value;
  }

  /** Fills the array given, whose length says how many items there are. */
  array(target: ItemArray): void {
    const from = new Uint8Array(this.#bytes, this.#take(target.byteLength), target.byteLength);
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(from);
  }

  refuse(problem: string): never {
    throw new StateFormatError(`section ${this.id} version ${this.version}: ${problem}`);
  }

  #take(bytes: number): number {
    const at = this.#at;
    const end = at + paddedBytes(bytes);
    if (end > this.#bytes.byteLength) this.refuse(`it ends at byte ${this.#bytes.byteLength}, ${end} are needed`);
    this.#at = end;
    return at;
  }
}

/** The sections of one state. Each must be read, and to its end: what is left over is state that would be lost. */
export class StateReader {
  readonly #sections = new Map<number, SectionBytes>();
  readonly #opened = new Map<number, SectionReader>();

  /** @throws StateFormatError when two sections have one id */
  constructor(sections: readonly SectionBytes[]) {
    for (const section of sections) {
      if (this.#sections.has(section.id)) throw new StateFormatError(`section ${section.id} stands twice`);
      this.#sections.set(section.id, section);
    }
  }

  /**
   * @param highestVersion that the caller can read
   * @returns the section from its start, or null when the program that wrote the state had no such component
   * @throws StateFormatError for a newer version
   */
  trySection(id: StateSection, highestVersion: number): SectionReader | null {
    const section = this.#sections.get(id);
    if (section === undefined) return null;
    if (this.#opened.has(id)) fail(`section ${id} is read twice`);
    const reader = new SectionReader(section);
    if (section.version < 1 || section.version > highestVersion)
      reader.refuse(`this program knows versions 1 to ${highestVersion}`);
    this.#opened.set(id, reader);
    return reader;
  }

  /** @throws StateFormatError when it is not there, or newer */
  section(id: StateSection, highestVersion: number): SectionReader {
    const reader = this.trySection(id, highestVersion);
    if (reader === null) throw new StateFormatError(`section ${id} is missing`);
    return reader;
  }

  /** @throws StateFormatError naming what was not read */
  requireAllRead(): void {
    for (const id of this.#sections.keys()) {
      const reader = this.#opened.get(id);
      if (reader === undefined) throw new StateFormatError(`section ${id} is not known to this program`);
      if (!reader.isAtEnd) reader.refuse('it goes on behind its last item');
    }
  }
}
