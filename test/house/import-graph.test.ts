import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { houseBreaches, importsOf } from './import-graph.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDERS = ['core', 'gateway', 'workers', 'scheduler', 'main', 'bench', 'test'];

function filesOfTheTree(): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(ROOT, { withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.ts')) files.set(entry.name, read(join(ROOT, entry.name)));
    if (!entry.isDirectory() || !FOLDERS.includes(entry.name)) continue;
    for (const inner of readdirSync(join(ROOT, entry.name), { withFileTypes: true, recursive: true })) {
      const path = join(inner.parentPath, inner.name);
      if (inner.isFile() && inner.name.endsWith('.ts'))
        files.set(relative(ROOT, path).replaceAll('\\', '/'), read(path));
    }
  }
  return files;
}

function read(path: string): string {
  return readFileSync(path, 'utf8');
}

describe('the tree', () => {
  const files = filesOfTheTree();

  test('is seen: its files and their imports are found', () => {
    expect([...files.keys()]).toEqual(
      expect.arrayContaining(['core/assert.ts', 'core/engine/engine.ts', 'vitest.config.ts']),
    );
    const targets = importsOf('core/engine/engine.ts', files.get('core/engine/engine.ts')!).map(({ target }) => target);
    expect(targets).toEqual(expect.arrayContaining(['core/assert.ts', 'core/book/order-book.ts']));
  });

  test('is built as the house plan says', () => {
    expect(houseBreaches(files)).toEqual([]);
  });
});

describe('every kind of import is found', () => {
  test.each<[text: string, specifier: string, target: string | null]>([
    ["import { a } from './a.ts';", './a.ts', 'core/engine/a.ts'],
    ["import type { A } from '../book/a.ts';", '../book/a.ts', 'core/book/a.ts'],
    ['import a from "./a.ts";', './a.ts', 'core/engine/a.ts'],
    ["import {\n  a,\n  type B,\n} from './a.ts';", './a.ts', 'core/engine/a.ts'],
    ["import * as fs from 'node:fs';", 'node:fs', null],
    ["import './a.ts';", './a.ts', 'core/engine/a.ts'],
    ["export { a } from './a.ts';", './a.ts', 'core/engine/a.ts'],
    ["export * from '../../gateway/a.ts';", '../../gateway/a.ts', 'gateway/a.ts'],
    ["const a = await import('./a.ts');", './a.ts', 'core/engine/a.ts'],
    ["type A = import('pino').Logger;", 'pino', null],
    ["const fs = require('node:fs');", 'node:fs', null],
    ["new Worker(new URL('./a.ts', import.meta.url));", './a.ts', 'core/engine/a.ts'],
    ["new Worker(new URL('a.ts', import.meta.url));", 'a.ts', 'core/engine/a.ts'],
  ])('%j', (text, specifier, target) => {
    expect(importsOf('core/engine/engine.ts', text)).toMatchObject([{ specifier, target }]);
  });
});

describe('a made-up tree that breaks one rule is reported with file and import', () => {
  test.each<[file: string, text: string, breach: string]>([
    ['core/book/a.ts', "import { z } from 'zod';", 'no package'],
    ['core/journal/a.ts', "import { z } from 'zod';", 'no package'],
    ['core/journal/a.ts', "import fs from 'fs';", 'no package'],
    ['core/threads/a.ts', "import { g } from '../../gateway/g.ts';", 'outside core'],
    ['core/threads/a.ts', "new Worker(new URL('../../workers/w.ts', import.meta.url));", 'outside core'],
    ['core/threads/a.ts', "import { g } from '../../main.ts';", 'outside core'],
    ['core/book/a.ts', "import { ok } from 'node:assert';", 'pure'],
    ['core/engine/a.ts', "import { ok } from 'node:assert';", 'pure'],
    ['core/money/a.ts', "import { ok } from 'node:assert';", 'pure'],
    ['core/protocol/a.ts', "import { ok } from 'node:assert';", 'pure'],
    ['core/threads/a.ts', "import { openSync } from 'node:fs';", 'core/journal'],
    ['core/threads/a.ts', "const fs = await import('node:fs/promises');", 'core/journal'],
    ['core/ports/clock.ts', "import { openSync } from 'node:fs';", 'core/journal'],
    ['core/journal/a.ts', "import { Worker } from 'node:worker_threads';", 'core/threads'],
    ['gateway/a.ts', "import { w } from '../workers/w.ts';", 'gateway and workers'],
    ['gateway/rest/a.ts', "import type { W } from '../../scheduler/w.ts';", 'gateway and scheduler'],
    ['workers/a/b.ts', "export * from '../../gateway/g.ts';", 'workers and gateway'],
    ['workers/a.ts', "import('../scheduler/s.ts')", 'workers and scheduler'],
    ['scheduler/a.ts', "import { w } from '../workers/w.ts';", 'scheduler and workers'],
    ['scheduler/a.ts', "import { g } from '../gateway/g.ts';", 'scheduler and gateway'],
    ['gateway/a.ts', "import { m } from '../main.ts';", 'knows main'],
    ['workers/a.ts', "import { m } from '../main/cli.ts';", 'knows main'],
    ['scheduler/a.ts', "import { m } from '../main.ts';", 'knows main'],
    ['gateway/a.ts', "import { t } from '../test/support/t.ts';", 'no test'],
    ['main.ts', "import { t } from './bench/t.ts';", 'no bench'],
    ['core/book/OrderBook.ts', '', 'kebab-case'],
    ['core/book/order_book.ts', '', 'kebab-case'],
    ['core/orderBook/book.ts', '', 'kebab-case'],
    ['test/core/Book.test.ts', '', 'kebab-case'],
  ])('%s: %s', (file, text, breach) => {
    const breaches = houseBreaches(new Map([[file, text]]));
    expect(breaches).toHaveLength(1);
    expect(breaches[0]).toContain(file);
    expect(breaches[0]).toContain(breach);
    expect(breaches[0]).toContain(importsOf(file, text)[0]?.specifier ?? file);
  });

  test('a cycle in core, over any number of files, by types too', () => {
    const files = new Map([
      ['core/a.ts', "import { b } from './book/b.ts';"],
      ['core/book/b.ts', "import type { C } from '../c.ts';"],
      ['core/c.ts', "import { d } from './d.ts';\nimport { a } from './a.ts';"],
      ['core/d.ts', ''],
    ]);
    expect(houseBreaches(files)).toEqual(['import cycle: core/a.ts -> core/book/b.ts -> core/c.ts -> core/a.ts']);
  });

  test('a file that imports itself is a cycle', () => {
    expect(houseBreaches(new Map([['core/a.ts', "import { a } from './a.ts';"]]))).toHaveLength(1);
  });
});

test('a made-up tree that keeps every rule is not reported', () => {
  const files = new Map([
    [
      'main.ts',
      "import { g } from './gateway/g.ts';\nimport { w } from './workers/w.ts';\nimport { c } from './main/cli.ts';",
    ],
    ['main/cli.ts', "import { Command } from 'commander';\nimport { e } from '../core/engine/e.ts';"],
    ['gateway/g.ts', "import { App } from 'uWebSockets.js';\nimport type { P } from '../core/ports/clock.ts';"],
    ['workers/w.ts', "import fs from 'node:fs';\nimport { e } from '../core/engine/e.ts';"],
    ['core/ports/clock.ts', "import type { E } from '../engine/e.ts';"],
    ['core/engine/e.ts', "import { b } from '../book/b.ts';"],
    ['core/book/b.ts', ''],
    ['core/journal/j.ts', "import { openSync } from 'node:fs';\nimport { crc32 } from 'node:zlib';"],
    ['core/threads/t.ts', "import { Worker } from 'node:worker_threads';\nimport { j } from '../journal/j.ts';"],
    ['core/threads/u.ts', "new Worker(new URL('./t.ts', import.meta.url));"],
    ['bench/core-bench.ts', "import { e } from '../core/engine/e.ts';\nimport { t } from '../test/support/t.ts';"],
    ['test/support/t.ts', "import { g } from '../../gateway/g.ts';\nimport { m } from '../../main.ts';"],
    ['test/core/engine/engine-agrees.test.ts', ''],
  ]);
  expect(houseBreaches(files)).toEqual([]);
});
