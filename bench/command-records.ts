import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { startStrippedWorker } from '../core/threads/stripped-worker.ts';
import type { Workload } from './peer/workload-recorder.ts';
import { cryptoMix, exchangeCoreMix } from './peer/workloads.ts';
import type { Bench } from './support/bench.ts';
import { barChart } from './support/chart.ts';
import { describeMachine } from './support/machine.ts';
import type { RecordsThreadData, RecordTimes } from './support/record-times.ts';

const ENTRY = new URL('./support/records-thread.ts', import.meta.url);
const LIMIT_NS = 15;
const COMMANDS = 2 ** 12;
const TURNS = { full: 4, short: 4 } as const;
const ROUNDS = { full: 999, short: 9 } as const;

/** What was measured of a workload: in a thread as the engine's, and in one that strips its types itself. */
interface WorkloadTimes {
  readonly workload: Workload;
  readonly times: RecordTimes;
  readonly checkedEncodeNs: number;
}

export const recordsBench: Bench = {
  name: 'records',
  about: 'encoding a command into its record and decoding it as the engine does, beside an empty loop',
  size: `${COMMANDS} commands of W1 and of W2, ${TURNS.full} times over, 999 rounds: 5 s`,
  async run({ seed, isShort, size, progress }) {
    const form = isShort ? 'short' : 'full';
    const turns = size === undefined ? TURNS[form] : Math.ceil(size / COMMANDS);
    const results: WorkloadTimes[] = [];
    for (const workload of [
      exchangeCoreMix(seed, COMMANDS),
      cryptoMix('W2', seed, { resting: 5_000, levels: 5_000, measured: COMMANDS }),
    ]) {
      progress(`${workload.name}: ${workload.mix}`);
      const { window, setupCount, count } = workload;
      const records = window.u8.buffer as SharedArrayBuffer;
      const workerData = { records, setupCount, count, turns, rounds: ROUNDS[form] } satisfies RecordsThreadData;
      const times = await timesIn(startStrippedWorker(ENTRY, { workerData }));
      const { encodeNs: checkedEncodeNs } = await timesIn(new Worker(ENTRY, { workerData }));
      results.push({ workload, times, checkedEncodeNs });
    }
    return {
      heading: 'Encoding and decoding command records',
      mix: results.map(({ workload }) => `${workload.name}: ${workload.mix}`).join('. '),
      proof: results
        .map(
          ({ workload, times: { commands, fieldSum } }) =>
            `${workload.name}: ${commands} commands decoded and encoded again, byte by byte as they were recorded, field sum ${fieldSum}`,
        )
        .join('. '),
      tables: [
        {
          columns: [
            'ns per command',
            'empty loop',
            'encode',
            'encode, arrays checked',
            'decode',
            'both',
            'both above the empty loop',
            'limit',
            'A/A noise',
          ],
          rows: results.map(({ workload, times, checkedEncodeNs }) => {
            const { emptyNs, encodeNs, decodeNs, bothNs, aboveEmptyNs, noise } = times;
            return [
              workload.name,
              ...[emptyNs, encodeNs, checkedEncodeNs, decodeNs, bothNs, aboveEmptyNs].map((ns) => ns.toFixed(1)),
              `${LIMIT_NS}`,
              `×${noise.toFixed(2)}`,
            ];
          }),
        },
      ],
      notes: [
        'The empty loop walks the same commands and reads the sequence of each. All in a thread as the engine’s, alone there; beside it the encoding in a thread as the gateway’s, where V8 asks at each access whether the buffer is still there.',
      ],
      pictures: [
        {
          name: 'records',
          about: 'nanoseconds to encode and decode a command record, beside the limit',
          svg: barChart({
            title: 'Encoding and decoding a command record',
            subtitle: describeMachine(seed),
            groups: results.map(({ workload }) => workload.name),
            y: { label: 'ns per command' },
            series: [
              { name: 'empty loop', values: results.map(({ times }) => times.emptyNs) },
              { name: 'encode', values: results.map(({ times }) => times.encodeNs) },
              { name: 'decode', values: results.map(({ times }) => times.decodeNs) },
              { name: 'both', values: results.map(({ times }) => times.bothNs) },
            ],
            references: [{ value: LIMIT_NS, label: `both: at most ${LIMIT_NS}` }],
          }),
        },
      ],
    };
  },
};

/** @returns what a thread measured that does nothing else */
async function timesIn(worker: Worker): Promise<RecordTimes> {
  try {
    const [times] = (await once(worker, 'message')) as [RecordTimes];
    return times;
  } finally {
    await worker.terminate();
  }
}
