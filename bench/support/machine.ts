import { cpus } from 'node:os';

/** One line that stands above every result: without it a figure means nothing. */
export function describeMachine(seed: number): string {
  const processors = cpus();
  return `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown CPU'}, Node ${process.version}, seed ${seed}`;
}
