import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const ROW = /^\| (?<feature>[^|]+) \|.*\| `(?<file>test\/[^`]+\.test\.ts)` (?<name>[^|]+) \|$/;

/** Rows of the comparison: everything below its ruler. */
const rows = readFileSync(join(ROOT, 'docs/scheduler.md'), 'utf8')
  .split('|---|---|---|---|---|\n')[1]!
  .split('\n\n')[0]!
  .split('\n');

test('the comparison has its rows, each with a proof', () => {
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) expect(row).toMatch(ROW);
});

test.each(rows.map((row) => ROW.exec(row)!.groups as { feature: string; file: string; name: string }))(
  '$feature is proved by a test that exists: $file',
  ({ file, name }) => {
    expect(existsSync(join(ROOT, file))).toBe(true);
    const text = readFileSync(join(ROOT, file), 'utf8').replaceAll("\\'", "'");
    // The whole name, or all of it before the seed and the number of rounds.
    expect(
      ["'", '"', '`', ' (SEED', ', ${'].map((end) => `${name}${end}`).filter((start) => text.includes(start)),
    ).not.toEqual([]);
  },
);
