import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type LogKind, requireKnownVersions } from './frame.ts';
import { JournalDamagedError, LogRangeError } from './journal-errors.ts';
import { archiveFolder, listArchivedSegments, listSegments, logFolder, type SegmentFile } from './segment-files.ts';
import { type Frame, SegmentReader } from './segment-reader.ts';

/**
 * Reads a log from front to back, over all its segments, also while its writer appends; older ones it finds in the
 * archive, as long as they are there. Any number of readers may read
 * at once. Synchronous: what was written lately comes from the page cache. A reader made before a recovery is of no use
 * after it, since recovery puts a fresh file in the last segment's place.
 */
export class LogReader {
  readonly #dataFolder: string;
  readonly #kind: LogKind;
  #segment: { readonly reader: SegmentReader; readonly firstSequence: number } | null = null;
  #frameBytes = 0; // of the frame returned last
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
      this.#frameBytes = this.#positionBytes;
      this.#positionBytes = frame.endBytes;
      this.#expectedSequence = frame.lastSequence + 1;
      if (frame.lastSequence >= this.#wantedSequence) return frame;
    }
  }

  /** @returns another reader whose first frame is the one that this one returned last, found without a search */
  fork(frame: Frame): LogReader {
    const fork = new LogReader(this.#dataFolder, this.#kind);
    const { reader, firstSequence } = this.#segment!;
    fork.#segment = { reader: this.#readerOf({ path: reader.path, firstSequence }), firstSequence };
    fork.#positionBytes = this.#frameBytes;
    fork.#expectedSequence = frame.firstSequence;
    fork.#wantedSequence = frame.firstSequence;
    return fork;
  }

  close(): void {
    this.#segment?.reader.close();
    this.#segment = null;
  }

  #openFirst(): boolean {
    const segments = listSegments(this.#dataFolder, this.#kind);
    if (segments.length === 0) return false;
    const holds = ({ firstSequence }: SegmentFile): boolean => firstSequence <= this.#wantedSequence;
    const holder = segments.findLast(holds) ?? listArchivedSegments(this.#dataFolder, this.#kind).findLast(holds);
    if (holder === undefined) {
      const folder = logFolder(this.#dataFolder, this.#kind);
      throw new LogRangeError(folder, this.#wantedSequence, segments[0]!.firstSequence);
    }
    this.#open(holder);
    return true;
  }

  #open(segment: SegmentFile): void {
    this.close();
    this.#segment = { reader: this.#readerOf(segment), firstSequence: segment.firstSequence };
    this.#positionBytes = 0;
    this.#expectedSequence = segment.firstSequence;
  }

  /** A segment may be retired between being listed and being opened. */
  #readerOf({ path }: SegmentFile): SegmentReader {
    if (existsSync(path)) return new SegmentReader(path, this.#kind);
    const archived = join(archiveFolder(this.#dataFolder, this.#kind), basename(path));
    return new SegmentReader(existsSync(archived) ? archived : path, this.#kind);
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
    const isBehind = (segment: SegmentFile): boolean => segment.firstSequence > firstSequence;
    let successor = listSegments(this.#dataFolder, this.#kind).find(isBehind);
    if (successor === undefined) return false;
    if (this.#frameHere() !== null) return true;
    if (successor.firstSequence !== this.#expectedSequence)
      successor = listArchivedSegments(this.#dataFolder, this.#kind).find(isBehind) ?? successor;
    if (successor.firstSequence !== this.#expectedSequence) this.#refuseSuccessor(successor);
    this.#open(successor);
    return true;
  }

  /** What was retired may have been taken out of the archive; what was not must be there. */
  #refuseSuccessor({ firstSequence }: SegmentFile): never {
    const { reader } = this.#segment!;
    const isRetired = listArchivedSegments(this.#dataFolder, this.#kind).some(({ path }) => path === reader.path);
    if (isRetired && reader.endOfContent(this.#positionBytes) === this.#positionBytes)
      throw new LogRangeError(logFolder(this.#dataFolder, this.#kind), this.#expectedSequence, firstSequence);
    this.#refuse(`no good frame here, though the next segment begins with sequence ${firstSequence}`);
  }

  #refuse(problem: string): never {
    const advice = 'Stop the exchange and start it again: recovery checks every file and says what to do.';
    throw new JournalDamagedError(this.#segment!.reader.path, this.#positionBytes, problem, advice);
  }
}
