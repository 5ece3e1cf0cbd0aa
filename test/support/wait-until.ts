import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 20;
const PATIENCE_MS = 60_000; // a loaded machine may take long; nothing is proved by how long

/** Waits for a condition. @throws Error that names what did not happen */
export async function waitUntil(isReached: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += PAUSE_MS) {
    if (await isReached()) return;
    await sleep(PAUSE_MS);
  }
  throw new Error(`waited ${PATIENCE_MS} ms in vain: ${what}`);
}
