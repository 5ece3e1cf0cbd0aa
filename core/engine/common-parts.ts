import type { BookMemory } from '../book/order-book.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import type { EventWriter } from './event-writer.ts';
import type { Market } from './market.ts';
import type { CommandContext } from './order-events.ts';

/** @returns false when the command is not of the common form: then nothing has changed, and the matcher applies it */
export type CommonCommand = (market: Market, command: RecordWindow, at: number) => boolean;

/** What a common command works on: all of one engine. */
export interface CommonParts {
  readonly memory: BookMemory;
  readonly writer: EventWriter;
  readonly context: CommandContext;
}
