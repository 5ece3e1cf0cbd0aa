import { beforeAll } from 'vitest';
import type { PrivateRabbitmq } from '../../../main/services/private-rabbitmq.ts';
import { startRabbitmq } from '../../support/servers/test-servers.ts';
import { RabbitmqUnderTest } from './rabbitmq-under-test.ts';
import { workQueueContract } from './work-queue-contract.ts';

let rabbitmq: PrivateRabbitmq;
beforeAll(async () => {
  rabbitmq = await startRabbitmq();
});

workQueueContract(new RabbitmqUnderTest(() => rabbitmq.url));
