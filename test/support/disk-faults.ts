import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DiskFault, type DiskOperation, type DiskTarget, reachedPath } from './disk-fault.ts';
import { waitUntil } from './wait-until.ts';

const PRELOAD = new URL('./preload/faulty-disk.ts', import.meta.url).href;

/**
 * A disk under the real exchange process that stalls or fails when told to: writes and syncs of journal and event log,
 * commits of the databases. Needs neither root nor a compiler: `environment` loads a module into the process that stands
 * in front of the real file system.
 */
export class DiskFaults {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ringbook-faults-'));
  readonly #ordersPath = join(this.#folder, 'orders.json');
  #faults: DiskFault[] = [];

  /** For ExchangeProcess.start. */
  get environment(): Record<string, string> {
    return { NODE_OPTIONS: `--import=${PRELOAD}`, RINGBOOK_TEST_DISK_FAULTS: this.#ordersPath };
  }

  /** From now on the disk keeps such acts waiting. */
  stall(target: DiskTarget, operation: DiskOperation): void {
    this.#set([...this.#faults, { target, operation, act: 'STALL' }]);
  }

  /** From now on such acts fail. */
  fail(target: DiskTarget, operation: DiskOperation): void {
    const act = operation === 'commit' ? 'SQLITE_IOERR' : 'EIO';
    this.#set([...this.#faults, { target, operation, act }]);
  }

  /** The disk is well again, and goes on with what it kept waiting. */
  heal(): void {
    for (const { target, operation } of this.#faults) rmSync(this.#reached(target, operation), { force: true });
    this.#set([]);
  }

  /** @returns once the exchange has met that fault */
  async met(target: DiskTarget, operation: DiskOperation): Promise<void> {
    await waitUntil(() => existsSync(this.#reached(target, operation)), `${target} ${operation} meets its fault`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #reached(target: DiskTarget, operation: DiskOperation): string {
    return reachedPath(this.#ordersPath, target, operation);
  }

  /** By a rename: a reader finds the faults before or after it, never half of them. */
  #set(faults: DiskFault[]): void {
    this.#faults = faults;
    writeFileSync(`${this.#ordersPath}.new`, JSON.stringify(faults));
    renameSync(`${this.#ordersPath}.new`, this.#ordersPath);
  }
}
