import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Ledger } from '../core/ports/ledger.ts';
import { EmbeddedLedger } from '../workers/ledger/embedded-ledger.ts';
import { LEDGER_SCRIPTS } from '../workers/ledger/redis/ledger-scripts.ts';
import { ExchangeDatabase } from '../workers/storage/exchange-database.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { BenchRedis } from './support/bench-redis.ts';
import { garbageCollector } from './support/garbage.ts';
import { ACCOUNTS, BATCH, fund, holdAll, LANES_OF, PARTITIONS, settleAll } from './support/ledger-work.ts';
import { pairedTable } from './support/paired-table.ts';
import { type PairedResult, perSecond, type Run, runPairs } from './support/pairs.ts';

const OPERATIONS = { full: 40_000, short: 500 } as const;
/** More would have more than 2^63 - 1 units together. */
const MOST_ACCOUNTS = 8_000;
const PAIRS = { full: 5, short: 1 } as const;

/** What is measured: holds, or fills that are settled. */
const KINDS = {
  holds: { script: LEDGER_SCRIPTS.holdFunds, work: holdAll },
  fills: { script: LEDGER_SCRIPTS.settleLegs, work: settleAll },
} as const;
type Kind = keyof typeof KINDS;

export const ledgerBench: Bench = {
  name: 'ledger',
  about: 'holds and settled fills through the Redis ledger, beside the same script calls sent bare; embedded; memory',
  size: `${OPERATIONS.full.toLocaleString('en')} holds and fills, 5 pairs, appendfsync everysec and always: 4 min`,
  run: measure,
};

async function measure({ seed, isShort, size, progress }: BenchSettings): Promise<Report> {
  const form = isShort ? 'short' : 'full';
  const operations = size ?? OPERATIONS[form];
  const lines: { name: string; limit: string; result: PairedResult }[] = [];
  const sides: string[][] = [];
  let digests = '';
  let memory: string[][] = [];
  for (const appendfsync of ['everysec', 'always'] as const) {
    const redis = await BenchRedis.start(appendfsync);
    try {
      for (const kind of Object.keys(KINDS) as Kind[]) {
        progress(`${kind} on Redis, appendfsync ${appendfsync}`);
        const { result, digest } = await measureOnRedis(redis, kind, operations, seed, PAIRS[form]);
        digests += `${digests === '' ? '' : ', '}${digest}`;
        lines.push({ name: `${kind}, appendfsync ${appendfsync}`, limit: 'the same calls sent bare', result });
        progress(`${kind} embedded, beside Redis`);
        sides.push(await measureEmbedded(redis, kind, operations, seed, PAIRS[form], appendfsync));
      }
      if (appendfsync !== 'everysec') continue;
      progress('memory');
      const [account, hold] = await measureRedisMemory(redis, operations, seed);
      const [embeddedAccount, embeddedHold] = await measureEmbeddedMemory(operations, seed);
      const row = (name: string, ...bytes: number[]): string[] => [name, ...bytes.map((count) => count.toFixed(0))];
      memory = [
        row('an account with two assets, their deposits and a hold of each', account, embeddedAccount),
        row('an open hold more', hold, embeddedHold),
      ];
    } finally {
      await redis.close();
    }
  }
  return {
    heading: 'Ledger',
    mix: `${operations.toLocaleString('en')} holds, or fills of five legs, over ${ACCOUNTS.toLocaleString('en')} accounts; ${BATCH} a call, ${LANES_OF.holds} call of holds and ${LANES_OF.fills} of fills under way`,
    proof: `both arms leave the same balances, holds, tombstones and watermarks, and as many entries: ${digests}`,
    tables: [
      pairedTable(...lines),
      { columns: ['figure', 'embedded', 'Redis', 'embedded / Redis', 'A/A noise'], rows: sides },
      { columns: ['memory, bytes', 'Redis', 'heap of the embedded ledger'], rows: memory },
    ],
    notes: ['embedded: synchronous=FULL, one commit a batch; nothing is archived while Redis is measured'],
  };
}

async function measureOnRedis(redis: BenchRedis, kind: Kind, operations: number, seed: number, pairs: number) {
  const { script, work } = KINDS[kind];
  const ledgerArm = (): Promise<Run> => onRedis(redis, kind, operations, seed);
  const recording = await redis.fresh();
  const calls = await redis.record(script.sha, () => work(recording, operations, seed));
  recording.close();
  const digest = await redis.digest();
  const bareArm = async (): Promise<Run> => {
    (await redis.fresh()).close();
    return timed(operations, () => redis.replay(calls, LANES_OF[kind]));
  };
  await bareArm();
  const bareDigest = await redis.digest();
  if (bareDigest !== digest) throw new Error(`the arms differ: ${digest}, bare ${bareDigest}`);
  return { result: await runPairs(pairs, bareArm, ledgerArm), digest };
}

async function onRedis(redis: BenchRedis, kind: Kind, operations: number, seed: number): Promise<Run> {
  const ledger = await redis.fresh();
  try {
    return await timed(operations, () => KINDS[kind].work(ledger, operations, seed));
  } finally {
    ledger.close();
  }
}

async function measureEmbedded(
  redis: BenchRedis,
  kind: Kind,
  operations: number,
  seed: number,
  pairs: number,
  appendfsync: string,
): Promise<string[]> {
  const { aPerSecond, bPerSecond, medianRatio, noiseRatio } = await runPairs(
    pairs,
    () => onRedis(redis, kind, operations, seed),
    () =>
      withEmbedded(async (ledger) => {
        await fund(ledger);
        return timed(operations, () => KINDS[kind].work(ledger, operations, seed));
      }),
  );
  const figures = [perSecond(bPerSecond), perSecond(aPerSecond), medianRatio.toFixed(3), `×${noiseRatio.toFixed(2)}`];
  return [`${kind}, appendfsync ${appendfsync}`, ...figures];
}

/** What full collections leave in the heap: rows on disk, and what SQLite keeps of them, are not in it. */
async function measureEmbeddedMemory(holds: number, seed: number): Promise<[accountBytes: number, holdBytes: number]> {
  const collectGarbage = garbageCollector();
  const heapBytes = async (): Promise<number> => {
    for (let turn = 0; turn < 3; turn++) {
      await nextTurn(); // promises of the last commit let go of what they hold
      collectGarbage();
    }
    return process.memoryUsage().heapUsed;
  };
  return withEmbedded(async (ledger) => {
    await fund(ledger); // tables and code that the first ones make
    const accounts = Math.min(MOST_ACCOUNTS, Math.max(ACCOUNTS, holds / 5));
    const empty = await heapBytes();
    await fund(ledger, ACCOUNTS + accounts);
    const funded = await heapBytes();
    await holdAll(ledger, holds, seed);
    const held = await heapBytes();
    return [(funded - empty) / accounts, (held - funded) / holds];
  });
}

async function withEmbedded<Result>(use: (ledger: Ledger) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
  const exchange = await ExchangeDatabase.open(
    folder,
    (error) => {
      throw error;
    },
    PARTITIONS,
  );
  try {
    return await use(await EmbeddedLedger.open(exchange));
  } finally {
    await exchange.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Entries are trimmed once archived, so they are taken off. */
async function measureRedisMemory(
  redis: BenchRedis,
  holds: number,
  seed: number,
): Promise<[accountBytes: number, holdBytes: number]> {
  const trimmed = async (): Promise<number> => {
    await redis.client.xtrim('{s0}:entries', 'MAXLEN', '=', 0);
    return redis.memoryBytes();
  };
  await redis.client.flushall();
  const empty = await redis.memoryBytes();
  const ledger = await redis.fresh();
  const funded = await trimmed();
  await holdAll(ledger, holds, seed);
  const held = await trimmed();
  ledger.close();
  return [(funded - empty) / ACCOUNTS, (held - funded) / holds];
}

async function timed(operations: number, act: () => Promise<void>): Promise<Run> {
  const startMs = performance.now();
  await act();
  return { seconds: (performance.now() - startMs) / 1_000, operations };
}
