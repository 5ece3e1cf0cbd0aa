import { beforeAll, vi } from 'vitest';
import type { PrivateRabbitmq } from '../../../main/services/private-rabbitmq.ts';
import { startRabbitmq } from '../../support/servers/test-servers.ts';
import { RabbitmqUnderTest } from './rabbitmq-under-test.ts';
import { workQueueContract } from './work-queue-contract.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // brokers and processes start slowly on a busy machine

let rabbitmq: PrivateRabbitmq;
beforeAll(async () => {
  rabbitmq = await startRabbitmq();
});

workQueueContract(new RabbitmqUnderTest(() => rabbitmq.url));
