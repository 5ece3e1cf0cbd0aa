import { spawn } from 'node:child_process';
import { expect } from 'vitest';
import type { LedgerRebuildReport } from '../../main/ledger-rebuild.ts';
import { MAIN } from './exchange-process.ts';

const COMMAND_TIMEOUT_MS = 120_000;

export interface CommandResult {
  readonly code: number | null; // null when it was killed
  readonly output: string; // of both streams
  readonly json: string; // of standard output
}

/** Commands of ours over one data folder and one Redis, each in a process of its own. */
export class LedgerCommands {
  readonly #folder: string;
  readonly #redisUrl: () => string | undefined;

  constructor(folder: string, redisUrl: () => string | undefined) {
    this.#folder = folder;
    this.#redisUrl = redisUrl;
  }

  /** @param killAfterMs kill -9 then, if it still runs */
  run(args: readonly string[], killAfterMs?: number): Promise<CommandResult> {
    const url = this.#redisUrl();
    const env = {
      PATH: process.env.PATH ?? '',
      RINGBOOK_DATA_DIR: this.#folder,
      ...(url === undefined ? {} : { RINGBOOK_REDIS_URL: url }),
    };
    const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let json = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
      json += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs ?? COMMAND_TIMEOUT_MS);
    return new Promise((resolve) => {
      child.once('close', (code) => {
        clearTimeout(timer);
        resolve({ code, output, json });
      });
    });
  }

  /** Redis and folder agree, and everything that always holds, holds. @param when for a failure's message */
  async expectAudited(when: string): Promise<void> {
    const { code, output } = await this.run(['audit']);
    expect([code, output.match(/^BROKEN.*(\n {9}.*)*/gm) ?? []], `${when}\n${output}`).toEqual([0, []]);
  }

  /** @param args such as --to embedded */
  async rebuild(when: string, ...args: string[]): Promise<LedgerRebuildReport> {
    const { code, output, json } = await this.run(['ledger', 'rebuild', '--json', ...args]);
    expect(code, `${when}\n${output}`).toBe(0);
    const report = JSON.parse(json) as LedgerRebuildReport;
    expect([report.ok, report.findings], when).toEqual([true, []]);
    return report;
  }
}
