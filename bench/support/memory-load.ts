import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ExchangeProcess } from '../../test/support/exchange-process.ts';
import type { SteadyLoadResult } from '../steady-load.ts';
import type { BenchSettings } from './bench.ts';
import type { MemorySample } from './memory-sampler.ts';

const LOAD = fileURLToPath(new URL('../steady-load.ts', import.meta.url));
const SAMPLER = new URL('./memory-sampler.ts', import.meta.url).href;
export const CONNECTIONS = 32;
export const MIB = 2 ** 20;
/** What the exchange keeps of the past, each bound small enough to be full when the warm-up ends. */
export const KEPT = { closedOrders: 20_000, closedHolds: 50_000 } as const;
/** At least until the heap has met its first full collection, which it grows for: after that the process stays as large. */
const WARM_UP_ROUNDS = { least: 7, most: 9 } as const;
const WARM_UP_ROUND_SECONDS = 20;
const PROGRESS_MS = 30_000;

/** Of an exchange whose bounds a load fills soon. */
export const SMALL_BOUNDS: Readonly<Record<string, string>> = {
  RINGBOOK_JOURNAL_SEGMENT_MIB: '16',
  RINGBOOK_SNAPSHOT_EVERY: '100000',
  RINGBOOK_CLOSED_ORDERS: String(KEPT.closedOrders),
  RINGBOOK_CLOSED_HOLDS: String(KEPT.closedHolds),
};

/** @returns what has a process of ours write its samples to that file */
export function sampledInto(samplesFile: string): Record<string, string> {
  return { RINGBOOK_TEST_MEMORY_FILE: samplesFile, NODE_OPTIONS: `--import=${SAMPLER}` };
}

export function readSamples(path: string): MemorySample[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as MemorySample);
}

/** @returns how many orders were closed by the rounds, once everything bounded is full */
export async function warmUp(exchange: ExchangeProcess, { isShort, progress }: BenchSettings): Promise<number> {
  let closed = 0;
  const rounds = isShort ? { least: 1, most: 1 } : WARM_UP_ROUNDS;
  for (let round = 0; round < rounds.least || (round < rounds.most && closed < KEPT.closedHolds); round++) {
    progress(`warming up: ${closed.toLocaleString('en')} orders closed`);
    closed += (await runLoad(exchange, isShort ? 1 : WARM_UP_ROUND_SECONDS)).orders;
  }
  return closed;
}

/** @returns what was done, and the seconds that it took @throws Error when any request was refused */
export async function loadFor(
  exchange: ExchangeProcess,
  seconds: number,
  progress: BenchSettings['progress'],
): Promise<SteadyLoadResult & { readonly tookSeconds: number }> {
  progress(`loading for ${seconds} s`);
  const startMs = performance.now();
  const tell = (): void => progress(`${Math.round((performance.now() - startMs) / 1_000)} of ${seconds} s`);
  const timer = setInterval(tell, PROGRESS_MS);
  const load = await runLoad(exchange, seconds).finally(() => clearInterval(timer));
  if (load.refused > 0) throw new Error(`${load.refused} of ${load.requests} requests were refused`);
  return { ...load, tookSeconds: (performance.now() - startMs) / 1_000 };
}

async function runLoad(exchange: ExchangeProcess, seconds: number): Promise<SteadyLoadResult> {
  const { accounts, baseUrl } = exchange.sandbox;
  const keys = accounts.slice(0, 2).flatMap(({ key, secret }) => [key, secret]);
  const args = [LOAD, new URL(baseUrl).port, ...keys, `${CONNECTIONS}`, `${seconds}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: (seconds + 60) * 1_000 });
  return JSON.parse(stdout) as SteadyLoadResult;
}
