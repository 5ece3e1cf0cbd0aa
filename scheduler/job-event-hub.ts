import type { JobEvent } from '../core/ports/job-events.ts';

/** Tells everybody who listens. A listener that fails is told of as trouble to the others, and stops nobody. */
export class JobEventHub {
  readonly #listeners = new Set<(event: JobEvent) => void>();

  /** @returns what ends the subscription */
  subscribe(listener: (event: JobEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: JobEvent): void {
    const failures: JobEvent[] = [];
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        failures.push({ type: 'trouble', error: new Error('a listener to job events failed', { cause: error }) });
      }
    }
    if (event.type !== 'trouble') for (const failure of failures) this.emit(failure);
  }
}
