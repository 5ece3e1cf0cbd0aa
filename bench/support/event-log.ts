import { EventLogCursor } from '../../core/journal/event-log-cursor.ts';
import { Catalogue } from '../../core/money/catalogue.ts';
import { CatalogueEvents } from '../../gateway/market-data/catalogue-events.ts';
import { BENCH_LIMITS, CommandRecorder } from './command-mix.ts';
import { DrivenThreads } from './driven-threads.ts';

const DEPTH = 10_000;
const LEVELS = 5_000;

export interface EventLog {
  readonly folder: string;
  readonly mix: string;
  readonly lastEventSequence: number;
  /** Of all that the log defines. */
  readonly catalogue: Catalogue;
}

/** Runs random commands through the threads. @param folder empty; journal and event log are in it afterwards */
export async function writeEventLog(folder: string, seed: number, commands: number): Promise<EventLog> {
  const recorder = new CommandRecorder(seed, { depth: DEPTH, levels: LEVELS, room: commands + DEPTH + 64 });
  recorder.setUp();
  for (let command = 0; command < commands; command++) recorder.next();
  const driven = new DrivenThreads();
  await driven.start({ folder, limits: BENCH_LIMITS });
  await driven.run(recorder.window, 0, recorder.windowCount);
  await driven.stop();
  const { name, lastEventSequence } = recorder;
  const catalogue = new Catalogue();
  const definitions = new CatalogueEvents(catalogue);
  const cursor = new EventLogCursor(folder, 0);
  for (const event of cursor.next(lastEventSequence, 100)) definitions.onEvent(event);
  cursor.close();
  return { folder, mix: `${name}; ${commands.toLocaleString('en')} commands`, lastEventSequence, catalogue };
}
