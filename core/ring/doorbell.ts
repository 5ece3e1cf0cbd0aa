/**
 * How one waits for work. Each thread has one doorbell word, which everyone who publishes anything for it raises
 * afterwards. The order keeps wake-ups from being lost: read the doorbell, look at all sources, and only when they are
 * empty wait for the doorbell to leave the value that was read.
 */

/**
 * Blocks this thread while the doorbell still has the value seen. For worker threads.
 * @param seenValue read before the sources were found empty
 */
export function waitOnDoorbell(control: Int32Array, word: number, seenValue: number, timeoutMs = Infinity): void {
  Atomics.wait(control, word, seenValue, timeoutMs);
}

/** Waits on a doorbell without blocking the event loop, and without keeping the process alive. Never polls. */
export class DoorbellLoop {
  readonly #control: Int32Array;
  readonly #word: number;
  readonly #onRing: () => boolean;
  #run = 0; // odd while running: an earlier run's pending wait finds another number and ends

  /** @param onRing looks at all sources; true when it left work: it is called again in the next turn */
  constructor(control: Int32Array, word: number, onRing: () => boolean) {
    this.#control = control;
    this.#word = word;
    this.#onRing = onRing;
  }

  /** Looks at the sources once, now, then whenever the doorbell rings. */
  start(): void {
    if (this.#run % 2 === 1) return;
    this.#run += 1;
    this.#turn(this.#run);
  }

  /** onRing is not called again. */
  stop(): void {
    if (this.#run % 2 === 0) return;
    this.#run += 1;
    Atomics.notify(this.#control, this.#word); // ends the pending wait
  }

  #turn(run: number): void {
    if (run !== this.#run) return;
    const seenValue = Atomics.load(this.#control, this.#word);
    const hasMore = this.#onRing();
    if (run !== this.#run) return;
    if (hasMore) {
      setImmediate(() => this.#turn(run));
      return;
    }
    const wait = Atomics.waitAsync(this.#control, this.#word, seenValue);
    if (wait.async) void wait.value.then(() => this.#turn(run));
    else setImmediate(() => this.#turn(run)); // it rang meanwhile
  }
}
