import { beforeAll } from 'vitest';
import { type RunningBroker, sharedRabbitmq } from '../../support/servers/test-servers.ts';
import { feedContract } from './feed-contract.ts';
import { freshNamespace, startFeed } from './rabbitmq-feed.ts';

let rabbitmq: RunningBroker;

beforeAll(async () => {
  rabbitmq = await sharedRabbitmq();
}, 200_000);

feedContract('RabbitMQ', () => {
  const namespace = freshNamespace();
  return { start: (settings) => startFeed({ ...settings, url: rabbitmq.url, namespace }) };
});
