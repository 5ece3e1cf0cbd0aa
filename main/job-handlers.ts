import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { JobContext, JobHandler, JsonValue } from '../core/ports/jobs.ts';
import type { KlineJobReport, KlineJobs } from '../core/ports/klines.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const END_WITH_PARENT = new URL('./end-with-parent.ts', import.meta.url).href;
/** As nice(1): what proves must not slow down what it proves. */
const LOW_PRIORITY = 10;
const MOST_OUTPUT_BYTES = 16 * 2 ** 20;

/** What keeps candles and market info current. */
export function klineJobHandlers(jobs: KlineJobs): JobHandler[] {
  const handler = (name: string, about: string, run: (signal: AbortSignal) => Promise<KlineJobReport>): JobHandler => ({
    name,
    about,
    run: async ({ signal }) => ({ ...(await run(signal)) }),
  });
  return [
    handler('klines.refresh-1m', 'proves and finishes the 1m candles of minutes that have ended', (signal) =>
      jobs.refresh1m(signal),
    ),
    handler('klines.refresh-market-info', 'moves the 24 hours of the market info on', (signal) =>
      jobs.marketInfo(signal),
    ),
    handler('klines.refresh-other-sizes', 'proves the larger candles of the present as sums of 1m', (signal) =>
      jobs.refreshOtherSizes(signal),
    ),
    handler('klines.check-1m-history', 'makes missing 1m candles of the last day, an hour at a time', (signal) =>
      jobs.check1mHistory(signal),
    ),
    handler('klines.check-base-history', 'makes missing candles of all sizes, a day at a time', (signal) =>
      jobs.checkBaseHistory(signal),
    ),
  ];
}

/** @param finish one round over all transfers that only the ledger is waited for */
export function transferJobHandlers(
  finish: () => Promise<{ readonly finished: number; readonly left: number }>,
): JobHandler[] {
  return [
    {
      name: 'transfers.finish-stuck',
      about: 'finishes deposits and withdrawals that were left half-way',
      async run() {
        const { finished, left } = await finish();
        if (left > 0) throw new Error(`${left} transfers still wait for the ledger: deposits list --stuck shows them`);
        return { finished };
      },
    },
  ];
}

/** What proves the data folder, in processes of their own: it reads everything, and nothing may wait for it. */
export function proofJobHandlers(dataFolder: string): JobHandler[] {
  return [
    {
      name: 'audit.run',
      about: 'proves that nothing was lost, doubled or made up, as ringbook audit does',
      run: (context) => prove(['audit', '--running', '--data-dir', dataFolder], context),
    },
    {
      name: 'journal.verify',
      about: 'reads every byte of journal, event log and snapshots, as ringbook journal verify does',
      run: (context) => prove(['journal', 'verify', '--data-dir', dataFolder], context),
    },
  ];
}

/** @returns what a proof says of itself; rejects with what it found when it does not hold */
async function prove(words: readonly string[], { signal }: JobContext): Promise<JsonValue> {
  const child = spawn(process.execPath, ['--import', END_WITH_PARENT, MAIN, ...words, '--json'], { signal });
  lowerPriority(child.pid);
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (output.length < MOST_OUTPUT_BYTES) output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-1_000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`${words[0]} does not hold: ${findingsOf(output) || errors.trim()}`);
  return 'it holds';
}

function findingsOf(output: string): string {
  try {
    const report = JSON.parse(output) as { statements?: readonly { findings: readonly string[] }[]; damage?: unknown };
    const findings = report.statements?.flatMap(({ findings }) => findings) ?? [];
    return findings.length > 0
      ? findings.slice(0, 5).join('; ')
      : JSON.stringify(report.damage ?? report).slice(0, 500);
  } catch {
    return '';
  }
}

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, LOW_PRIORITY);
  } catch {
    // A system that does not allow it runs it as it is.
  }
}
