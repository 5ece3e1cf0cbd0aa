import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { RecordWindow, SLOT_BYTES } from '../protocol/record-window.ts';
import { checkFrame, claimedPayloadBytes, FRAME, type FrameHeader, type LogKind, MAX_FRAME_BYTES } from './frame.ts';
import { StorageError } from './journal-errors.ts';

/** A complete frame with a good CRC. Its window is valid until the reader reads again. */
export interface Frame extends FrameHeader {
  /** Over the payload alone: the first record begins at offset 0. */
  readonly window: RecordWindow;
  /** Of the payload. */
  readonly byteLength: number;
  /** Where the next frame of the segment begins. */
  readonly endBytes: number;
}

const READ_BYTES = 512 * 1024;
if (READ_BYTES < MAX_FRAME_BYTES) throw new Error('a frame must fit into one read');
const ZEROS = new Uint8Array(READ_BYTES);

/** Reads frames of one segment at given positions, in large pieces, in place. */
export class SegmentReader {
  readonly path: string;
  readonly #kind: LogKind;
  readonly #fd: number;
  readonly #bytes = new Uint8Array(READ_BYTES);
  readonly #window = new RecordWindow(this.#bytes.buffer);
  #start = 0; // position in the file of the first byte held
  #held = 0; // bytes held

  /** @throws StorageError when the file can't be opened */
  constructor(path: string, kind: LogKind) {
    this.path = path;
    this.#kind = kind;
    try {
      this.#fd = openSync(path, 'r');
    } catch (error) {
      throw new StorageError(path, 'open', error);
    }
  }

  sizeBytes(): number {
    return fstatSync(this.#fd).size;
  }

  /**
   * @param positionBytes a multiple of 128
   * @returns the frame that begins there, or null: nothing there, incomplete, or a wrong CRC
   */
  frameAt(positionBytes: number): Frame | null {
    if (this.#hold(positionBytes, FRAME.HEADER_BYTES) < FRAME.HEADER_BYTES) return null;
    const payloadBytes = claimedPayloadBytes(this.#window, positionBytes - this.#start, this.#kind);
    const frameBytes = FRAME.HEADER_BYTES + payloadBytes;
    if (payloadBytes === 0 || this.#hold(positionBytes, frameBytes) < frameBytes) return null;
    const offsetBytes = positionBytes - this.#start;
    const header = checkFrame(this.#window, offsetBytes, payloadBytes);
    if (header === null) return null;
    const window = new RecordWindow(this.#bytes.buffer, offsetBytes + FRAME.HEADER_BYTES, payloadBytes);
    return { ...header, window, byteLength: payloadBytes, endBytes: positionBytes + frameBytes };
  }

  /** Forgets what was read before, so that the next call sees what a writer has added since. */
  refresh(): void {
    this.#held = 0;
  }

  /** @returns position just after the last byte that is not zero, at or after `fromBytes`; fromBytes when all are zero */
  endOfContent(fromBytes: number): number {
    let end = fromBytes;
    for (let position = fromBytes; ; position += this.#held) {
      this.#held = 0;
      const held = this.#hold(position, READ_BYTES);
      if (held === 0) return end;
      if (Buffer.compare(this.#bytes.subarray(0, held), ZEROS.subarray(0, held)) === 0) continue;
      let last = held - 1;
      while (this.#bytes[last] === 0) last -= 1;
      end = position + last + 1;
    }
  }

  /** @returns the first good frame that begins in the given range of positions (multiples of 128), or null */
  findFrame(fromBytes: number, toBytes: number): Frame | null {
    for (let position = fromBytes; position < toBytes; position += SLOT_BYTES) {
      const frame = this.frameAt(position);
      if (frame !== null) return frame;
    }
    return null;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** @returns bytes held from the position on, fewer than wanted only at the end of the file */
  #hold(positionBytes: number, wantedBytes: number): number {
    const held = this.#start + this.#held - positionBytes;
    if (positionBytes >= this.#start && held >= wantedBytes) return held;
    this.#start = positionBytes;
    this.#held = 0;
    try {
      while (this.#held < READ_BYTES) {
        const taken = readSync(this.#fd, this.#bytes, this.#held, READ_BYTES - this.#held, positionBytes + this.#held);
        if (taken === 0) break;
        this.#held += taken;
      }
    } catch (error) {
      throw new StorageError(this.path, 'read', error);
    }
    return this.#held;
  }
}
