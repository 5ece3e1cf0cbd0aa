import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, inject } from 'vitest';
import { releasePorts } from '../../../main/services/free-ports.ts';
import { PrivateRabbitmq, type PrivateRabbitmqSettings } from '../../../main/services/private-rabbitmq.ts';
import { PrivateRedis, type PrivateRedisSettings } from '../../../main/services/private-redis.ts';

const endings: (() => Promise<void>)[] = [];

/** A Redis of the running test file, ended and removed after it. */
export async function startRedis(settings: Omit<PrivateRedisSettings, 'folder'> = {}): Promise<PrivateRedis> {
  const redis = await PrivateRedis.start({ ...settings, folder: serverFolder() });
  endings.push(() => redis.kill());
  return redis;
}

/** A Redis over data that is there already, ended after the running test file. @param port any free one when left out */
export async function startRedisOver(folder: string, port?: number): Promise<PrivateRedis> {
  const redis = await PrivateRedis.start(port === undefined ? { folder } : { folder, port });
  endings.push(() => redis.kill());
  return redis;
}

/** Starts a Redis again over the same data, at the same port, after it was stopped or killed. */
export async function restartRedis(
  { folder, port }: PrivateRedis,
  directives: Readonly<Record<string, string>> = {},
): Promise<PrivateRedis> {
  const redis = await PrivateRedis.start({ folder, port, directives });
  endings.push(() => redis.kill());
  return redis;
}

/**
 * A broker of the running test file, ended after it, its own folder removed.
 * @param settings folder and ports of a broker that was stopped or killed: a later start of the same one
 */
export async function startRabbitmq(settings: Partial<PrivateRabbitmqSettings> = {}): Promise<PrivateRabbitmq> {
  const rabbitmq = await PrivateRabbitmq.start({ ...settings, folder: settings.folder ?? serverFolder() });
  endings.push(() => rabbitmq.kill());
  return rabbitmq;
}

export interface RunningBroker {
  readonly url: string;
}

/** A broker that test files share: for names of one's own, never stopped and never short of anything. */
export async function sharedRabbitmq(): Promise<RunningBroker> {
  const response = await fetch(inject('sharedRabbitmqAskedAt'));
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return { url: text };
}

function serverFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-server-'));
  endings.push(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

afterAll(async () => {
  for (const end of endings.splice(0).reverse()) await end(); // servers before their folders
  releasePorts(); // the process of a test file is killed
});
