import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A server's program is not on this machine. */
export class ServerMissingError extends Error {
  override readonly name = 'ServerMissingError';
}

/** Packages of Debian and Ubuntu, and what they are called elsewhere. */
const INSTALL_HINT =
  'On Debian or Ubuntu: sudo apt-get install redis-server rabbitmq-server. On macOS: brew install redis rabbitmq. ' +
  'Elsewhere install Redis 7.0 or later and RabbitMQ 3.10 or later, with redis-server, rabbitmq-server and epmd in PATH.';

const MORE_FOLDERS = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', '/usr/local/sbin', '/opt/homebrew/sbin'];

/** @throws ServerMissingError */
export function redisServerProgram(): string {
  return inPath('redis-server') ?? missing('redis-server');
}

/**
 * The script in the package's own folder: Debian's wrapper in PATH changes the user and keeps to fixed folders.
 * @throws ServerMissingError
 */
export function rabbitmqServerProgram(): string {
  return privateRabbitmqScript() ?? inPath('rabbitmq-server') ?? missing('rabbitmq-server');
}

/**
 * Erlang's name server, which would outlive a broker that starts its own.
 * @throws ServerMissingError
 */
export function epmdProgram(): string {
  return inPath('epmd') ?? missing('epmd');
}

/** @returns the names of those that are not there */
export function missingPrograms(): string[] {
  const programs = [redisServerProgram, rabbitmqServerProgram, epmdProgram];
  return programs.flatMap((find) => {
    try {
      find();
      return [];
    } catch (error) {
      return error instanceof ServerMissingError ? [error.message.split(' ')[0]!] : [];
    }
  });
}

/** What somebody must do whose machine lacks the servers. */
export function installSentence(programs: readonly string[]): string {
  return `${programs.join(' and ')} not found. ${INSTALL_HINT}`;
}

function missing(program: string): never {
  throw new ServerMissingError(installSentence([program]));
}

function inPath(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...MORE_FOLDERS];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

function privateRabbitmqScript(): string | undefined {
  const folder = '/usr/lib/rabbitmq';
  const versions = existsSync(join(folder, 'lib')) ? readdirSync(join(folder, 'lib')).sort().reverse() : [];
  const candidates = [
    join(folder, 'bin', 'rabbitmq-server'),
    ...versions.map((version) => join(folder, 'lib', version, 'sbin', 'rabbitmq-server')),
  ];
  return candidates.find((path) => existsSync(path));
}
