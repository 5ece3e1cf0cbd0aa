import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerStartError } from './server-process.ts';

const PORT_ATTEMPTS = 5;

/**
 * Starts a server on ports that were free just now.
 * @param start chooses the ports anew each time
 * @throws what `start` throws, but not while it is a port that somebody else took between our look and the server's own
 */
export async function startOnFreePorts<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await start();
    } catch (error) {
      const isTaken = error instanceof ServerStartError && /in use|eaddrinuse|already_used/i.test(error.message);
      if (!isTaken || attempt === PORT_ATTEMPTS) throw error;
    }
}

/**
 * Where ports are chosen: below those that systems give to outgoing connections and to whoever listens at port 0 (Linux:
 * from 32,768, ip_local_port_range). A server that is away for a while finds its port still free when it comes back.
 */
const FIRST_PORT = 10_000;
const PORT_END = 32_768;
const CHOICE_ATTEMPTS = 1_000;

/**
 * A file for each port that a process of ours has chosen, with its process id: a server that is away for a while has its
 * port still, though nobody listens there.
 */
const CLAIMS = join(tmpdir(), `ringbook-ports-${process.getuid?.() ?? 'user'}`);

const claimed = new Set<number>();
process.on('exit', releasePorts);

/** Others may choose them again: done by itself when the process ends, unless it is killed. */
export function releasePorts(): void {
  for (const port of claimed) rmSync(claimOf(port), { force: true });
  claimed.clear();
}

/**
 * @returns a port of the loopback address that was free just now, that no system gives away by itself, and that no other
 * process of ours chooses before this one ends
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < CHOICE_ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, PORT_END);
    if (claim(port) && (await isPortFree(port))) return port;
  }
  throw new Error(
    `no port of ${FIRST_PORT} to ${PORT_END - 1} was free in ${CHOICE_ATTEMPTS} attempts; end what holds them`,
  );
}

/** @returns whether that port of the loopback address was free just now */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (isListening) await new Promise((resolve) => server.close(resolve));
  return isListening;
}

function claimOf(port: number): string {
  return join(CLAIMS, String(port));
}

/** @returns false when it is another process's, or this one's already */
function claim(port: number): boolean {
  if (claimed.has(port)) return false;
  mkdirSync(CLAIMS, { recursive: true });
  const path = claimOf(port);
  if (existsSync(path)) {
    if (isAlive(Number(readFileSync(path, 'utf8')))) return false;
    rmSync(path, { force: true });
  }
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false; // somebody was quicker
    throw error;
  }
  claimed.add(port);
  return true;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
