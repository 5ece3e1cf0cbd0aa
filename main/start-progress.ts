import type { StartProgress } from '../core/threads/exchange-threads.ts';
import type { KlinesProgress } from './exchange-klines.ts';
import type { HistoryProgress } from './history-catch-up.ts';

/** Everything that the folder held is recovered: where the replay began and how much it was. */
export interface RecoveryDone {
  readonly type: 'recovery-done';
  readonly fromCommandSequence: number; // of the snapshot; 0 for the beginning
  readonly lastCommandSequence: number;
}

export type ExchangeProgress = StartProgress | HistoryProgress | KlinesProgress | RecoveryDone;

const PAUSE_MS = 1_000;

/**
 * Prints how far a start has come: at most a line a second, every snapshot that could not be used, and at the end what
 * was recovered. A first start, which has nothing to recover, is silent, and a refused one says why and nothing else.
 */
export function startProgress(print: (line: string) => void): (progress: ExchangeProgress) => void {
  let printedMs = performance.now();
  let begin = 'the beginning';
  return (progress) => {
    switch (progress.type) {
      case 'restored':
        if (progress.snapshot !== null) begin = `the snapshot at command ${progress.snapshot.commandSequence}`;
        for (const { path, reason } of progress.refusedSnapshots) print(`passing over the snapshot ${path}: ${reason}`);
        break;
      case 'recovery-done': {
        const commands = progress.lastCommandSequence - progress.fromCommandSequence;
        if (progress.lastCommandSequence > 0) print(`recovered: ${commands} commands replayed from ${begin}`);
        break;
      }
      default:
        if (performance.now() - printedMs < PAUSE_MS) return;
        printedMs = performance.now();
        print(describeStep(progress, begin));
    }
  };
}

function describeStep(
  progress: Exclude<ExchangeProgress, { type: 'restored' | 'recovery-done' }>,
  begin: string,
): string {
  switch (progress.type) {
    case 'recovery-progress':
      return `checking the logs: ${Math.floor(progress.scannedBytes / 2 ** 20)} MiB …`;
    case 'replay-progress':
      return `replaying from ${begin}: command ${progress.commandSequence} of ${progress.ofCommandSequence} …`;
    case 'history-progress':
      return `bringing history.sqlite up to date: event ${progress.eventSequence} of ${progress.ofEventSequence} …`;
    case 'klines-progress':
      return `bringing klines.sqlite up to date: event ${progress.eventSequence} of ${progress.ofEventSequence} …`;
  }
}
