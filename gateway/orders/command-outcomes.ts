import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import type { EventListener } from './event-reader.ts';

/** Tells whoever published a command when all its events have passed. Comes after the views in the reader's list. */
export class CommandOutcomes implements EventListener {
  readonly #waiting = new Map<number, (lastEvent: ExchangeEvent) => void>(); // by command sequence

  /** @returns the command's last event, once every listener before this one has it */
  lastEventOf(commandSequence: number): Promise<ExchangeEvent> {
    return new Promise((resolve) => {
      this.#waiting.set(commandSequence, resolve);
    });
  }

  onEvent(event: ExchangeEvent): void {
    if (!event.isLastOfCommand) return;
    const resolve = this.#waiting.get(event.commandSequence);
    if (resolve === undefined) return; // a replayed command: nobody waits for it any more
    this.#waiting.delete(event.commandSequence);
    resolve(event);
  }
}
