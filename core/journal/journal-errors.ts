/** Something on disk is not what was written. Never repaired by guessing: the start refuses and says what to do. */
export class JournalDamagedError extends Error {
  override readonly name = 'JournalDamagedError';
  readonly code = 'JOURNAL_DAMAGED';
  readonly file: string;
  readonly offsetBytes: number;

  /** @param advice one sentence: what the operator does next */
  constructor(file: string, offsetBytes: number, problem: string, advice: string) {
    super(`${file} is damaged at byte ${offsetBytes}: ${problem}. ${advice}`);
    this.file = file;
    this.offsetBytes = offsetBytes;
  }
}

/** The journal ends before a command whose effects somebody has already: acknowledged commands are missing. */
export class JournalLossError extends Error {
  override readonly name = 'JournalLossError';
  readonly code = 'JOURNAL_LOSS';
  readonly holder: string;
  readonly knownSequence: number;
  readonly lastSequence: number;

  constructor(holder: string, knownSequence: number, lastSequence: number) {
    super(
      `the journal ends at command ${lastSequence}, but ${holder} knows command ${knownSequence}: acknowledged commands ` +
        'are missing. Restore the journal folder from a copy that reaches this command; nothing was changed.',
    );
    this.holder = holder;
    this.knownSequence = knownSequence;
    this.lastSequence = lastSequence;
  }
}

/** A frame was written by a program with rules that this one does not have. */
export class UnknownVersionError extends Error {
  override readonly name = 'UnknownVersionError';
  readonly code = 'UNKNOWN_VERSION';
  readonly file: string;
  readonly foundVersion: number;
  readonly supportedVersion: number;

  /** @param what 'format' or 'behaviour' */
  constructor(file: string, what: 'format' | 'behaviour', foundVersion: number, supportedVersion: number) {
    super(
      `${file} has ${what} version ${foundVersion}, this program knows versions 1 to ${supportedVersion}: ` +
        'start it with the program that wrote it, or a later one.',
    );
    this.file = file;
    this.foundVersion = foundVersion;
    this.supportedVersion = supportedVersion;
  }
}

/** The journal, replayed, gives another event than the one that the event log holds. */
export class BehaviourChangedError extends Error {
  override readonly name = 'BehaviourChangedError';
  readonly code = 'BEHAVIOUR_CHANGED';
  readonly eventSequence: number;

  constructor(eventSequence: number, problem: string) {
    super(
      `event ${eventSequence}: ${problem}. This program replays the journal differently from the one that wrote the ` +
        'event log: start it with that program; nothing was appended.',
    );
    this.eventSequence = eventSequence;
  }
}

/** A snapshot that can't be used. The start goes on with the one before it, or with the whole journal. */
export class SnapshotRefusedError extends Error {
  override readonly name = 'SnapshotRefusedError';
  readonly code = 'SNAPSHOT_REFUSED';
  readonly path: string;
  readonly reason: string;

  /** @param reason one phrase, without the path */
  constructor(path: string, reason: string) {
    super(`snapshot ${path} is not used: ${reason}`);
    this.path = path;
    this.reason = reason;
  }
}

/** The log begins after the sequence that was asked for: its older segments were retired. */
export class LogRangeError extends Error {
  override readonly name = 'LogRangeError';
  readonly code = 'LOG_RANGE';

  constructor(folder: string, wantedSequence: number, oldestSequence: number) {
    super(
      `${folder} begins at sequence ${oldestSequence}, but ${wantedSequence} is needed: bring the older segments back.`,
    );
  }
}

/** No space where waiting for it makes no sense: at start, or when the exchange is told to stop. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError';
  readonly code = 'DISK_FULL';

  constructor(path: string, cause?: unknown) {
    super(`the disk that holds ${path} is full: free some space and start again.`, { cause });
  }
}

/**
 * A read, write or sync failed for another reason than space. What the disk holds is unknown from here on, so nothing
 * is tried again: the process ends and recovery proves what is there.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code = 'STORAGE_FAILED';
  readonly path: string;

  constructor(path: string, act: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`${act} ${path}: ${reason}. The process ends; recovery at the next start proves what is on disk.`, { cause });
    this.path = path;
  }
}
