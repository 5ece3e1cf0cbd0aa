import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { freePort } from '../../../main/services/free-ports.ts';
import { firstAnswer, ServerProcess, ServerStartError } from '../../../main/services/server-process.ts';
import { restartRedis, startRabbitmq, startRedis } from '../../support/servers/test-servers.ts';
import { temporaryFolder } from '../../workers/temporary-folder.ts';

const PROTOCOL_HEADER = Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1);

/** Linux only names the processes of the machine in /proc; a signal of zero asks everywhere. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a Redis of our own answers, persists, and is gone afterwards', async () => {
  const first = await startRedis();
  const client = new Redis(first.url);
  expect(await client.ping()).toBe('PONG');
  expect(await client.config('GET', 'appendfsync')).toEqual(['appendfsync', 'always']);
  await client.set('known', 'yes');
  client.disconnect();
  await first.kill();
  expect(isAlive(first.pid)).toBe(false);
  expect(await firstAnswer(first.port, 'PING\r\n')).toBeNull();

  const second = await restartRedis(first);
  expect(second.url).toBe(first.url);
  const again = new Redis(second.url);
  expect(await again.get('known')).toBe('yes'); // killed, not stopped: it was synced before it was answered
  again.disconnect();
  await second.stop();
  expect(isAlive(second.pid)).toBe(false);
  expect(await firstAnswer(second.port, 'PING\r\n')).toBeNull();
});

test('two at once do not meet', async () => {
  const [one, other] = await Promise.all([startRedis(), startRedis()]);
  expect(one.port).not.toBe(other.port);
  expect(one.folder).not.toBe(other.folder);
  await Promise.all([one.stop(), other.stop()]);
});

test('a RabbitMQ of our own answers, and is gone afterwards with its epmd', { timeout: 180_000 }, async () => {
  const rabbitmq = await startRabbitmq();
  const { pids, ports } = rabbitmq;
  expect((await firstAnswer(ports.amqp, PROTOCOL_HEADER))?.at(0)).toBe(1); // connection.start
  expect(existsSync(`${rabbitmq.folder}/.erlang.cookie`)).toBe(true); // nothing of the user's own is touched
  await rabbitmq.stop();
  expect(pids.map(isAlive)).toEqual([false, false]);
  for (const port of Object.values(ports)) expect(await firstAnswer(port, PROTOCOL_HEADER)).toBeNull();
});

test('a process that just ends takes its servers along', async () => {
  const modulePath = fileURLToPath(new URL('../../../main/services/private-redis.ts', import.meta.url));
  const script = `const { PrivateRedis } = await import(${JSON.stringify(modulePath)});
    console.log((await PrivateRedis.start({ folder: ${JSON.stringify(temporaryFolder())} })).port); process.exit(0)`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect([Number(stdout) > 0, stderr]).toEqual([true, '']);
  await expect.poll(() => firstAnswer(Number(stdout), 'PING\r\n'), { timeout: 20_000 }).toBeNull();
});

test('a server that does not start says what it logged', async () => {
  const folder = temporaryFolder();
  const settings = {
    name: 'a server',
    folder,
    environment: {},
    isReady: async () => false,
    startTimeoutMs: 60_000,
    stopTimeoutMs: 1_000,
    logPath: `${folder}/log`,
  };
  const failing = {
    ...settings,
    program: process.execPath,
    args: ['-e', 'console.log("no such port"); process.exit(3)'],
  };
  await expect(ServerProcess.start(failing)).rejects.toThrow(/a server ended.*no such port/s);
  await expect(ServerProcess.start({ ...settings, program: '/no/such/program', args: [] })).rejects.toThrow(
    ServerStartError,
  );
});

test('a port that was chosen is chosen by no other process of ours while its own lives', async () => {
  const mine = new Set(await Promise.all(Array.from({ length: 2_000 }, () => freePort())));
  expect(mine.size).toBe(2_000);
  const module = new URL('../../../main/services/free-ports.ts', import.meta.url).href;
  const program = `
    import { freePort } from ${JSON.stringify(module)};
    console.log(JSON.stringify(await Promise.all(Array.from({ length: 2_000 }, () => freePort()))));`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  const theirs = JSON.parse(child.stdout) as number[];
  expect(theirs.filter((port) => mine.has(port))).toEqual([]);
  for (const port of [...mine, ...theirs]) expect([port >= 10_000, port < 32_768]).toEqual([true, true]);
});
