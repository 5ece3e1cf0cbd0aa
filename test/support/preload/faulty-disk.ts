/**
 * Loaded into an exchange process by `node --import`, before anything of it: puts a look at the orders of a DiskFaults
 * (test/support/disk-faults.ts) in front of every write and sync of journal and event log, and of every commit of the
 * databases. The exchange itself knows nothing of it and has no switch for it.
 */
import fs, { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { type DiskFault, type DiskOperation, type DiskTarget, reachedPath } from '../disk-fault.ts';

const ordersPath = process.env.RINGBOOK_TEST_DISK_FAULTS ?? '';
if (ordersPath === '') throw new Error('RINGBOOK_TEST_DISK_FAULTS must name the file with the faults');
const POLL_MS = 5;
const { openSync, closeSync, writeSync, fdatasyncSync, fsyncSync } = fs;
const targets = new Map<number, DiskTarget>(); // by descriptor

function faultAt(target: DiskTarget, operation: DiskOperation): DiskFault | undefined {
  if (!existsSync(ordersPath)) return undefined;
  const faults = JSON.parse(readFileSync(ordersPath, 'utf8')) as readonly DiskFault[];
  return faults.find((fault) => fault.target === target && fault.operation === operation);
}

/** Tells the test that a fault was met. */
function tell({ target, operation }: DiskFault): void {
  const path = reachedPath(ordersPath, target, operation);
  if (!existsSync(path)) writeFileSync(path, '');
}

/** Waits for as long as the disk stalls, or throws what it answers. */
function meet(fd: number, operation: DiskOperation): void {
  const target = targets.get(fd);
  if (target === undefined) return;
  for (let fault = faultAt(target, operation); fault !== undefined; fault = faultAt(target, operation)) {
    tell(fault);
    if (fault.act !== 'STALL') throw injected(fault);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
}

function injected({ act }: DiskFault): Error {
  return Object.assign(new Error(`${act}: injected`), { code: act });
}

Object.assign(fs, {
  openSync(path: fs.PathLike, ...rest: unknown[]): number {
    const fd = Reflect.apply(openSync, fs, [path, ...rest]) as number;
    const [, target] = /\/(journal|events)\/[^/]+$/.exec(`${path}`) ?? [];
    if (target !== undefined) targets.set(fd, target as DiskTarget);
    return fd;
  },
  closeSync(fd: number): void {
    closeSync(fd);
    targets.delete(fd);
  },
  writeSync(fd: number, ...rest: unknown[]): number {
    meet(fd, 'write');
    return Reflect.apply(writeSync, fs, [fd, ...rest]) as number;
  },
  fdatasyncSync(fd: number): void {
    meet(fd, 'sync');
    fdatasyncSync(fd);
  },
  fsyncSync(fd: number): void {
    meet(fd, 'sync');
    fsyncSync(fd);
  },
});
syncBuiltinESMExports();

const DATABASES: readonly (readonly [name: string, target: DiskTarget])[] = [
  ['/exchange.sqlite', 'ledger'],
  ['/history.sqlite', 'history'],
  ['/jobs.sqlite', 'jobs'],
];

if (isMainThread) await guardDatabases();

/** SQLite writes by itself: what stalls or fails there is its commit, as a whole. */
async function guardDatabases(): Promise<void> {
  const { default: sqlite3 } = await import('sqlite3');
  const { prototype } = sqlite3.Database;
  const { exec } = prototype;
  prototype.exec = function guarded(this: object, sql: string, done: (error: Error | null) => void) {
    const { filename } = this as { readonly filename: string };
    const target = DATABASES.find(([name]) => filename.endsWith(name))?.[1];
    const go = (): void => {
      const fault = sql === 'COMMIT' && target !== undefined ? faultAt(target, 'commit') : undefined;
      if (fault === undefined) {
        Reflect.apply(exec, this, [sql, done]);
        return;
      }
      tell(fault);
      if (fault.act === 'STALL') setTimeout(go, POLL_MS);
      else setImmediate(done, injected(fault));
    };
    go();
    return this;
  } as typeof exec;
}
