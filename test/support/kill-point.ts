import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PRELOAD = new URL('./preload/kill-point.ts', import.meta.url).href;

/** Where a real process of ours is to be killed: before or after one step of a transfer, or of what a consumer does. */
export class KillPoint {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ringbook-kill-point-'));
  readonly #path = join(this.#folder, 'point');

  /** For the process's start. */
  get environment(): Record<string, string> {
    return { NODE_OPTIONS: `--import=${PRELOAD}`, RINGBOOK_TEST_KILL_POINT: this.#path };
  }

  /** @param point `before credit`, `after start to pending`, `before settle`, `after commit`, `before ack`, … */
  arm(point: string): void {
    writeFileSync(`${this.#path}.new`, point);
    renameSync(`${this.#path}.new`, this.#path);
  }

  disarm(): void {
    rmSync(this.#path, { force: true });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
