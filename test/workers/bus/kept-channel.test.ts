import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfirmChannel } from 'amqplib';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { AmqpConnection } from '../../../workers/bus/amqp-connection.ts';
import { NO_QUEUE } from '../../../workers/bus/kept-channel.ts';
import { type RunningBroker, sharedRabbitmq } from '../../support/servers/test-servers.ts';
import { waitUntil } from '../../support/wait-until.ts';

vi.setConfig({ testTimeout: 120_000 });

let rabbitmq: RunningBroker;
let connection: AmqpConnection;

beforeAll(async () => {
  rabbitmq = await sharedRabbitmq();
}, 200_000);

beforeEach(() => {
  connection = new AmqpConnection({ url: rabbitmq.url, name: 'test of a kept channel' });
});

afterEach(() => connection.close());

/** The broker closes a channel that asks for a queue which is not there. */
function haveItClosed(channel: ConfirmChannel): void {
  channel.checkQueue(`none-${randomUUID()}`).catch(() => {});
}

test('a channel that the broker closes is opened anew, on the same connection', async () => {
  const opened: ConfirmChannel[] = [];
  const reasons: string[] = [];
  connection.keepChannel({
    name: 'closed',
    onOpen: async (channel) => void opened.push(channel),
    onClose: (reason) => reasons.push(reason),
  });
  for (const count of [1, 2]) {
    await waitUntil(() => opened.length === count, `channel ${count}`);
    haveItClosed(opened.at(-1)!);
  }
  await waitUntil(() => opened.length === 3, 'a third channel');
  expect(new Set(opened).size).toBe(3);
  expect(reasons).toEqual([expect.stringContaining(NO_QUEUE), expect.stringContaining(NO_QUEUE)]);
  expect(connection.connectCount).toBe(1);
});

test('one that is lost while it is still being set up, for longer than the pause, is opened anew all the same', async () => {
  const setUp = Promise.withResolvers<void>();
  let openCount = 0;
  let closeCount = 0;
  connection.keepChannel({
    name: 'slow to set up',
    onOpen: async (channel) => {
      openCount += 1;
      if (openCount > 1) return;
      haveItClosed(channel);
      await setUp.promise;
    },
    onClose: () => {
      closeCount += 1;
    },
  });
  await waitUntil(() => closeCount === 1, 'the first one is lost');
  await sleep(1_500); // after the pause somebody has looked, and left it to whoever sets it up
  expect(openCount).toBe(1);
  setUp.resolve();
  await waitUntil(() => openCount === 2, 'another one');
  expect([closeCount, connection.connectCount]).toEqual([1, 1]);
});

test.each(['rejects', 'throws'] as const)('when setting it up %s, it is tried again', async (how) => {
  let openCount = 0;
  const reasons: string[] = [];
  connection.keepChannel({
    name: 'failing',
    onOpen: (): Promise<void> => {
      openCount += 1;
      if (openCount > 2) return Promise.resolve();
      if (how === 'rejects') return Promise.reject(new Error('not yet'));
      throw new Error('not yet');
    },
    onClose: (reason) => reasons.push(reason),
  });
  await waitUntil(() => openCount === 3, 'the third time');
  expect(reasons).toEqual(['not yet', 'not yet']);
});

test('a closed one is not opened again, whatever was under way', async () => {
  const setUp = Promise.withResolvers<void>();
  let openCount = 0;
  const kept = connection.keepChannel({
    name: 'closed for good',
    onOpen: () => {
      openCount += 1;
      return setUp.promise;
    },
    onClose: () => {},
  });
  await waitUntil(() => openCount === 1, 'it is being set up');
  await kept.close();
  setUp.resolve();
  await sleep(1_500);
  expect(openCount).toBe(1);
});
