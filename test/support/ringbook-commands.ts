import { execFile } from 'node:child_process';
import { expect } from 'vitest';
import { MAIN } from './ringbook-process.ts';

export interface CommandOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What operators type for one data folder, each command a process of its own that is waited for. */
export class RingbookCommands {
  readonly #folder: () => string;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(folder: () => string, environment: Readonly<Record<string, string>> = {}) {
    this.#folder = folder;
    this.#environment = environment;
  }

  run(...words: string[]): Promise<CommandOutput> {
    const env = { PATH: process.env.PATH ?? '', RINGBOOK_DATA_DIR: this.#folder(), ...this.#environment };
    return new Promise((resolve) => {
      execFile(process.execPath, [MAIN, ...words], { env }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
      );
    });
  }

  /** @returns what it prints with --json, when it succeeds without a word beside */
  async json(...words: string[]) {
    const { code, stdout, stderr } = await this.run(...words, '--json');
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout);
  }
}
