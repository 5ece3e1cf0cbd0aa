/**
 * Words that the threads of one exchange share beside the rings: 32-bit, 128 bytes apart so that a store by one thread
 * does not slow another. Sequences are kept by their low 32 bits and compared by wrapping difference.
 */
export const CONTROL = {
  /** One doorbell a thread: whoever publishes anything for it raises and notifies it afterwards. */
  ENGINE_DOORBELL: 0,
  JOURNAL_DOORBELL: 32,
  GATEWAY_DOORBELL: 64,
  /** Low 32 bits of the highest command sequence that is synced. Written by the journal thread. */
  DURABLE_COMMAND: 96,
  /** Low 32 bits of the highest event sequence that the event log holds. Written by the journal thread. */
  EVENT_LOG_END: 128,
  /**
   * 1: the engine thread finishes what is in the command ring, then ends. 2: the engine has ended, the journal thread
   * finishes what is in both rings, then ends. Written by the main thread.
   */
  STOP: 160,
  /** 1 while the journal thread waits for disk space: new orders are refused meanwhile. */
  DISK_FULL: 192,
  /** Low 32 bits of the highest command sequence that the engine has applied. Written by the engine thread. */
  APPLIED_COMMAND: 224,
  /** 1 while the ledger's database waits for disk space: as DISK_FULL. Written by the main thread. */
  LEDGER_DISK_FULL: 256,
  /** How often a snapshot was asked for. Written by the main thread. */
  SNAPSHOT_REQUESTS: 288,
  /** How many snapshots the engine has handed to the journal thread. Written by the engine thread. */
  SNAPSHOTS_HANDED: 320,
  /** How many of these are in place or given up. Written by the journal thread. */
  SNAPSHOTS_SETTLED: 352,
  /** 64 bits: the first event of the replay, 0 until the engine knows it. Written by the engine thread. */
  FIRST_EVENT: 384,
  /** 64 bits: every consumer of the event log is durably past this event. Written by the main thread. */
  CONSUMED_EVENT: 416,
  WORDS: 448,
} as const;

export function createSharedControl(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL.WORDS * Int32Array.BYTES_PER_ELEMENT);
}

/** @param word of 64 bits: a whole sequence, since what is read from it may lie anywhere behind */
export function storeSequence(control: Int32Array, word: number, sequence: number): void {
  Atomics.store(wideWord(control, word), 0, BigInt(sequence));
}

/** @param word of 64 bits */
export function loadSequence(control: Int32Array, word: number): number {
  return Number(Atomics.load(wideWord(control, word), 0));
}

/** Wakes the thread that waits on a doorbell, or keeps it from falling asleep. Call after publishing, never before. */
export function ringDoorbell(control: Int32Array, doorbell: number): void {
  Atomics.add(control, doorbell, 1);
  Atomics.notify(control, doorbell);
}

/** @returns whether `sequence` is at or before the shared word, by the low 32 bits of both. */
export function isReached(control: Int32Array, word: number, sequence: number): boolean {
  return ((Atomics.load(control, word) - (sequence | 0)) | 0) >= 0;
}

/**
 * Widens a shared word to the full sequence.
 * @param known a full sequence at most 2^31 away from the word's
 */
export function widen(word: number, known: number): number {
  return known + ((word - (known | 0)) | 0);
}

function wideWord(control: Int32Array, word: number): BigInt64Array {
  return new BigInt64Array(control.buffer, control.byteOffset + word * Int32Array.BYTES_PER_ELEMENT, 1);
}
