import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { expectSound } from '../support/sound.ts';
import { waitUntil } from '../support/wait-until.ts';

const IS_LONG = process.env.RINGBOOK_TEST_LONG === '1';
/** When the exchange is killed, after its proof was started: while that loads, takes what it needs, reads. */
const KILLED_AFTER_MS = Array.from({ length: IS_LONG ? 30 : 4 }, (_, round) => round * (IS_LONG ? 40 : 150));

/** Processes that name a folder on their command line: proofs that an exchange has started for itself. */
function proofsOf(folder: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const path = `/proc/${pid}/cmdline`;
      try {
        return existsSync(path) && readFileSync(path, 'utf8').includes(folder);
      } catch {
        return false; // gone meanwhile
      }
    });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has ended by itself
  }
}

test('kill -9 while its own audit runs: that neither takes the folder from the next start nor outlives its exchange', {
  timeout: KILLED_AFTER_MS.length * 60_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-proofs-'));
  let exchange = await ExchangeProcess.start(folder);
  try {
    for (const afterMs of KILLED_AFTER_MS) {
      await exchange.admin('/jobs/run', { id: 'audit' });
      await waitUntil(() => proofsOf(folder).length > 0, 'the audit is started');
      await sleep(afterMs);
      const proofs = proofsOf(folder);
      for (const pid of proofs) signal(pid, 'SIGSTOP'); // so that the exchange is gone before it goes on
      await exchange.kill();
      for (const pid of proofs) signal(pid, 'SIGCONT');
      await waitUntil(() => proofsOf(folder).length === 0, `the audit has ended, ${afterMs} ms`);
      const lastHolder = Number(readFileSync(join(folder, 'locks', 'exchange.pid'), 'utf8'));
      expect(lastHolder, `who had the folder last, ${afterMs} ms`).toBe(exchange.pid);
      exchange = await ExchangeProcess.start(folder);
    }
    expect(await exchange.stop()).toBe(0);
    await expectSound(folder, 'in the end');
  } finally {
    await exchange.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
