import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HistoryConsumer } from '../../workers/history/history-consumer.ts';
import { HistoryDatabase } from '../../workers/storage/history-database.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { TradingFolder } from './trading-folder.ts';

/** A data folder as it was at one moment: copied for each test that breaks one. */
export class CapturedFolder {
  readonly #files = new Map<string, Buffer>();

  /** @param folder nothing writes in it */
  constructor(folder: string) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) this.#files.set(path.slice(folder.length + 1), readFileSync(path));
    }
  }

  /** @returns a folder of the running test's own */
  copy(): string {
    const folder = temporaryFolder();
    for (const [name, bytes] of this.#files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), bytes);
    }
    return folder;
  }
}

/** @returns one that traded at random and settled, with its history */
export async function settledFolder(seed: number, commands: number): Promise<CapturedFolder> {
  const folder = temporaryFolder();
  const trading = await TradingFolder.open(folder);
  const history = await HistoryDatabase.open(folder, trading.exchange.partitionCount, (error) => {
    throw error;
  });
  await trading.trade(new RandomIntegers(seed), commands);
  trading.feed.subscribe(await HistoryConsumer.open(history, trading.catalogue));
  await trading.settle();
  await trading.abandon();
  await history.close();
  return new CapturedFolder(folder);
}
