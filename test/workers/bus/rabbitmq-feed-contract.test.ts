import { beforeAll } from 'vitest';
import type { PrivateRabbitmq } from '../../../main/services/private-rabbitmq.ts';
import { startRabbitmq } from '../../support/servers/test-servers.ts';
import { feedContract } from './feed-contract.ts';
import { freshNamespace, startFeed } from './rabbitmq-feed.ts';

let rabbitmq: PrivateRabbitmq;

beforeAll(async () => {
  rabbitmq = await startRabbitmq();
}, 200_000);

feedContract('RabbitMQ', () => {
  const namespace = freshNamespace();
  return { start: (settings) => startFeed({ ...settings, url: rabbitmq.url, namespace }) };
});
