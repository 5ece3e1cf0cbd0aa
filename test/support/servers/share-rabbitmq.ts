import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { releasePorts } from '../../../main/services/free-ports.ts';
import { PrivateRabbitmq } from '../../../main/services/private-rabbitmq.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Answers with the URL of the broker that test files share. */
    readonly sharedRabbitmqAskedAt: string;
  }
}

/** Starts a broker when the first test file asks for it, and ends it after the last one: a start costs seconds of processor time. */
export default async function shareRabbitmq(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-shared-'));
  let started: Promise<PrivateRabbitmq> | null = null;
  const server = createServer((_request, response) => {
    started ??= PrivateRabbitmq.start({ folder });
    started.then(
      ({ url }) => response.end(url),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  project.provide('sharedRabbitmqAskedAt', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return async () => {
    server.close();
    const rabbitmq = await started?.catch(() => null); // whoever asked was told
    await rabbitmq?.kill();
    releasePorts();
    rmSync(folder, { recursive: true, force: true });
  };
}
