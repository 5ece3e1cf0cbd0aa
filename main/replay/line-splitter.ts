import { MalformedLineError } from './replay-errors.ts';

/** The longest message has 50 characters; comments may be longer. A file without line feeds must not fill the memory. */
const MAX_LINE_BYTES = 4_096;
const LINE_FEED = 0x0a;

/** Called with every line, without its line feed. The bytes are valid during the call only. */
export type OnLine = (bytes: Uint8Array, from: number, to: number, lineNumber: number) => void;

/** Cuts a stream of chunks into lines, whatever the chunks' borders. The last line may lack its line feed. */
export class LineSplitter {
  readonly #onLine: OnLine;
  #begun: Uint8Array = new Uint8Array(0); // the line that the last chunk left unfinished
  #lineCount = 0;

  constructor(onLine: OnLine) {
    this.#onLine = onLine;
  }

  get lineCount(): number {
    return this.#lineCount;
  }

  /** @throws MalformedLineError, and what the callback throws */
  push(chunk: Uint8Array): void {
    const bytes = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, from)) {
      this.#line(bytes, from, end);
      from = end + 1;
    }
    this.#begun = bytes.slice(from);
    if (this.#begun.length > MAX_LINE_BYTES) this.#line(this.#begun, 0, this.#begun.length);
  }

  /** The stream has ended. */
  end(): void {
    if (this.#begun.length > 0) this.#line(this.#begun, 0, this.#begun.length);
    this.#begun = new Uint8Array(0);
  }

  #line(bytes: Uint8Array, from: number, to: number): void {
    this.#lineCount += 1;
    if (to - from > MAX_LINE_BYTES) {
      const start = Buffer.from(bytes.subarray(from, from + 100)).toString('utf8');
      throw new MalformedLineError(this.#lineCount, `a line of at most ${MAX_LINE_BYTES} bytes`, start);
    }
    this.#onLine(bytes, from, to, this.#lineCount);
  }
}
