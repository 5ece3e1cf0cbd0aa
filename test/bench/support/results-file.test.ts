import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Report } from '../../../bench/support/bench.ts';
import { ResultsFile } from '../../../bench/support/results-file.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-results-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function report(figure: string): Report {
  return {
    heading: `Heading ${figure}`,
    mix: 'half and half',
    proof: 'equal',
    tables: [{ columns: ['figure', 'rate'], rows: [['x', figure]] }],
    pictures: [{ name: `picture-${figure}`, about: 'a picture', svg: '<svg/>' }],
  };
}

test('a section is replaced by the next report of its benchmark, the others stay, in the order of the benchmarks', () => {
  const read = (): string => readFileSync(join(folder, 'RESULTS.md'), 'utf8');
  const results = new ResultsFile(folder, ['first', 'second']);
  results.write('second', report('2'), '2 × CPU, Node v22, seed 1', 'npm run bench -- second');
  results.write('first', report('1'), '2 × CPU, Node v22, seed 1', 'npm run bench -- first');
  expect(read().indexOf('Heading 1')).toBeLessThan(read().indexOf('Heading 2'));
  results.write('second', report('3'), '2 × CPU, Node v22, seed 7', 'npm run bench -- second');
  expect(read()).not.toContain('Heading 2');
  for (const content of ['Heading 1', '| x | 3 |', 'seed 7', '`npm run bench -- second`', '(pictures/picture-3.svg)'])
    expect(read()).toContain(content);
  const before = read();
  results.write('second', report('3'), '2 × CPU, Node v22, seed 7', 'npm run bench -- second');
  expect(read()).toBe(before);
  expect(readFileSync(join(folder, 'pictures/picture-3.svg'), 'utf8')).toBe('<svg/>');
});
