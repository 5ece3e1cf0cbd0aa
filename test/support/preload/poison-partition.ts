/**
 * Loaded into an exchange process by `node --import`: a consumer can't process any batch of a partition as long as the
 * file that a PoisonPartition (test/support/poison-partition.ts) writes names them. The exchange itself has no switch for it.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { EventBatch, EventConsumer } from '../../../core/ports/event-feed.ts';
import { HistoryConsumer } from '../../../workers/history/history-consumer.ts';
import { SettlementConsumer } from '../../../workers/settlement/settlement-consumer.ts';

const path = process.env.RINGBOOK_TEST_POISON ?? '';
if (path === '') throw new Error('RINGBOOK_TEST_POISON must name the file with the consumer and the partition');

for (const { prototype } of [SettlementConsumer, HistoryConsumer]) {
  const consumer: EventConsumer = prototype;
  const { consume } = consumer;
  consumer.consume = async function (this: EventConsumer, batch: EventBatch): Promise<void> {
    if (existsSync(path) && readFileSync(path, 'utf8') === `${this.name} ${batch.partition}`)
      throw new Error(`injected: this batch of ${batch.events.length} events can't be processed`);
    return consume.call(this, batch);
  };
}
