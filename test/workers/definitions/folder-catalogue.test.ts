import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EventLogCursor } from '../../../core/journal/event-log-cursor.ts';
import { type EventBatch, partitionOf } from '../../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { FolderCatalogue } from '../../../workers/definitions/folder-catalogue.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { until } from '../../support/until.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { TradingFolder } from '../trading-folder.ts';

const PARTITIONS = 8;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

async function tradedFolder(): Promise<{ trading: TradingFolder; events: ExchangeEvent[] }> {
  const trading = await TradingFolder.open(temporaryFolder());
  await trading.trade(new RandomIntegers(seed), 400);
  const cursor = new EventLogCursor(trading.folder, 0);
  const events = cursor.next(trading.endSequence, Number.MAX_SAFE_INTEGER);
  cursor.close();
  return { trading, events };
}

function batchOf(partition: number, events: readonly ExchangeEvent[]): EventBatch {
  const own = events.filter((event) => partitionOf(event, PARTITIONS) === partition);
  return { partition, beforeSequence: 0, lastSequence: own.at(-1)!.eventSequence, events: own };
}

test(`each partition finds its instruments, whichever is delivered first (SEED=${seed})`, async () => {
  const { trading, events } = await tradedFolder();
  for (const first of [1, 2, 5]) {
    const definitions = new FolderCatalogue(trading.folder);
    const taken: EventBatch[] = [];
    const consumer = definitions.prepared({
      name: 'notebook',
      batchEvents: 7,
      watermarks: async () => [1, 2],
      consume: async (batch) => {
        expect(definitions.catalogue.instrument(first)).toEqual(trading.catalogue.instrument(first));
        taken.push(batch);
      },
    });
    expect([consumer.name, consumer.batchEvents, await consumer.watermarks()]).toEqual(['notebook', 7, [1, 2]]);
    const batch = batchOf(first, events);
    await Promise.all([consumer.consume(batch), definitions.prepare(batchOf(3, events))]);
    expect(taken).toEqual([batch]);
    expect(definitions.catalogue.instrument(3)).toEqual(trading.catalogue.instrument(3));
  }
});

test('a log that does not reach the batch yet is waited for; what nobody defined is not', async () => {
  const { trading, events } = await tradedFolder();
  const log = join(trading.folder, 'events');
  const aside = join(trading.folder, 'aside');
  renameSync(log, aside);
  mkdirSync(log);
  const definitions = new FolderCatalogue(trading.folder);
  let isPrepared = false;
  const preparing = definitions.prepare(batchOf(1, events)).then(() => {
    isPrepared = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isPrepared).toBe(false);
  renameSync(aside, log);
  await until(() => isPrepared);
  await preparing;
  expect(definitions.catalogue.instrument(1)).toEqual(trading.catalogue.instrument(1));

  const [event] = batchOf(1, events).events;
  const unknown = { ...event, instrumentId: 99, eventSequence: trading.endSequence } as ExchangeEvent;
  const lastSequence = trading.endSequence;
  await definitions.prepare({ partition: 99 % PARTITIONS, beforeSequence: 0, lastSequence, events: [unknown] });
  expect(definitions.catalogue.instrument(99)).toBeUndefined();
});

test('a log that does not reach the batch is waited for no longer when it is time to end', async () => {
  const { trading, events } = await tradedFolder();
  const batch = batchOf(1, events);
  renameSync(join(trading.folder, 'events'), join(trading.folder, 'aside'));
  mkdirSync(join(trading.folder, 'events'));
  const stopping = new AbortController();
  const preparing = new FolderCatalogue(trading.folder, stopping.signal).prepare(batch);
  setTimeout(() => stopping.abort(), 20);
  await expect(preparing).rejects.toThrow(/abort/);
});
