import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PRELOAD = new URL('./preload/poison-partition.ts', import.meta.url).href;

/** Has one consumer of a real exchange, all in one process, fail with every batch of one partition. */
export class PoisonPartition {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ringbook-poison-'));
  readonly #path = join(this.#folder, 'poison');

  /** For the process's start. */
  get environment(): Record<string, string> {
    return { NODE_OPTIONS: `--import=${PRELOAD}`, RINGBOOK_TEST_POISON: this.#path };
  }

  poison(consumer: 'settlement' | 'history', partition: number): void {
    writeFileSync(`${this.#path}.new`, `${consumer} ${partition}`);
    renameSync(`${this.#path}.new`, this.#path);
  }

  heal(): void {
    rmSync(this.#path, { force: true });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
