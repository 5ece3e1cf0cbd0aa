import { EventLogCursor } from '../../../core/journal/event-log-cursor.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { TradingFolder } from '../trading-folder.ts';

export interface WrittenLog {
  readonly folder: string;
  readonly events: readonly ExchangeEvent[];
}

/** Writes the event log of an exchange that trades at random. @returns its folder and all its events */
export async function writtenLog(seed: number, commands: number): Promise<WrittenLog> {
  const folder = temporaryFolder();
  const trading = await TradingFolder.open(folder);
  await trading.trade(new RandomIntegers(seed), commands);
  const end = trading.endSequence;
  await trading.abandon();
  const cursor = new EventLogCursor(folder, 0);
  const events = cursor.next(end, end);
  cursor.close();
  return { folder, events };
}
