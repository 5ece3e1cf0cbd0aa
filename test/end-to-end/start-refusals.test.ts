import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { signedPost } from '../support/signed-client.ts';

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-refusal-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Ending {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string; // without what a start tells of its progress
}

/** Runs a command that must end by itself. */
function run(argumentsOfMain: readonly string[], environment: Record<string, string> = {}): Promise<Ending> {
  const env = {
    PATH: process.env.PATH ?? '',
    RINGBOOK_DATA_DIR: folder,
    RINGBOOK_PORT: '0',
    RINGBOOK_ADMIN_PORT: '0',
    RINGBOOK_JOURNAL_SEGMENT_MIB: '1',
    ...environment,
  };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...argumentsOfMain],
      { env, timeout: 20_000 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, output: stdout + stderr, errors: stderr }),
    );
  });
}

/** One sentence for a person: no stack, no second line. */
function expectOneSentence(ending: Ending, pattern: RegExp): void {
  expect(ending.code).toBe(1);
  expect(ending.errors.trim()).toMatch(pattern);
  expect(ending.errors.trim().split('\n')).toHaveLength(1);
}

test('a port that another program has', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  try {
    const ending = await run(['start'], { RINGBOOK_PORT: `${port}` });
    expectOneSentence(ending, new RegExp(`can't listen on 127.0.0.1:${port}: .*choose another port`));
  } finally {
    other.close();
  }
});

test('a data folder that another exchange has, and that is free the moment it is killed', async () => {
  const first = await ExchangeProcess.start(folder);
  try {
    expectOneSentence(await run(['start']), new RegExp(`is in use by process ${first.pid} .*RINGBOOK_DATA_DIR`));
  } finally {
    await first.kill();
  }
  const second = await ExchangeProcess.start(folder);
  expect(await second.stop()).toBe(0);
});

test('a disk that is full, whichever file meets it first', () => {
  // A mount of its own, in a namespace of its own: needs root, or user namespaces.
  const isRoot = process.getuid?.() === 0;
  const flags = isRoot ? ['-m'] : ['-Urm'];
  for (const sizeKiB of [16, 120, 1_500]) {
    const script = `mount -t tmpfs -o size=${sizeKiB}k tmpfs "$1" && exec "$2" "$3" start`;
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      [...flags, 'sh', '-c', script, 'sh', folder, process.execPath, MAIN],
      {
        env: {
          PATH: process.env.PATH ?? '',
          RINGBOOK_DATA_DIR: join(folder, 'data'),
          RINGBOOK_PORT: '0',
          RINGBOOK_ADMIN_PORT: '0',
        },
        timeout: 20_000,
        encoding: 'utf8',
      },
    );
    expectOneSentence(
      { code: status, output: stdout + stderr, errors: stderr },
      /disk that holds .* is full: free some space and start again/,
    );
  }
});

test('a journal with one flipped bit in its middle: file and place are named, and nothing is changed', async () => {
  const exchange = await ExchangeProcess.start(folder);
  const order = { symbol: 'btcusd', amount: '1', price: '100.00', side: 'buy', type: 'exchange limit' };
  for (let count = 0; count < 20; count++)
    await signedPost(exchange.sandbox.baseUrl, exchange.sandbox.accounts[0]!, '/v1/order/new', order);
  await exchange.kill();
  const journal = join(folder, 'journal', readdirSync(join(folder, 'journal'))[0]!);
  const bytes = readFileSync(journal);
  bytes[600] = bytes[600]! ^ 4;
  writeFileSync(journal, bytes);
  expectOneSentence(await run(['start']), /0000000000000001\.journal is damaged at byte \d+: /);
  expect(readFileSync(journal).equals(bytes)).toBe(true);
});

test('settings that make no sense are all named at once', async () => {
  const ending = await run(['start'], { RINGBOOK_PORT: 'eighty', RINGBOOK_MODE: 'demo', RINGBOOK_SPEED: '9' });
  expect(ending.code).toBe(1);
  for (const name of ['RINGBOOK_PORT', 'RINGBOOK_MODE', 'RINGBOOK_SPEED']) expect(ending.output).toContain(name);
  expect(ending.output).not.toContain('    at ');
});

test('production mode without its keys, and with them', async () => {
  const ending = await run(['start', '--mode', 'production']);
  expect(ending.code).toBe(1);
  expect(ending.output).toMatch(/RINGBOOK_MASTER_KEY.*\n.*RINGBOOK_ADMIN_TOKEN/);
});

test('every command has help, and an unknown one is an error that says what there is', async () => {
  for (const command of [[], ['start'], ['status'], ['audit']]) {
    const help = await run([...command, '--help']);
    expect(help.code).toBe(0);
    expect(help.output).toContain('Usage: ringbook');
  }
  const unknown = await run(['fly']);
  expect(unknown.code).toBe(1);
  expect(unknown.output).toContain("unknown command 'fly'");
});

test('status without an exchange says how to get one', async () => {
  expectOneSentence(await run(['status']), /no exchange is known: .*npm start/);
});

test('an audit of a folder without an exchange says so, and leaves nothing behind', async () => {
  expectOneSentence(await run(['audit']), /holds no exchange: name the folder with --data-dir/);
  expect(readdirSync(folder)).toEqual([]);
});

test('a folder keeps the size that it was made with: another one would replay differently', async () => {
  const few = await run(['start'], { RINGBOOK_MAX_INSTRUMENTS: '2' });
  expectOneSentence(
    few,
    /the first start defines 6 instruments.* room for 2: set RINGBOOK_MAX_INSTRUMENTS to 6 or more/,
  );
  const sizes = { RINGBOOK_MAX_ORDERS: '2000', RINGBOOK_MAX_LEVELS: '1500', RINGBOOK_MAX_INSTRUMENTS: '6' };
  const exchange = await ExchangeProcess.start(folder, sizes);
  const steps = { tickSize: '0.01', lotSize: '0.001', minimum: '0.01' };
  const { adminUrl, adminToken } = exchange.sandbox;
  const refused = await fetch(`${adminUrl}/instruments`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ base: 'LINK', quote: 'BTC', ...steps }),
  });
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('no room for more')]);
  await exchange.stop();
  expectOneSentence(await run(['start'], { RINGBOOK_MAX_ORDERS: '3000' }), /was made for 2000 resting orders/);
  expectOneSentence(await run(['start'], { RINGBOOK_MAX_LEVELS: '3000' }), /was made for 1500 price levels/);
  expectOneSentence(await run(['start'], { RINGBOOK_MAX_INSTRUMENTS: '7' }), /was made for 6 instruments; unset/);
  const again = await ExchangeProcess.start(folder, { RINGBOOK_MAX_LEVELS: '1500' });
  expect(await again.stop()).toBe(0);
});

test('a production folder is no sandbox, whatever variable is forgotten: no account appears, no money', async () => {
  const keys = { RINGBOOK_MASTER_KEY: 'ab'.repeat(32), RINGBOOK_ADMIN_TOKEN: 'operator-of-this-test' };
  const production = await ExchangeProcess.start(folder, { ...keys, RINGBOOK_MODE: 'production' });
  expect(await production.stop()).toBe(0);
  expectOneSentence(await run(['start'], keys), /made in production mode: start it with RINGBOOK_MODE=production/);
  expect(readdirSync(folder)).not.toContain('sandbox.json');
});

test('an older copy of the ledger is refused, at the first start and at every later one', async () => {
  const place = (exchange: ExchangeProcess): Promise<unknown> =>
    signedPost(exchange.sandbox.baseUrl, exchange.sandbox.accounts[0]!, '/v1/order/new', {
      symbol: 'btcusd',
      amount: '1',
      price: '100.00',
      side: 'buy',
      type: 'exchange limit',
    });
  const first = await ExchangeProcess.start(folder);
  await place(first);
  await first.stop();
  const copy = readFileSync(join(folder, 'exchange.sqlite'));
  const second = await ExchangeProcess.start(folder);
  await place(second);
  await second.stop();
  writeFileSync(join(folder, 'exchange.sqlite'), copy);
  for (let attempt = 0; attempt < 3; attempt++)
    expectOneSentence(
      await run(['start']),
      /the database is an older copy. Restore the one that belongs to this journal/,
    );
});
