import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/**
 * Loaded into a process before its program (`node --import`): appends a line of JSON each second to the file that
 * RINGBOOK_TEST_MEMORY_FILE names. Resident bytes are the whole process's, heap bytes those of its main thread.
 */
export interface MemorySample {
  readonly atMs: number;
  readonly rss: number; // bytes, as all that follow
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

const path = process.env.RINGBOOK_TEST_MEMORY_FILE;
if (isMainThread && path !== undefined) {
  setInterval(() => {
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    const sample: MemorySample = { atMs: performance.now(), rss, heapUsed, external, arrayBuffers };
    appendFileSync(path, `${JSON.stringify(sample)}\n`);
  }, 1_000).unref();
}
