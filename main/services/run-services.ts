import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type FolderLock, FolderLockedError, lockFolder } from '../../workers/storage/folder-lock.ts';
import type { ServicesOptions } from '../services-command.ts';
import { freePort, isPortFree } from './free-ports.ts';
import { PrivateRabbitmq } from './private-rabbitmq.ts';
import { PrivateRedis } from './private-redis.ts';

/** The servers can't be run as they were asked for. */
export class ServicesError extends Error {
  override readonly name = 'ServicesError';
}

/** Ports of the last run over a folder: the next one takes them again where they are free. */
interface KnownPorts {
  readonly redis: number;
  readonly amqp: number;
}

const PORTS_FILE = 'ports.json';

/**
 * `ringbook services`: until SIGTERM or SIGINT.
 * @throws ServicesError, ServerMissingError, ServerStartError
 */
export async function runServices(options: ServicesOptions): Promise<void> {
  const signalled = untilSignalled();
  const folder = options.folder === undefined ? temporaryFolder() : resolve(options.folder);
  const lock = await lockServices(folder);
  console.error(`starting Redis and RabbitMQ in ${folder} …`);
  const ports = await choosePorts(folder, options);
  const started = await Promise.race([startBoth(folder, ports), signalled.then(() => null)]);
  if (started === null) process.exit(0); // which takes along what has been started by now
  const [redis, rabbitmq] = started;
  writeFileSync(join(folder, PORTS_FILE), `${JSON.stringify(ports)}\n`);
  console.log(
    options.json === true
      ? JSON.stringify({ redisUrl: redis.url, amqpUrl: rabbitmq.url, folder })
      : `export RINGBOOK_REDIS_URL=${redis.url}\nexport RINGBOOK_AMQP_URL=${rabbitmq.url}`,
  );
  console.error('ready; Ctrl-C ends them');
  const ended = await Promise.race([
    signalled.then(() => null),
    redis.exited.then(() => 'Redis'),
    rabbitmq.exited.then(() => 'RabbitMQ'),
  ]);
  if (ended === null) console.error('stopping …');
  await Promise.all([redis.stop(), rabbitmq.stop()]);
  await lock.release();
  if (ended !== null)
    throw new ServicesError(`${ended} ended by itself: its log in ${folder} tells why; start it again`);
}

async function startBoth(folder: string, ports: KnownPorts): Promise<[PrivateRedis, PrivateRabbitmq]> {
  const more = { distribution: await freePort(), epmd: await freePort() };
  return Promise.all([
    PrivateRedis.start({ folder: join(folder, 'redis'), port: ports.redis }),
    PrivateRabbitmq.start({ folder: join(folder, 'rabbitmq'), ports: { amqp: ports.amqp, ...more } }),
  ]);
}

/** What was asked for, else what the folder's last run had, else any. @throws ServicesError for a port that is taken */
async function choosePorts(folder: string, { redisPort, amqpPort }: ServicesOptions): Promise<KnownPorts> {
  const path = join(folder, PORTS_FILE);
  const known = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as KnownPorts) : null;
  return {
    redis: await choosePort('--redis-port', redisPort, known?.redis),
    amqp: await choosePort('--amqp-port', amqpPort, known?.amqp),
  };
}

async function choosePort(option: string, wanted: number | undefined, known: number | undefined): Promise<number> {
  const port = wanted ?? known;
  if (port === undefined) return freePort();
  if (await isPortFree(port)) return port;
  if (wanted !== undefined) throw new ServicesError(`${option} ${port} is taken by another program: name another port`);
  return freePort();
}

/** @returns once the process was told to end: the second time it ends at once */
function untilSignalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        resolve();
        process.once(signal, () => process.exit(1));
      });
  });
}

/** @throws ServicesError when another process runs servers over the folder */
async function lockServices(folder: string): Promise<FolderLock> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    return await lockFolder(folder, 'services');
  } catch (error) {
    if (!(error instanceof FolderLockedError)) throw error;
    throw new ServicesError(`servers run over ${folder} already: end them first, or name another --folder`, {
      cause: error,
    });
  }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-services-'));
  process.on('exit', (code) => {
    if (code === 0) rmSync(folder, { recursive: true, force: true }); // else the logs in it tell why
  });
  return folder;
}
