import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from './configuration.ts';
import type { SandboxFile } from './sandbox.ts';

/** The exchange can't be asked. The message says what to do. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** The exchange refused what it was asked for, and did nothing. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/**
 * Calls the admin API of the running exchange of a data folder.
 * @param input sent as a JSON body by POST; without it the call is a GET
 * @returns the answer's JSON
 * @throws UnreachableError, RefusedError
 */
export async function callAdmin(configuration: Configuration, path: string, input?: object): Promise<unknown> {
  const { adminUrl, adminToken } = findAdmin(configuration);
  let response: Response;
  try {
    response = await fetch(adminUrl + path, {
      method: input === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${adminToken}`, 'Content-Type': 'application/json' },
      ...(input === undefined ? {} : { body: JSON.stringify(input) }),
    });
  } catch (cause) {
    throw new UnreachableError(`nothing answers on ${adminUrl}: start the exchange first (npm start)`, { cause });
  }
  if (response.status === 401)
    throw new UnreachableError(`${adminUrl} refuses the admin token: set RINGBOOK_ADMIN_TOKEN to the exchange's own`);
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  const { reason, message } = answer as Refusal;
  throw new RefusedError(reason, message);
}

/** A token that is set wins; else the sandbox file of the data folder tells both address and token. */
function findAdmin(configuration: Configuration): { adminUrl: string; adminToken: string } {
  if (configuration.adminToken !== undefined)
    return { adminUrl: `http://127.0.0.1:${configuration.adminPort}`, adminToken: configuration.adminToken };
  const path = join(configuration.dataFolder, 'sandbox.json');
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as SandboxFile;
  } catch (cause) {
    throw new UnreachableError(
      `no exchange is known: ${path} can't be read. Start one (npm start), name its folder with --data-dir, or set RINGBOOK_ADMIN_TOKEN`,
      { cause },
    );
  }
}
