import { parseArgs } from 'node:util';
import { benchCoreCommands } from './core-commands.ts';
import { benchRestOrders } from './rest-orders.ts';
import { describeMachine } from './support/machine.ts';
import { type PairedResult, perSecond } from './support/pairs.ts';
import { benchThroughThreads } from './through-threads.ts';

const HELP = `Usage: npm run bench -- [options]

How fast, each figure beside its own limit on this machine in the same run.

Options:
  --seed N      of the command mix (default 1)
  --short       a few seconds in all, to see that everything runs: its figures mean little
  --only NAME   core, threads or rest
  --help        this text
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(HELP);
} else {
  await run(Number(values.seed), values.short, values.only);
}

async function run(seed: number, isShort: boolean, only: string | undefined): Promise<void> {
  const commands = isShort ? 50_000 : 1_000_000;
  const pairs = isShort ? 1 : 5;
  const wants = (name: string): boolean => only === undefined || only === name;
  console.log(describeMachine(seed));

  if (wants('core') || wants('threads')) {
    console.log('recording the commands …');
    const core = await benchCoreCommands(seed, commands, pairs);
    console.log(`mix: ${core.mix.name}; ${commands} commands; state hash ${core.stateHash} in every run`);
    if (wants('core')) print('core commands', core.result, 'an empty loop over the same records');
    if (wants('threads')) {
      console.log('through the threads …');
      const threads = await benchThroughThreads(core.mix, pairs);
      print('through ring, journal and event ring', threads, 'the same bytes synced in sequence, 256 KiB a time');
    }
  }
  if (wants('rest')) {
    console.log('signed orders over REST …');
    const rest = await benchRestOrders(isShort ? 1 : 5, isShort ? 1 : 3);
    const { exchange, bare } = rest;
    console.log(
      `signed REST orders: ${perSecond(exchange.answers / exchange.seconds)} (64 connections, one process)\n` +
        `  latency p50 ${exchange.p50Ms.toFixed(2)} ms, p99 ${exchange.p99Ms.toFixed(2)} ms, p99.9 ${exchange.p999Ms.toFixed(2)} ms\n` +
        `  limit: uWebSockets.js answering a constant, ${perSecond(bare.answers / bare.seconds)}; ratio ${rest.medianRatio.toFixed(3)}\n` +
        `at rest: ${(rest.restCpuShare * 100).toFixed(2)} % of one core over 5 s`,
    );
  }
}

function print(name: string, result: PairedResult, limit: string): void {
  console.log(
    `${name}: ${perSecond(result.bPerSecond)}\n` +
      `  limit: ${limit}, ${perSecond(result.aPerSecond)}; ratio ${result.medianRatio.toFixed(3)} (noise ×${result.noiseRatio.toFixed(2)})`,
  );
}
