/** A line that is no message. Names the line, what was expected there and what was found. */
export class MalformedLineError extends Error {
  override readonly name = 'MalformedLineError';
  readonly code = 'MALFORMED_LINE';
  readonly lineNumber: number;
  readonly expected: string;

  constructor(lineNumber: number, expected: string, line: string) {
    const shown = line.length > 80 ? `${line.slice(0, 80)}…` : line;
    super(
      `line ${lineNumber}: expected ${expected}, found ${JSON.stringify(shown)}; correct the line and run it again`,
    );
    this.lineNumber = lineNumber;
    this.expected = expected;
  }
}

/** The book is as large as it was made: what happens next would say nothing about matching. */
export class ReplayFullError extends Error {
  override readonly name = 'ReplayFullError';
  readonly code = 'REPLAY_FULL';
  readonly lineNumber: number;

  /** @param what is full, and the option that makes it larger */
  constructor(lineNumber: number, what: string, option: string) {
    super(`line ${lineNumber}: ${what}; run it again with a larger ${option}`);
    this.lineNumber = lineNumber;
  }
}

/** A probe, a limit or a file that can't be used. */
export class ReplayInputError extends Error {
  override readonly name = 'ReplayInputError';
  readonly code = 'REPLAY_INPUT';
}
