import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A disk of a few MiB that only chosen processes see: a tmpfs in a mount namespace of its own, which a sleeping process
 * keeps. Needs root, or user namespaces (both are there on a plain Debian).
 */
export class SmallDisk {
  readonly folder: string;
  readonly #keeper: ChildProcess;

  private constructor(folder: string, keeper: ChildProcess) {
    this.folder = folder;
    this.#keeper = keeper;
  }

  /** @param folder an existing one: processes started with `command` see the disk there */
  static async mount(folder: string, sizeMiB: number): Promise<SmallDisk> {
    const script = `mount -t tmpfs -o size=${sizeMiB}m tmpfs "$1" && echo mounted && exec sleep 600`;
    const keeper = spawn('unshare', [isRoot() ? '-m' : '-Urm', 'sh', '-c', script, 'sh', folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await new Promise<void>((resolve, reject) => {
      keeper.stdout?.once('data', () => resolve());
      keeper.stderr?.once('data', (chunk: Buffer) => reject(new Error(`no mount namespace: ${chunk.toString()}`)));
      keeper.once('error', reject);
    });
    return new SmallDisk(folder, keeper);
  }

  /** Put before a command, it runs where the disk is. */
  get command(): readonly string[] {
    return ['nsenter', ...(isRoot() ? [] : ['-U', '--preserve-credentials']), '-m', '-t', `${this.#keeper.pid}`];
  }

  /** @returns where this process finds a path of the disk */
  pathOf(path: string): string {
    return `/proc/${this.#keeper.pid}/root${path}`;
  }

  /** Writes a file until nothing more fits. */
  fill(): void {
    const file = openSync(this.pathOf(join(this.folder, 'ballast')), 'w');
    const block = Buffer.alloc(4_096);
    try {
      for (;;) writeSync(file, block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Takes that file away. */
  empty(): void {
    rmSync(this.pathOf(join(this.folder, 'ballast')));
  }

  unmount(): void {
    this.#keeper.kill('SIGKILL');
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
