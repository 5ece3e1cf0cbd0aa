import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ledger } from '../core/ports/ledger.ts';
import { EmbeddedLedger } from '../workers/ledger/embedded-ledger.ts';
import { LEDGER_SCRIPTS } from '../workers/ledger/redis/ledger-scripts.ts';
import { ExchangeDatabase } from '../workers/storage/exchange-database.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { BenchRedis } from './support/bench-redis.ts';
import { ACCOUNTS, BATCH, fund, holdAll, LANES_OF, PARTITIONS, settleAll } from './support/ledger-work.ts';
import { pairedTable } from './support/paired-table.ts';
import { type PairedResult, perSecond, type Run, runPairs } from './support/pairs.ts';

const OPERATIONS = { full: 40_000, short: 2_000 } as const;
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
      if (appendfsync === 'everysec') memory = await measureMemory(redis, operations, seed);
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
      { columns: ['memory of Redis', 'bytes'], rows: memory },
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
    () => withEmbedded((ledger) => timed(operations, () => KINDS[kind].work(ledger, operations, seed))),
  );
  const figures = [perSecond(bPerSecond), perSecond(aPerSecond), medianRatio.toFixed(3), `×${noiseRatio.toFixed(2)}`];
  return [`${kind}, appendfsync ${appendfsync}`, ...figures];
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
    const ledger = await EmbeddedLedger.open(exchange);
    await fund(ledger);
    return await use(ledger);
  } finally {
    await exchange.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Entries are trimmed once archived, so they are taken off. */
async function measureMemory(redis: BenchRedis, holds: number, seed: number): Promise<string[][]> {
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
  return [
    ['an account with two assets, their deposits and a hold of each', ((funded - empty) / ACCOUNTS).toFixed(0)],
    ['an open hold more', ((held - funded) / holds).toFixed(0)],
  ];
}

async function timed(operations: number, act: () => Promise<void>): Promise<Run> {
  const startMs = performance.now();
  await act();
  return { seconds: (performance.now() - startMs) / 1_000, operations };
}
