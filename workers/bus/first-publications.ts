/**
 * When what lies above a watermark was first sent. What comes to nothing is sent again, perhaps cut otherwise, and must not
 * look younger for it: whoever waits for it has waited from the first time on.
 */
export class FirstPublications {
  readonly #nowMs: () => number;
  #batches: { readonly lastSequence: number; readonly atMs: number }[] = []; // in order

  /** @param nowMs the host's wall clock, since who reads the times is another process */
  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** The events after one through another are sent now. @returns milliseconds since 1970 of when their oldest first was */
  send(beforeSequence: number, lastSequence: number): number {
    const nowMs = this.#nowMs();
    const earlier = this.#batches.find((batch) => batch.lastSequence > beforeSequence);
    if (lastSequence > (this.#batches.at(-1)?.lastSequence ?? 0)) this.#batches.push({ lastSequence, atMs: nowMs });
    return earlier?.atMs ?? nowMs;
  }

  /** Everything through it is durable. */
  advance(watermark: number): void {
    this.#batches = this.#batches.filter(({ lastSequence }) => lastSequence > watermark);
  }
}
