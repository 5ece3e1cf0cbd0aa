import { fileURLToPath } from 'node:url';
import type { ArmResult, ArmSettings } from './scheduler-arm.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { runJson } from './support/child-output.ts';
import { median } from './support/pairs.ts';
import { latencyNs } from './support/percentiles.ts';

const ARM = fileURLToPath(new URL('./scheduler-arm.ts', import.meta.url));
const FORMS = {
  full: { jobs: 10_000, restSeconds: 10, workSeconds: 60, pairs: 2 },
  short: { jobs: 200, restSeconds: 1, workSeconds: 2, pairs: 1 },
} as const;
const ARMS = ['node-schedule', 'scheduler'] as const;
const TIMEOUT_MS = 600_000;

/** What periodic jobs cost while nothing is due, and how late they begin. */
export const schedulerBench: Bench = {
  name: 'scheduler',
  about: 'periodic jobs, durable: processor time at rest and lateness, beside bare node-schedule in memory',
  size: `${FORMS.full.jobs.toLocaleString('en')} jobs, ${FORMS.full.pairs} pairs: 5 min`,
  run: measure,
};

async function measure({ seed, isShort, size, progress }: BenchSettings): Promise<Report> {
  const { jobs: ownJobs, restSeconds, workSeconds, pairs } = FORMS[isShort ? 'short' : 'full'];
  const jobs = size ?? ownJobs;
  const results = { scheduler: [] as ArmResult[], 'node-schedule': [] as ArmResult[] };
  for (let pair = 0; pair < pairs; pair++)
    for (const arm of pair % 2 === 0 ? ARMS : ARMS.toReversed()) {
      progress(`pair ${pair + 1} of ${pairs}: ${jobs.toLocaleString('en')} jobs by ${arm}`);
      const settings: ArmSettings = { arm, jobs, seed: seed + pair, restSeconds, workSeconds };
      const result = await runJson<ArmResult>(ARM, settings, TIMEOUT_MS);
      if (result.latenessMs.length !== jobs)
        throw new Error(`${arm} ran ${result.latenessMs.length} times, ${jobs} were due`);
      if (result.latenessMs.some((lateMs) => lateMs < -1)) throw new Error(`${arm} ran a job before its time`);
      results[arm].push(result);
    }
  const share = (value: number): string => `${(value * 100).toFixed(2)} %`;
  return {
    heading: 'Scheduler',
    mix: `${jobs.toLocaleString('en')} jobs, each due once within ${workSeconds} s at a time of its own, ${(jobs / workSeconds).toFixed(0)} a second; before that none for ${restSeconds} s`,
    proof: `every job of both arms ran once and none before its time, ${pairs} times`,
    tables: [
      {
        columns: ['jobs by', 'at rest', 'at work', 'late p50, ms', 'p99, ms', 'p99.9, ms', 'max, ms'],
        rows: ARMS.map((arm) => [
          arm === 'scheduler' ? 'the scheduler, durable' : 'node-schedule, in memory',
          share(median(results[arm].map(({ restCpu }) => restCpu))),
          share(median(results[arm].map(({ workCpu }) => workCpu))),
          ...latencyNs(Float64Array.from(results[arm].flatMap(({ latenessMs }) => latenessMs))).map((ns) =>
            (ns / 1e6).toFixed(2),
          ),
        ]),
      },
    ],
    notes: [
      'At rest and at work: share of one core, medians of the pairs; the lateness is of all runs, from the time that a ' +
        'job was due until its handler began. The durable arm commits each start before it and each end after it, synced.',
    ],
  };
}
