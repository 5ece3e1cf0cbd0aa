/** Tells of a trouble once, however often it comes again, until what has it is well. */
export class RepeatedTroubles {
  readonly #tell: (error: Error) => void;
  readonly #told = new Map<string, string>(); // what -> its last reason

  constructor(tell: (error: Error) => void) {
    this.#tell = tell;
  }

  /** @param what of a small fixed number of parts */
  trouble(what: string, reason: string): void {
    if (this.#told.get(what) === reason) return;
    this.#told.set(what, reason);
    this.#tell(new Error(`${what}: ${reason}`));
  }

  well(what: string): void {
    this.#told.delete(what);
  }
}
