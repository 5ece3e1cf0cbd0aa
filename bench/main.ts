import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BENCHES } from './benches.ts';
import { describeMachine } from './support/machine.ts';
import { terminalText } from './support/report-text.ts';
import { ResultsFile } from './support/results-file.ts';

const HELP = `Usage: npm run bench -- [options] [NAME …]

How fast, each figure beside its own limit on this machine in the same run. All benchmarks, or the named ones:

${BENCHES.map(({ name, about, size }) => `  ${name.padEnd(9)} ${about}\n${' '.repeat(12)}full: ${size}`).join('\n')}

Options:
  --seed N    of the random commands (default 1)
  --size N    instead of the benchmark's own: commands, events or seconds, as its first size above says; with one NAME
  --short     seconds each, to see that everything runs: its figures mean little
  --report    also write bench/RESULTS.md and bench/pictures/: the sections of what was run
  --help      this text
`;

/** The command line says something that can't be done. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

const options = {
  seed: { type: 'string', default: '1' },
  size: { type: 'string' },
  short: { type: 'boolean', default: false },
  report: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

try {
  await main();
} catch (error) {
  console.error(
    error instanceof UsageError || isOptionError(error) ? `${error.message}\nSee npm run bench -- --help.` : error,
  );
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const names = BENCHES.map(({ name }) => name);
  for (const name of positionals)
    if (!names.includes(name)) throw new UsageError(`There is no benchmark ${name}; there are ${names.join(', ')}.`);
  const seed = positive('seed', values.seed)!;
  const size = positive('size', values.size);
  if (size !== undefined && positionals.length !== 1)
    throw new UsageError('--size goes with the name of one benchmark.');
  const machine = describeMachine(seed);
  const results = new ResultsFile(fileURLToPath(new URL('.', import.meta.url)), names);
  console.log(machine);
  for (const bench of BENCHES) {
    if (positionals.length > 0 && !positionals.includes(bench.name)) continue;
    const startedMs = performance.now();
    const elapsed = (): string => `${((performance.now() - startedMs) / 1_000).toFixed(0)} s`;
    const progress = (step: string): void => console.log(`[${bench.name}, ${elapsed()}] ${step} …`);
    progress(bench.about);
    const report = await bench.run({ seed, isShort: values.short, size, progress });
    console.log(`${terminalText(report)}\n  took ${elapsed()}\n`);
    const command = ['npm run bench --', bench.name, ...givenOptions(values)].join(' ');
    if (values.report) results.write(bench.name, report, machine, command);
  }
}

function givenOptions(values: { seed: string; size?: string | undefined; short: boolean }): string[] {
  return [
    `--seed ${values.seed}`,
    ...(values.size === undefined ? [] : [`--size ${values.size}`]),
    ...(values.short ? ['--short'] : []),
  ];
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value >= 1)) throw new UsageError(`--${name} ${text} is not a number from 1.`);
  return value;
}

function isOptionError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
