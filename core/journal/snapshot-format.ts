import { crc32 } from 'node:zlib';
import type { EngineLimits, EngineState } from '../engine/engine-state.ts';
import type { SectionBytes } from '../protocol/state-sections.ts';
import { BEHAVIOUR_VERSION, SNAPSHOT_FORMAT_VERSION } from './versions.ts';

/**
 * A snapshot file: header, sections, trailer. Little-endian; every part begins on an 8-byte boundary.
 * Header, 128 bytes:
 *   0 u32 magic   4 u16 format version   6 u16 zero   8 u32 behaviour version   12 u32 zero
 *  16 f64 command sequence   24 f64 event sequence   32 f64 timestampMs   40 u32 low and 44 u32 high half of the state hash,
 *     0 when it was not computed
 *  48 f64 resting orders   56 f64 maxOrders   64 f64 maxLevels   72 f64 maxInstruments   80 … 123 zero
 * 124 u32 CRC-32 of bytes 0 … 123
 * A section (core/protocol/state-sections.ts): 0 u32 id   4 u32 version   8 f64 payload bytes, then the payload.
 * Trailer, 32 bytes: 0 u32 magic   4 u32 section count   8 f64 bytes of the whole file   16 f64 command sequence
 *  24 u32 zero   28 u32 CRC-32 of everything before it
 * Magic, versions, command sequence and the header's CRC keep their places and meaning in every later format.
 */
export const SNAPSHOT_HEADER = {
  MAGIC: 0,
  FORMAT_VERSION: 4,
  BEHAVIOUR_VERSION: 8,
  COMMAND_SEQUENCE: 16,
  EVENT_SEQUENCE: 24,
  TIMESTAMP_MS: 32,
  HASH_LOW: 40,
  HASH_HIGH: 44,
  RESTING_ORDERS: 48,
  MAX_ORDERS: 56,
  MAX_LEVELS: 64,
  MAX_INSTRUMENTS: 72,
  CRC: 124,
  BYTES: 128,
} as const;

export const SNAPSHOT_SECTION = { ID: 0, VERSION: 4, PAYLOAD_BYTES: 8, HEADER_BYTES: 16 } as const;

export const SNAPSHOT_TRAILER = {
  MAGIC: 0,
  SECTION_COUNT: 4,
  FILE_BYTES: 8,
  COMMAND_SEQUENCE: 16,
  CRC: 28,
  BYTES: 32,
} as const;

const HEADER_MAGIC = 0x50414e53; // 'SNAP'
const TRAILER_MAGIC = 0x50414e45; // 'ENAP'
const MAX_SECTIONS = 1_024;

/** What the header tells: where a snapshot stands, before its sections are read. */
export interface SnapshotHeader extends Omit<EngineState, 'sections'> {
  readonly formatVersion: number;
  readonly behaviourVersion: number;
}

export function encodeSnapshotHeader(state: EngineState): Uint8Array {
  const bytes = new Uint8Array(SNAPSHOT_HEADER.BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(SNAPSHOT_HEADER.MAGIC, HEADER_MAGIC, true);
  view.setUint16(SNAPSHOT_HEADER.FORMAT_VERSION, SNAPSHOT_FORMAT_VERSION, true);
  view.setUint32(SNAPSHOT_HEADER.BEHAVIOUR_VERSION, BEHAVIOUR_VERSION, true);
  view.setFloat64(SNAPSHOT_HEADER.COMMAND_SEQUENCE, state.commandSequence, true);
  view.setFloat64(SNAPSHOT_HEADER.EVENT_SEQUENCE, state.eventSequence, true);
  view.setFloat64(SNAPSHOT_HEADER.TIMESTAMP_MS, state.timestampMs, true);
  view.setBigUint64(SNAPSHOT_HEADER.HASH_LOW, BigInt(`0x${state.stateHash ?? 0}`), true);
  view.setFloat64(SNAPSHOT_HEADER.RESTING_ORDERS, state.restingOrders, true);
  view.setFloat64(SNAPSHOT_HEADER.MAX_ORDERS, state.limits.maxOrders, true);
  view.setFloat64(SNAPSHOT_HEADER.MAX_LEVELS, state.limits.maxLevels, true);
  view.setFloat64(SNAPSHOT_HEADER.MAX_INSTRUMENTS, state.limits.maxInstruments, true);
  view.setUint32(SNAPSHOT_HEADER.CRC, crc32(bytes.subarray(0, SNAPSHOT_HEADER.CRC)), true);
  return bytes;
}

export function encodeSectionHeader({ id, version, bytes: payload }: SectionBytes): Uint8Array {
  const bytes = new Uint8Array(SNAPSHOT_SECTION.HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(SNAPSHOT_SECTION.ID, id, true);
  view.setUint32(SNAPSHOT_SECTION.VERSION, version, true);
  view.setFloat64(SNAPSHOT_SECTION.PAYLOAD_BYTES, payload.byteLength, true);
  return bytes;
}

/** @param crcBefore CRC-32 of header and sections */
export function encodeSnapshotTrailer(state: EngineState, fileBytes: number, crcBefore: number): Uint8Array {
  const bytes = new Uint8Array(SNAPSHOT_TRAILER.BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(SNAPSHOT_TRAILER.MAGIC, TRAILER_MAGIC, true);
  view.setUint32(SNAPSHOT_TRAILER.SECTION_COUNT, state.sections.length, true);
  view.setFloat64(SNAPSHOT_TRAILER.FILE_BYTES, fileBytes, true);
  view.setFloat64(SNAPSHOT_TRAILER.COMMAND_SEQUENCE, state.commandSequence, true);
  view.setUint32(SNAPSHOT_TRAILER.CRC, crc32(bytes.subarray(0, SNAPSHOT_TRAILER.CRC), crcBefore), true);
  return bytes;
}

/** @returns what the header says, or why it is none: one phrase */
export function decodeSnapshotHeader(bytes: Uint8Array): SnapshotHeader | string {
  if (bytes.length === 0) return 'it is empty';
  if (bytes.length < SNAPSHOT_HEADER.BYTES) return `it ends within its header, at byte ${bytes.length}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(SNAPSHOT_HEADER.MAGIC, true) !== HEADER_MAGIC) return 'it does not begin as a snapshot does';
  if (view.getUint32(SNAPSHOT_HEADER.CRC, true) !== crc32(bytes.subarray(0, SNAPSHOT_HEADER.CRC)))
    return 'its header is damaged';
  const stateHash = view.getBigUint64(SNAPSHOT_HEADER.HASH_LOW, true);
  const limits: EngineLimits = {
    maxOrders: view.getFloat64(SNAPSHOT_HEADER.MAX_ORDERS, true),
    maxLevels: view.getFloat64(SNAPSHOT_HEADER.MAX_LEVELS, true),
    maxInstruments: view.getFloat64(SNAPSHOT_HEADER.MAX_INSTRUMENTS, true),
  };
  return {
    formatVersion: view.getUint16(SNAPSHOT_HEADER.FORMAT_VERSION, true),
    behaviourVersion: view.getUint32(SNAPSHOT_HEADER.BEHAVIOUR_VERSION, true),
    limits,
    commandSequence: view.getFloat64(SNAPSHOT_HEADER.COMMAND_SEQUENCE, true),
    eventSequence: view.getFloat64(SNAPSHOT_HEADER.EVENT_SEQUENCE, true),
    timestampMs: view.getFloat64(SNAPSHOT_HEADER.TIMESTAMP_MS, true),
    restingOrders: view.getFloat64(SNAPSHOT_HEADER.RESTING_ORDERS, true),
    stateHash: stateHash === 0n ? null : stateHash.toString(16).padStart(16, '0'),
  };
}

/** @returns what a program with other rules wrote, or null when this one knows both versions */
export function unknownSnapshotVersion({ formatVersion, behaviourVersion }: SnapshotHeader): string | null {
  if (formatVersion < 1 || formatVersion > SNAPSHOT_FORMAT_VERSION)
    return `it has format version ${formatVersion}, this program knows versions 1 to ${SNAPSHOT_FORMAT_VERSION}`;
  if (behaviourVersion < 1 || behaviourVersion > BEHAVIOUR_VERSION)
    return `it has behaviour version ${behaviourVersion}, this program knows versions 1 to ${BEHAVIOUR_VERSION}`;
  return null;
}

/** @returns whether the last bytes of a file are the trailer that belongs to its header and size */
export function isTrailerOf(bytes: Uint8Array, header: SnapshotHeader, fileBytes: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (
    view.getUint32(SNAPSHOT_TRAILER.MAGIC, true) === TRAILER_MAGIC &&
    view.getFloat64(SNAPSHOT_TRAILER.FILE_BYTES, true) === fileBytes &&
    view.getFloat64(SNAPSHOT_TRAILER.COMMAND_SEQUENCE, true) === header.commandSequence
  );
}

/**
 * Checks the trailer at the end, the CRC over everything, and where the sections lie.
 * @param bytes the whole file
 * @returns the sections, copied out of it, or what is wrong: one phrase
 */
export function decodeSnapshotBody(bytes: Uint8Array, header: SnapshotHeader): readonly SectionBytes[] | string {
  const trailerAt = bytes.length - SNAPSHOT_TRAILER.BYTES;
  if (trailerAt < SNAPSHOT_HEADER.BYTES) return `it ends before its trailer, at byte ${bytes.length}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sectionCount = view.getUint32(trailerAt + SNAPSHOT_TRAILER.SECTION_COUNT, true);
  if (!isTrailerOf(bytes.subarray(trailerAt), header, bytes.length)) return 'it ends without its own trailer';
  const crcAt = trailerAt + SNAPSHOT_TRAILER.CRC;
  if (view.getUint32(crcAt, true) !== crc32(bytes.subarray(0, crcAt))) return 'its checksum is wrong';
  if (sectionCount > MAX_SECTIONS) return `it claims ${sectionCount} sections`;
  const sections: SectionBytes[] = [];
  let at: number = SNAPSHOT_HEADER.BYTES;
  for (let count = 0; count < sectionCount; count++) {
    const payloadAt = at + SNAPSHOT_SECTION.HEADER_BYTES;
    if (payloadAt > trailerAt) return `section ${count + 1} of ${sectionCount} is missing`;
    const payloadBytes = view.getFloat64(at + SNAPSHOT_SECTION.PAYLOAD_BYTES, true);
    if (!(payloadBytes >= 0 && payloadBytes % 8 === 0 && payloadAt + payloadBytes <= trailerAt))
      return `section ${count + 1} claims ${payloadBytes} bytes`;
    sections.push({
      id: view.getUint32(at + SNAPSHOT_SECTION.ID, true),
      version: view.getUint32(at + SNAPSHOT_SECTION.VERSION, true),
      bytes: new Uint8Array(bytes.subarray(payloadAt, payloadAt + payloadBytes)).buffer,
    });
    at = payloadAt + payloadBytes;
  }
  return at === trailerAt ? sections : `${trailerAt - at} bytes belong to no section`;
}
