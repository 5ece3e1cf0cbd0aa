import { type LogKind, requireKnownVersions } from './frame.ts';
import { JournalDamagedError, LogRangeError } from './journal-errors.ts';
import { listSegments, logFolder, type SegmentFile } from './segment-files.ts';
import { type Frame, SegmentReader } from './segment-reader.ts';

/**
 * Reads a log from front to back, over all its segments, also while its writer appends. Any number of readers may read
 * at once. Synchronous: what was written lately comes from the page cache. A reader made before a recovery is of no use
 * after it, since recovery puts a fresh file in the last segment's place.
 */
export class LogReader {
  readonly #dataFolder: string;
  readonly #kind: LogKind;
  #segment: { readonly reader: SegmentReader; readonly firstSequence: number } | null = null;
  #positionBytes = 0; // of the next frame in the segment
  #expectedSequence = 1; // that frame's first
  #wantedSequence = 1; // frames that end before it are skipped

  /** Begins with sequence 1; see seek. */
  constructor(dataFolder: string, kind: LogKind) {
    this.#dataFolder = dataFolder;
    this.#kind = kind;
  }

  /** Moves to the frame that holds the sequence after the given one. That frame may hold earlier records as well. */
  seek(afterSequence: number): void {
    this.close();
    this.#wantedSequence = afterSequence + 1;
  }

  /**
   * @returns the next frame, its window valid until the next call; null at the present end
   * @throws LogRangeError (the log begins after what is wanted), JournalDamagedError, UnknownVersionError, StorageError
   */
  nextFrame(): Frame | null {
    if (this.#segment === null && !this.#openFirst()) return null;
    for (;;) {
      const frame = this.#frameHere();
      if (frame === null) {
        if (!this.#rollOver()) return null;
        continue;
      }
      if (frame.firstSequence !== this.#expectedSequence)
        this.#refuse(`a frame begins with sequence ${frame.firstSequence}, not ${this.#expectedSequence}`);
      this.#positionBytes = frame.endBytes;
      this.#expectedSequence = frame.lastSequence + 1;
      if (frame.lastSequence >= this.#wantedSequence) return frame;
    }
  }

  close(): void {
    this.#segment?.reader.close();
    this.#segment = null;
  }

  #openFirst(): boolean {
    const segments = listSegments(this.#dataFolder, this.#kind);
    if (segments.length === 0) return false;
    const holder = segments.findLast(({ firstSequence }) => firstSequence <= this.#wantedSequence);
    if (holder === undefined) {
      const folder = logFolder(this.#dataFolder, this.#kind);
      throw new LogRangeError(folder, this.#wantedSequence, segments[0]!.firstSequence);
    }
    this.#open(holder);
    return true;
  }

  #open(segment: SegmentFile): void {
    this.close();
    this.#segment = { reader: new SegmentReader(segment.path, this.#kind), firstSequence: segment.firstSequence };
    this.#positionBytes = 0;
    this.#expectedSequence = segment.firstSequence;
  }

  #frameHere(): Frame | null {
    const { reader } = this.#segment!;
    let frame = reader.frameAt(this.#positionBytes);
    if (frame === null) {
      reader.refresh(); // what was read before may be older than what is there now
      frame = reader.frameAt(this.#positionBytes);
    }
    if (frame !== null) requireKnownVersions(frame, reader.path);
    return frame;
  }

  /** @returns whether to look again: in the next segment, or for a frame that came just before it was made */
  #rollOver(): boolean {
    const { firstSequence } = this.#segment!;
    const segments = listSegments(this.#dataFolder, this.#kind);
    const successor = segments.find((segment) => segment.firstSequence > firstSequence);
    if (successor === undefined) return false;
    if (this.#frameHere() !== null) return true;
    if (successor.firstSequence !== this.#expectedSequence)
      this.#refuse(`no good frame here, though the next segment begins with sequence ${successor.firstSequence}`);
    this.#open(successor);
    return true;
  }

  #refuse(problem: string): never {
    const advice = 'Stop the exchange and start it again: recovery checks every file and says what to do.';
    throw new JournalDamagedError(this.#segment!.reader.path, this.#positionBytes, problem, advice);
  }
}
