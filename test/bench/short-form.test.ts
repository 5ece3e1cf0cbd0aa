import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { BENCHES } from '../../bench/benches.ts';

const BENCH = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
const TIMEOUT_MS = 170_000;

const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, [BENCH, ...args], { timeout: TIMEOUT_MS - 5_000 });

/** Of each benchmark what it must have printed, beside machine, mix and proof. How fast is no test's matter. */
const FIGURES: Readonly<Record<string, readonly RegExp[]>> = {
  core: [/^ {2}core commands +[\d.]+ (M|k)?\/s +an empty loop .*×\d/m, /state hash [0-9a-f]{16} in every run/],
  peer: [
    /^ {2}W1 +3000 +3000 +[\d.]+ (M|k)?\/s +[\d.]+ +[\d.]+ (M|k)?\/s +[\d.]+ +[\d.]+ +35 +60 +×\d/m,
    /^ {2}W4 +3000 +500 .* 2000 +4000 +×\d/m,
    /W2 of both arms: [1-9]\d* trades, .* checksum [0-9a-f]{8}/,
  ],
  scale: [
    /^ {2}1,000 +[\d.]+ +1\.00 +[\d.]+ … [\d.]+$/m,
    /^ {2}10,000 +[\d.]+ +[\d.]+ +[\d.]+ … [\d.]+$/m,
    /^ {2}W1 +(\d+ +){4}-?\d+ +700$/m,
    /costs [\d.]+ times/,
  ],
  latency: [
    /^ {2}W1 +[\d.]+ (M|k)?\/s +[\d.]+ (M|k)?\/s +(\d+ +){4}\d+ … \d+$/m,
    /^ {2}W2 above the timer( +-?\d+){4}$/m,
    /^ {2}W1 in stretches( +\d+){4}$/m,
    /W2 at half load and at full speed alike: [1-9]\d* trades, .* checksum [0-9a-f]{8}/,
  ],
  books: [
    /^ {2}1 +[\d.]+ +1\.00$/m,
    /^ {2}1,000 +[\d.]+ +[\d.]+$/m,
    /1000: [1-9]\d* trades, .* state [0-9a-f]{16}/,
    /A\/A noise ×\d/,
  ],
  footprint: [
    /^ {2}W1 +1,\d+( +[\d.]+){9} +96$/m,
    /^ {2}W3 inserts +10,000 .* +96$/m,
    /W2: the arrays counted are all of/,
  ],
  records: [/^ {2}W1( +-?[\d.]+){6} +15 +×\d/m, /W2: 4096 commands .* byte by byte .* field sum \d+/],
  threads: [
    /^ {2}through ring, journal and event ring +[\d.]+ (M|k)?\/s +the same bytes .*×\d/m,
    /^ {2}through ring, journal and event ring +[\d.]+ (M|k)?\/s +the bare core .*×\d/m,
    /[\d.]+ of the smaller of half the bare core/,
  ],
  recovery: [
    /^ {2}from the whole journal +40,000 +[\d.]+ s/m,
    /^ {2}after a crash, from a snapshot +\d[\d,]* +[\d.]+ s/m,
    /^ {2}after an orderly end +0 +[\d.]+ s/m,
    /ratio [\d.]+ \(A\/A noise ×/,
  ],
  history: [/^ {2}history rows +[\d.]+ (M|k)?\/s +plain 500-row .*×\d/m, /events consumed: [\d.]+ (M|k)?\/s/],
  klines: [
    /^ {2}trades into ten sizes and market info +[\d.]+ (M|k)?\/s +the same trades .*×\d/m,
    /^ {2}all sizes made anew by klines rebuild +[\d,]+ +[\d.]+ +[\d.]+ (M|k)?\/s$/m,
    /^ {2}50 reads at random places +[\d.]+ +[\d.]+$/m,
    /candles of ten sizes are those of a rebuild/,
  ],
  ledger: [
    /^ {2}holds, appendfsync everysec +[\d.]+ (M|k)?\/s +the same calls sent bare .*×\d/m,
    /^ {2}fills, appendfsync always +[\d.]+ (M|k)?\/s +the same calls sent bare .*×\d/m,
    /^ {2}an open hold more +\d+ +\d+$/m,
  ],
  bus: [
    /^ {2}events confirmed, no bound .* +[\d.]+ (M|k)?\/s +the same messages sent bare.*×\d/m,
    /^ {2}events settled and stored +[\d.]+ (M|k)?\/s +the same messages sent bare.*×\d/m,
    /^ {2}events settled and stored +[\d.]+ (M|k)?\/s +the same consumers, .*×\d/m,
    /^ {2}settlement( +\d+\.\d){4}$/m,
    /^ {2}history( +\d+\.\d){4}$/m,
    /each run leaves [\d,]+ orders, [1-9][\d,]* trades/,
  ],
  feed: [
    /^ {2}feed messages +[\d.]+ (M|k)?\/s +uWebSockets\.js publish .*×\d/m,
    /^ {2}seconds per million messages +[\d.]+ +[\d.]+ +[\d.]+$/m,
  ],
  scheduler: [
    /^ {2}node-schedule, in memory( +[\d.]+ %){2}( +-?[\d.]+){4}$/m,
    /^ {2}the scheduler, durable( +[\d.]+ %){2}( +-?[\d.]+){4}$/m,
  ],
  memory: [/^ {2}resident +([\d.]+ +){3}-?[\d.]+$/m, /^ {2}array buffers +([\d.]+ +){3}-?[\d.]+$/m],
  split: [/^ {2}exchange +([\d.]+ +){3}-?[\d.]+ +[\d.]+$/m, /^ {2}scheduler +([\d.]+ +){3}-?[\d.]+ +[\d.]+$/m],
  rest: [
    /^ {2}signed REST orders +[\d.]+ (M|k)?\/s +uWebSockets\.js .*×\d/m,
    /^ {2}exchange +([\d.]+ +){5}\/ [\d.]+ +\d+$/m,
    /^ {2}at rest: \d+\.\d\d % of one core/m,
  ],
};

test('every benchmark has figures to look for', () => {
  expect(Object.keys(FIGURES).sort()).toEqual(BENCHES.map(({ name }) => name).sort());
});

test.each(BENCHES.map(({ name }) => name))(
  'the short form of %s runs, proves its arms and prints its figures',
  async (name) => {
    const { stdout } = await run('--short', name);
    expect(stdout).toMatch(/Node v22\.\d+\.\d+, seed 1$/m);
    expect(stdout).toMatch(/^ {2}mix: .+$/m);
    expect(stdout).toMatch(/^ {2}proof: .+$/m);
    for (const figure of FIGURES[name]!) expect(stdout).toMatch(figure);
  },
  TIMEOUT_MS,
);

test('--help lists every benchmark with its size, and what is not known is named', async () => {
  const { stdout } = await run('--help');
  for (const { name, size } of BENCHES) {
    expect(stdout).toContain(`  ${name} `);
    expect(stdout).toContain(size);
  }
  await expect(run('nonsense')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no benchmark nonsense'),
  });
  await expect(run('--sed', '1')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('--help') });
  await expect(run('--seed', 'x', 'core')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--seed x'),
  });
});
