import { connect } from 'amqplib';
import { beforeAll, expect, test, vi } from 'vitest';
import { LocalHopCounter } from '../../../workers/queue/hop-counter.ts';
import { RabbitmqWorkQueue } from '../../../workers/queue/rabbitmq/rabbitmq-work-queue.ts';
import { type RunningBroker, sharedRabbitmq } from '../../support/servers/test-servers.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { SHORT_DELAYS_MS, TYPES } from './queue-under-test.ts';
import { RabbitmqUnderTest } from './rabbitmq-under-test.ts';
import { workQueueContract } from './work-queue-contract.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // brokers and processes start slowly on a busy machine

let rabbitmq: RunningBroker;
beforeAll(async () => {
  rabbitmq = await sharedRabbitmq();
});

workQueueContract(new RabbitmqUnderTest(() => rabbitmq.url));

test('a job that goes in a loop stays at its source until it is parked, and is acknowledged once', async () => {
  class SpentHops extends LocalHopCounter {
    override count(): Promise<number> {
      return Promise.resolve(1_000);
    }
  }
  const prefix = 'test-loops';
  const troubles: string[] = [];
  const queue = await RabbitmqWorkQueue.open({
    url: rabbitmq.url,
    types: TYPES,
    clock: { nowMs: () => Date.now() },
    retryDelaysMs: SHORT_DELAYS_MS,
    hopCounter: new SpentHops(),
    prefix,
    maxParked: 1, // nobody empties it: the later jobs find it full
    onTrouble: ({ message }) => troubles.push(message),
  });
  await queue.connected;
  const tried = new Set<string>();
  queue.consume(
    'alpha',
    async ({ id }) => {
      tried.add(id);
      throw new Error('again');
    },
    { concurrency: 5 },
  );
  for (let job = 0; job < 5; job++) await queue.enqueue({ type: 'alpha', id: `job-${job}`, payload: job });
  await waitUntil(() => tried.size === 5 && queue.counts.parked > 0, 'five tried, one parked');
  await queue.stop();
  const connection = await connect(rabbitmq.url);
  const channel = await connection.createChannel();
  const count = async (name: string): Promise<number> => (await channel.checkQueue(name)).messageCount;
  await waitUntil(
    async () => (await count(`${prefix}.jobs.alpha`)) + (await count(`${prefix}.parked`)) === 5,
    'five jobs at the broker',
  );
  await connection.close();
  expect(troubles.filter((text) => text.includes('PRECONDITION'))).toEqual([]);
});
