import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStrippedWorker } from '../../../core/threads/stripped-worker.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-stripped-'));
  writeFileSync(
    join(folder, 'double.ts'),
    'export interface Unit {\n  readonly lots: number;\n}\nexport const double = ({ lots }: Unit): number => 2 * lots;\n',
  );
  writeFileSync(
    join(folder, 'entry.ts'),
    `import { parentPort, workerData } from 'node:worker_threads';
import { double, type Unit } from './double.ts';
const unit: Unit = workerData as Unit;
if (unit.lots < 0) throw new Error(\`lots=\${unit.lots}\`);
const hasStripped: boolean = process.moduleLoadList.some((name: string) => name.includes('amaro'));
parentPort!.postMessage({ doubled: double(unit), hasStripped });
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = (lots: number) =>
  startStrippedWorker(pathToFileURL(join(folder, 'entry.ts')), { workerData: { lots }, name: 'stripped' });

test('a thread runs its file and what that imports, and has stripped nothing itself', async () => {
  const [answer] = await once(start(21), 'message');
  expect(answer).toEqual({ doubled: 42, hasStripped: false });
});

test('what it throws tells file, line and column as they are in TypeScript', async () => {
  const [error] = (await once(start(-1), 'error')) as [Error];
  expect(error.message).toBe('lots=-1');
  expect(error.stack).toMatch(/entry\.ts:4:26/);
});

test('a program that starts one tells no warning', async () => {
  const starter = new URL('../../../core/threads/stripped-worker.ts', import.meta.url);
  writeFileSync(
    join(folder, 'program.ts'),
    `import { startStrippedWorker } from ${JSON.stringify(starter.href)};
startStrippedWorker(new URL('./entry.ts', import.meta.url), { workerData: { lots: 1 } }).on('message', console.log);
`,
  );
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(folder, 'program.ts')]);
  expect(stdout).toMatch(/doubled: 2/);
  expect(stderr).toBe('');
});
