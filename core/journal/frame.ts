import { crc32 } from 'node:zlib';
import { fail } from '../assert.ts';
import { RecordWindow, SLOT_BYTES } from '../protocol/record-window.ts';
import { UnknownVersionError } from './journal-errors.ts';
import { BEHAVIOUR_VERSION, FORMAT_VERSION } from './versions.ts';

/** Which of the two logs a frame belongs to. Stands in every frame, so that a file in the wrong folder is noticed. */
export const LogKind = { JOURNAL: 1, EVENTS: 2 } as const;
export type LogKind = (typeof LogKind)[keyof typeof LogKind];

/**
 * A frame: what one write puts into a log, in one piece or not at all. A header of one slot, then whole slots: records
 * with their continuation slots. Frames begin on slot boundaries, so a payload is read in place. Little-endian.
 *   0 u32 magic   4 u8 LogKind   5 u8 zero   6 u16 format version   8 u32 behaviour version
 *  12 u32 payload bytes, a multiple of 128, at most 256 KiB   16 u32 record count   20 u32 zero
 *  24 f64 first sequence   32 f64 last sequence, first + count - 1   40 … 123 zero
 * 124 u32 CRC-32 (the one of zlib) of bytes 0 … 123 and the payload
 * Magic, versions, payload bytes and CRC keep their places and meaning in every later format.
 */
export const FRAME = {
  MAGIC: 0,
  KIND: 4,
  FORMAT_VERSION: 6,
  BEHAVIOUR_VERSION: 8,
  PAYLOAD_BYTES: 12,
  RECORD_COUNT: 16,
  FIRST_SEQUENCE: 24,
  LAST_SEQUENCE: 32,
  CRC: 124,
  HEADER_BYTES: SLOT_BYTES,
} as const;

/** Its first byte, 245, is no kind of record: no slot of a payload looks like a header. */
export const FRAME_MAGIC = 0x464252f5;

export const MAX_PAYLOAD_BYTES = 256 * 1024;
export const MAX_FRAME_BYTES = FRAME.HEADER_BYTES + MAX_PAYLOAD_BYTES;

/** Where every record, command or event, carries its sequence. */
const RECORD_SEQUENCE = 8;

export interface FrameHeader {
  readonly formatVersion: number;
  readonly behaviourVersion: number;
  readonly payloadBytes: number;
  readonly recordCount: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/**
 * Collects records of one log into a frame. One buffer for ever: clear, add, finish, write. Records that lie behind one
 * another are counted one by one and copied together: a copy costs more for its call than for its bytes.
 */
export class FrameBuilder {
  readonly #kind: LogKind;
  readonly #behaviourVersion: number;
  readonly #maxPayloadBytes: number;
  readonly #bytes: Uint8Array;
  readonly #header: RecordWindow;
  #payloadBytes = 0; // of the records counted
  #copiedBytes = 0; // of these
  #recordCount = 0;
  #firstSequence = 0;

  /** @param maxPayloadBytes a multiple of 128, 256 … MAX_PAYLOAD_BYTES */
  constructor(kind: LogKind, maxPayloadBytes = MAX_PAYLOAD_BYTES, behaviourVersion = BEHAVIOUR_VERSION) {
    if (maxPayloadBytes % SLOT_BYTES !== 0 || maxPayloadBytes < 2 * SLOT_BYTES || maxPayloadBytes > MAX_PAYLOAD_BYTES)
      fail(`a frame payload of ${maxPayloadBytes} bytes`);
    this.#kind = kind;
    this.#behaviourVersion = behaviourVersion;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#bytes = new Uint8Array(FRAME.HEADER_BYTES + maxPayloadBytes);
    this.#header = new RecordWindow(this.#bytes.buffer);
  }

  get recordCount(): number {
    return this.#recordCount;
  }
  get firstSequence(): number {
    return this.#firstSequence;
  }
  get lastSequence(): number {
    return this.#firstSequence + this.#recordCount - 1;
  }

  /**
   * Copies one record behind the others.
   * @param slots 1, or 2 with a continuation slot
   * @param continuationOffsetBytes of the second slot; read only when there are two
   * @returns false when the record does not fit any more
   */
  tryAdd(window: RecordWindow, offsetBytes: number, continuationOffsetBytes: number, slots: number): boolean {
    if (!this.tryCount(window, offsetBytes, slots)) return false;
    this.copy(window, offsetBytes, 1);
    if (slots === 2) this.copy(window, continuationOffsetBytes, 1);
    return true;
  }

  /**
   * Counts one record behind the others. Its slots must be copied before the frame is finished.
   * @returns false when the record does not fit any more
   */
  tryCount(window: RecordWindow, offsetBytes: number, slots: number): boolean {
    if (this.#payloadBytes + slots * SLOT_BYTES > this.#maxPayloadBytes) return false;
    const sequence = window.f64[(offsetBytes + RECORD_SEQUENCE) >> 3]!;
    if (this.#recordCount === 0) this.#firstSequence = sequence;
    else if (sequence !== this.lastSequence + 1)
      fail(`record ${sequence} follows ${this.lastSequence} in a frame of kind ${this.#kind}`);
    this.#payloadBytes += slots * SLOT_BYTES;
    this.#recordCount += 1;
    return true;
  }

  /** Copies slots that lie behind one another, of records that were counted, in their order. */
  copy(window: RecordWindow, offsetBytes: number, slots: number): void {
    const bytes = window.u8.subarray(offsetBytes, offsetBytes + slots * SLOT_BYTES);
    this.#bytes.set(bytes, FRAME.HEADER_BYTES + this.#copiedBytes);
    this.#copiedBytes += bytes.length;
  }

  /** @returns header and payload, valid until the next clear or tryAdd; the same bytes when called again */
  finish(): Uint8Array {
    if (this.#recordCount === 0) fail('an empty frame');
    if (this.#copiedBytes !== this.#payloadBytes)
      fail(`a frame of ${this.#payloadBytes} bytes, of which ${this.#copiedBytes} were copied`);
    const { u8, u16, u32, f64 } = this.#header;
    u32[FRAME.MAGIC >> 2] = FRAME_MAGIC;
    u8[FRAME.KIND] = this.#kind;
    u16[FRAME.FORMAT_VERSION >> 1] = FORMAT_VERSION;
    u32[FRAME.BEHAVIOUR_VERSION >> 2] = this.#behaviourVersion;
    u32[FRAME.PAYLOAD_BYTES >> 2] = this.#payloadBytes;
    u32[FRAME.RECORD_COUNT >> 2] = this.#recordCount;
    f64[FRAME.FIRST_SEQUENCE >> 3] = this.#firstSequence;
    f64[FRAME.LAST_SEQUENCE >> 3] = this.lastSequence;
    u32[FRAME.CRC >> 2] = frameCrc(u8, 0, this.#payloadBytes);
    return this.#bytes.subarray(0, FRAME.HEADER_BYTES + this.#payloadBytes);
  }

  clear(): void {
    this.#payloadBytes = 0;
    this.#copiedBytes = 0;
    this.#recordCount = 0;
    this.#firstSequence = 0;
  }
}

/** @returns payload bytes that a header claims, or 0 when there is no header that this log could have at the offset */
export function claimedPayloadBytes(window: RecordWindow, offsetBytes: number, kind: LogKind): number {
  const { u8, u32 } = window;
  if (u32[(offsetBytes + FRAME.MAGIC) >> 2] !== FRAME_MAGIC || u8[offsetBytes + FRAME.KIND] !== kind) return 0;
  const payloadBytes = u32[(offsetBytes + FRAME.PAYLOAD_BYTES) >> 2]!;
  return payloadBytes > MAX_PAYLOAD_BYTES || payloadBytes % SLOT_BYTES !== 0 ? 0 : payloadBytes;
}

/**
 * Reads a header whose payload lies behind it in the same window, and checks both.
 * @param payloadBytes from claimedPayloadBytes
 * @returns null when the CRC is wrong or the fields contradict one another
 */
export function checkFrame(window: RecordWindow, offsetBytes: number, payloadBytes: number): FrameHeader | null {
  const { u8, u16, u32, f64 } = window;
  if (u32[(offsetBytes + FRAME.CRC) >> 2] !== frameCrc(u8, offsetBytes, payloadBytes)) return null;
  const recordCount = u32[(offsetBytes + FRAME.RECORD_COUNT) >> 2]!;
  const firstSequence = f64[(offsetBytes + FRAME.FIRST_SEQUENCE) >> 3]!;
  const lastSequence = f64[(offsetBytes + FRAME.LAST_SEQUENCE) >> 3]!;
  if (recordCount < 1 || recordCount > payloadBytes / SLOT_BYTES) return null;
  if (!Number.isSafeInteger(firstSequence) || firstSequence < 1 || !Number.isSafeInteger(lastSequence)) return null;
  if (lastSequence - firstSequence + 1 !== recordCount) return null;
  return {
    formatVersion: u16[(offsetBytes + FRAME.FORMAT_VERSION) >> 1]!,
    behaviourVersion: u32[(offsetBytes + FRAME.BEHAVIOUR_VERSION) >> 2]!,
    payloadBytes,
    recordCount,
    firstSequence,
    lastSequence,
  };
}

/** @throws UnknownVersionError for a good frame that a program with other rules wrote */
export function requireKnownVersions(header: FrameHeader, file: string): void {
  const { formatVersion, behaviourVersion } = header;
  if (formatVersion < 1 || formatVersion > FORMAT_VERSION)
    throw new UnknownVersionError(file, 'format', formatVersion, FORMAT_VERSION);
  if (behaviourVersion < 1 || behaviourVersion > BEHAVIOUR_VERSION)
    throw new UnknownVersionError(file, 'behaviour', behaviourVersion, BEHAVIOUR_VERSION);
}

function frameCrc(bytes: Uint8Array, offsetBytes: number, payloadBytes: number): number {
  const payloadAt = offsetBytes + FRAME.HEADER_BYTES;
  const header = crc32(bytes.subarray(offsetBytes, offsetBytes + FRAME.CRC));
  return crc32(bytes.subarray(payloadAt, payloadAt + payloadBytes), header);
}
