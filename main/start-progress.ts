import type { StartProgress } from '../core/threads/exchange-threads.ts';
import type { RefusedSnapshot } from '../core/threads/thread-messages.ts';
import type { HistoryProgress } from './history-catch-up.ts';

/** The replay is over: where it began and how much it was. */
export interface ReplayDone {
  readonly type: 'replay-done';
  readonly fromCommandSequence: number; // of the snapshot; 0 for the beginning
  readonly lastCommandSequence: number;
}

export type ExchangeProgress = StartProgress | HistoryProgress | ReplayDone;

const PAUSE_MS = 1_000;

/**
 * Prints how far a start has come: the beginning and the end of a replay, and in between at most a line a second. A
 * first start, which has nothing to recover, is silent.
 */
export function startProgress(print: (line: string) => void): (progress: ExchangeProgress) => void {
  let printedMs = performance.now();
  const printNow = (line: string): void => {
    printedMs = performance.now();
    print(line);
  };
  return (progress) => {
    if (progress.type === 'restored') {
      for (const refused of progress.refusedSnapshots) printNow(describeRefusal(refused));
      if (progress.snapshot !== null)
        printNow(
          `starting from the snapshot at command ${progress.snapshot.commandSequence}, ` +
            `with ${progress.snapshot.restingOrders} resting orders`,
        );
    } else if (progress.type === 'replay-done') {
      if (progress.lastCommandSequence > 0) printNow(describeReplay(progress));
    } else if (performance.now() - printedMs >= PAUSE_MS) {
      printNow(describeStep(progress));
    }
  };
}

function describeStep(progress: Exclude<ExchangeProgress, { type: 'restored' | 'replay-done' }>): string {
  switch (progress.type) {
    case 'recovery-progress':
      return `checking the logs: ${Math.floor(progress.scannedBytes / 2 ** 20)} MiB …`;
    case 'replay-progress':
      return `replaying: command ${progress.commandSequence} of ${progress.ofCommandSequence} …`;
    case 'history-progress':
      return `bringing history.sqlite up to date: event ${progress.eventSequence} of ${progress.ofEventSequence} …`;
  }
}

function describeRefusal({ path, reason }: RefusedSnapshot): string {
  return `passing over the snapshot ${path}: ${reason}`;
}

function describeReplay({ fromCommandSequence, lastCommandSequence }: ReplayDone): string {
  const from = fromCommandSequence === 0 ? 'the beginning' : `the snapshot at ${fromCommandSequence}`;
  return `replayed ${lastCommandSequence - fromCommandSequence} commands from ${from}`;
}
