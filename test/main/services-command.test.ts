import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../main/services/free-ports.ts';
import { firstAnswer } from '../../main/services/server-process.ts';
import { RingbookProcess } from '../support/ringbook-process.ts';
import { waitUntil } from '../support/wait-until.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';

const QUEUE = 'kept';

interface Addresses {
  readonly redisUrl: string;
  readonly amqpUrl: string;
  readonly folder: string;
}

let services: RingbookProcess | null = null;
afterEach(async () => {
  await services?.stop(); // a kill -9 would leave its servers behind
  services = null;
});

async function start(...args: string[]): Promise<Addresses> {
  services = await RingbookProcess.start({
    args: ['services', '--json', ...args],
    environment: {},
    readyLine: 'ready; Ctrl-C',
  });
  return JSON.parse(services.standardOutput) as Addresses;
}

async function expectGone({ redisUrl, amqpUrl }: Addresses): Promise<void> {
  for (const url of [redisUrl, amqpUrl])
    expect(await firstAnswer(Number(new URL(url).port), 'PING\r\n'), url).toBeNull();
}

test('what both servers keep is there in the next run over the folder, at the same ports', {
  timeout: 240_000,
}, async () => {
  const folder = temporaryFolder();
  const first = await start('--folder', folder);
  const redis = new Redis(first.redisUrl);
  await redis.set('kept', 'yes');
  redis.disconnect();
  const broker = await connect(first.amqpUrl);
  const channel = await broker.createConfirmChannel();
  await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  channel.sendToQueue(QUEUE, Buffer.from('a message'), { persistent: true });
  await channel.waitForConfirms();
  await broker.close();

  const another = RingbookProcess.spawn({ args: ['services', '--folder', folder], environment: {} });
  expect([await another.ended, another.output]).toEqual([1, expect.stringContaining('end them first')]);

  expect(await services!.stop()).toBe(0);
  await expectGone(first);

  const second = await start('--folder', folder);
  expect(second).toEqual(first);
  const redisAgain = new Redis(second.redisUrl);
  expect(await redisAgain.get('kept')).toBe('yes');
  redisAgain.disconnect();
  const brokerAgain = await connect(second.amqpUrl);
  const channelAgain = await brokerAgain.createChannel();
  // A queue that has just been recovered may count its messages late.
  await waitUntil(async () => (await channelAgain.checkQueue(QUEUE)).messageCount === 1, 'the message is there');
  await brokerAgain.close();
});

test('without a folder nothing is left; the lines to paste name the ports that were asked for', {
  timeout: 180_000,
}, async () => {
  const ports = [String(await freePort()), String(await freePort())] as const;
  services = await RingbookProcess.start({
    args: ['services', '--redis-port', ports[0], '--amqp-port', ports[1]],
    environment: {},
    readyLine: 'ready; Ctrl-C',
  });
  expect(services.standardOutput).toBe(
    `export RINGBOOK_REDIS_URL=redis://127.0.0.1:${ports[0]}\n` +
      `export RINGBOOK_AMQP_URL=amqp://guest:guest@127.0.0.1:${ports[1]}\n`,
  );
  const folder = /in (\/.*) …/.exec(services.output)![1]!;
  expect(existsSync(folder)).toBe(true);
  services.signal('SIGINT');
  expect(await services.ended).toBe(0);
  expect(existsSync(folder)).toBe(false);

  const taken = RingbookProcess.spawn({ args: ['services', '--redis-port', '99999'], environment: {} });
  expect([await taken.ended, taken.output]).toEqual([1, expect.stringContaining('1 to 65535')]);
});

test('a server that dies is told of, and the other one ended; its log is kept', { timeout: 180_000 }, async () => {
  const addresses = await start();
  const redis = new Redis(addresses.redisUrl, { retryStrategy: () => null });
  redis.on('error', () => undefined);
  await redis.shutdown().catch(() => undefined);
  redis.disconnect();
  expect(await services!.ended).toBe(1);
  expect(services!.output).toContain('Redis ended by itself');
  expect(existsSync(join(addresses.folder, 'redis', 'redis.log'))).toBe(true);
  rmSync(addresses.folder, { recursive: true });
  await expectGone(addresses);
});
