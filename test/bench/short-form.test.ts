import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const BENCH = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

/** That every benchmark runs, proves its arms equal and prints its figure beside its limit. How fast is no test's matter. */
test('the short form of every benchmark runs and prints each figure beside its limit', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [BENCH, '--short'], { timeout: 55_000 });
  for (const name of ['core commands', 'through ring, journal and event ring', 'signed REST orders'])
    expect(stdout).toMatch(new RegExp(`^${name}: [\\d.]+ (M|k)?/s`, 'm'));
  expect(stdout.match(/limit: .* ratio [\d.]+/g)).toHaveLength(3);
  expect(stdout).toMatch(/^at rest: \d+\.\d\d % of one core/m);
  expect(stdout).toMatch(/Node v22\.\d+\.\d+, seed 1/);
});
