import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from './configuration.ts';
import type { SandboxFile } from './sandbox.ts';
import { formatStatus, type StatusReport } from './status-report.ts';

/** The exchange can't be asked. The message says what to do. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** `ringbook status`: asks the running exchange of a data folder over its admin port. */
export async function runStatus(configuration: Configuration, asJson: boolean): Promise<void> {
  const { adminUrl, adminToken } = findAdmin(configuration);
  let response: Response;
  try {
    response = await fetch(`${adminUrl}/status`, { headers: { Authorization: `Bearer ${adminToken}` } });
  } catch (cause) {
    throw new UnreachableError(`nothing answers on ${adminUrl}: start the exchange first (npm start)`, { cause });
  }
  if (response.status === 401)
    throw new UnreachableError(`${adminUrl} refuses the admin token: set RINGBOOK_ADMIN_TOKEN to the exchange's own`);
  const report = (await response.json()) as StatusReport;
  console.log(asJson ? JSON.stringify(report, null, 2) : formatStatus(report));
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
