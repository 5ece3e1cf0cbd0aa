import { expect, test } from 'vitest';
import { EventLogCursor } from '../../../core/journal/event-log-cursor.ts';
import { partitionOf } from '../../../core/ports/event-feed.ts';
import { SettlementConsumer, SettlementGapError } from '../../../workers/settlement/settlement-consumer.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { TRADERS, TradingFolder } from '../trading-folder.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const PARTITIONS = 8;

test(`events cut at random, repeated, overlapping and out of order, by two workers at once, settle once each (SEED=${seed})`, async () => {
  const random = new RandomIntegers(seed);
  const folder = temporaryFolder();
  const trading = await TradingFolder.open(folder);
  await trading.trade(random, 300);
  const cursor = new EventLogCursor(folder, 0);
  const events = cursor.next(trading.endSequence, trading.endSequence);
  cursor.close();
  const workers = [0, 1].map(() => new SettlementConsumer(trading.ledger, trading.catalogue));
  let gaps = 0;
  const deliver = async (partition: number, from: number, to: number): Promise<void> => {
    const own = events.filter((event) => partitionOf(event, PARTITIONS) === partition);
    const batch = own.slice(from, to);
    if (batch.length === 0) return;
    const beforeSequence = own[from - 1]?.eventSequence ?? 0;
    await random
      .oneOf(workers)
      .consume({ partition, beforeSequence, lastSequence: batch.at(-1)!.eventSequence, events: batch });
  };
  for (let round = 0; round < 400; round++) {
    const partition = random.below(PARTITIONS);
    const from = random.below(60);
    const cuts = [deliver(partition, from, from + random.between(1, 40)), deliver(partition, from, from + 5)];
    for (const { status, ...rest } of await Promise.allSettled(cuts)) {
      if (status === 'fulfilled') continue;
      const { reason } = rest as { reason: Error };
      expect(reason).toBeInstanceOf(SettlementGapError);
      expect(reason.message).toMatch(new RegExp(`partition ${partition}: a batch follows event \\d+`));
      gaps += 1;
    }
  }
  expect(gaps).toBeGreaterThan(0);
  for (let partition = 0; partition < PARTITIONS; partition++) await deliver(partition, 0, events.length);
  const cutAtRandom = await balancesOf(trading);
  await trading.abandon();

  // The same folder, settled once more from nothing, in one go.
  const inOrder = await TradingFolder.open(temporaryFolder());
  await inOrder.trade(new RandomIntegers(seed), 300);
  await inOrder.settle();
  expect(inOrder.endSequence).toBe(events.length);
  expect(await balancesOf(inOrder)).toEqual(cutAtRandom);
  await inOrder.abandon();
});

async function balancesOf(trading: TradingFolder) {
  return Promise.all([1, ...TRADERS].map((accountId) => trading.ledger.balances(accountId)));
}
