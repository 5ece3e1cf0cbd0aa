import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { adminPost } from '../support/operator.ts';
import { RingbookCommands } from '../support/ringbook-commands.ts';
import { waitUntil } from '../support/wait-until.ts';

vi.setConfig({ testTimeout: 180_000 }); // many commands, each a process of its own

let folder: string;
let exchange: ExchangeProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-job-commands-'));
  exchange = await ExchangeProcess.start(folder);
});
afterAll(async () => {
  await exchange.kill();
  rmSync(folder, { recursive: true, force: true });
});

const commands = new RingbookCommands(() => folder);

const runsOf = async (id: string) => (await adminPost(exchange.sandbox, '/jobs/history', { id })).body;

const STANDING: readonly (readonly [id: string, when: string])[] = [
  ['audit', 'cron 17 * * * * UTC'],
  ['check-1m-history', 'every 5s'],
  ['check-base-history', 'every 2m'],
  ['finish-stuck-transfers', 'every 1m'],
  ['refresh-1m-candles', 'every 1s'],
  ['refresh-market-info', 'every 2s'],
  ['refresh-other-candles', 'every 2s'],
  ['verify-journal', 'every day at 03:43 UTC'],
];

test('a fresh exchange has its standing jobs at their periods, and runs them', async () => {
  const jobs = await commands.json('jobs', 'list');
  expect(jobs.map(({ id, when, state }: Record<string, string>) => [id, when, state])).toEqual(
    STANDING.map(([id, when]) => [id, when, 'active']),
  );
  for (const id of ['refresh-1m-candles', 'refresh-market-info', 'refresh-other-candles', 'check-1m-history'])
    await waitUntil(
      async () => (await runsOf(id)).some(({ state }: { state: string }) => state === 'succeeded'),
      `${id} runs`,
    );
  const { stdout } = await commands.run('jobs', 'list');
  expect(stdout.split('\n')[0]!.split(/ +/)).toEqual(['id', 'state', 'when', 'next', 'handler']);
  expect(await commands.json('jobs', 'status')).toMatchObject({ fencingToken: 1, clockEpoch: 0 });
});

test('the proofs run when they are asked for, in processes of their own, and hold', async () => {
  for (const id of ['audit', 'verify-journal']) {
    expect(await commands.json('jobs', 'run', id)).toMatchObject({ job: id, cause: 'operator', state: 'queued' });
    await waitUntil(async () => (await runsOf(id))[0].endedMs !== null, `${id} ends`);
    expect((await runsOf(id))[0]).toMatchObject({ state: 'succeeded', result: 'it holds', error: null });
  }
});

test('a job is added, shown, previewed, paused, modified, resumed, run, told of and removed', async () => {
  const add = ['jobs', 'add', 'nightly', 'journal.verify', '--cron', '30 2 * * *', '--time-zone', 'Europe/Berlin'];
  const added = await commands.json(
    ...add,
    '--grace',
    '5m',
    '--retries',
    '2',
    '--args',
    '{"a":[1]}',
    '--timeout',
    'none',
  );
  expect(added).toMatchObject({
    id: 'nightly',
    state: 'active',
    when: 'cron 30 2 * * * Europe/Berlin',
    trigger: { type: 'cron', expression: '30 2 * * *', timeZone: 'Europe/Berlin' },
    arguments: { a: [1] },
    settings: { misfireGraceMs: 300_000, retries: 2, timeoutMs: null, coalesce: 'latest', maxInstances: 1 },
    isStanding: false,
  });
  expect(
    (await commands.json('jobs', 'preview', 'nightly', '--count', '3')).map(
      ({ timeMs }: { timeMs: number }) => timeMs,
    )[0],
  ).toBe(added.nextMs);
  expect(await commands.json('jobs', 'pause', 'nightly')).toMatchObject({ state: 'paused' });
  const modified = await commands.json('jobs', 'modify', 'nightly', '--calendar', '2 weeks 09:30', '--jitter', '10s');
  expect(modified).toMatchObject({
    state: 'paused',
    when: 'every 2 weeks at 09:30 UTC',
    settings: { jitterMs: 10_000, retries: 2 },
    arguments: { a: [1] },
  });
  expect(await commands.json('jobs', 'resume', 'nightly')).toMatchObject({ state: 'active' });
  expect(await commands.json('jobs', 'show', 'nightly')).toMatchObject({ id: 'nightly', lastScheduledMs: null });
  await commands.json('jobs', 'run', 'nightly');
  await waitUntil(async () => (await runsOf('nightly'))[0]?.state === 'succeeded', 'it runs');
  expect(await commands.json('jobs', 'history', 'nightly')).toEqual([
    expect.objectContaining({ job: 'nightly', attempt: 1 }),
  ]);
  expect(await commands.json('jobs', 'remove', 'nightly')).toMatchObject({ id: 'nightly' });
  expect((await commands.json('jobs', 'list')).map(({ id }: { id: string }) => id)).not.toContain('nightly');
});

test('jobs and their pauses are there after kill -9; standing jobs go on', async () => {
  await commands.json('jobs', 'add', 'kept', 'transfers.finish-stuck', '--every', '1h');
  await commands.json('jobs', 'pause', 'refresh-market-info');
  await exchange.kill();
  exchange = await ExchangeProcess.start(folder);
  const jobs = await commands.json('jobs', 'list');
  const stateOf = (id: string) => jobs.find((job: { id: string }) => job.id === id)?.state;
  expect([stateOf('kept'), stateOf('refresh-market-info'), stateOf('refresh-1m-candles')]).toEqual([
    'active',
    'paused',
    'active',
  ]);
  const [newest] = await runsOf('refresh-1m-candles');
  await waitUntil(async () => (await runsOf('refresh-1m-candles'))[0].runId > newest.runId, 'it goes on at once');
  expect(await commands.json('jobs', 'status')).toMatchObject({ fencingToken: 2 });
});

const NEW = { id: 'x', handler: 'journal.verify', trigger: { type: 'interval', everyMs: 1_000 } };
test.each<[path: string, message: string, status: number, input: object]>([
  ['/jobs', 'id: "a b"', 400, { ...NEW, id: 'a b' }],
  ['/jobs', 'there is a job "audit" already', 409, { ...NEW, id: 'audit' }],
  ['/jobs', 'there is no "rm"; there are audit.run', 400, { ...NEW, handler: 'rm' }],
  ['/jobs', 'trigger.type', 400, { ...NEW, trigger: { type: 'never' } }],
  ['/jobs', 'everyMs: 0', 400, { ...NEW, trigger: { type: 'interval', everyMs: 0 } }],
  ['/jobs', 'extra', 400, { ...NEW, trigger: { type: 'interval', everyMs: 1, extra: 1 } }],
  ['/jobs', 'has no time after', 400, { ...NEW, trigger: { type: 'date', atMs: 5 } }],
  ['/jobs', 'has no time after', 400, { ...NEW, trigger: { type: 'cron', expression: '0 0 30 2 *' } }],
  ['/jobs', 'minute: "61"', 400, { ...NEW, trigger: { type: 'cron', expression: '61 * * * *' } }],
  ['/jobs', 'retries: -1', 400, { ...NEW, settings: { retries: -1 } }],
  ['/jobs', 'maxInstances: 0', 400, { ...NEW, settings: { maxInstances: 0 } }],
  ['/jobs', 'timeoutMs: 0', 400, { ...NEW, settings: { timeoutMs: 0 } }],
  ['/jobs', 'jitterMs', 400, { ...NEW, settings: { jitterMs: null } }],
  ['/jobs', 'at most', 413, { ...NEW, arguments: 'x'.repeat(65_535) }],
  ['/jobs/show', 'there is no job "nobody"', 404, { id: 'nobody' }],
  ['/jobs/run', 'nobody', 404, { id: 'nobody' }],
  ['/jobs/history', 'nobody', 404, { id: 'nobody' }],
  ['/jobs/history', 'limit', 400, { limit: 1_001 }],
  ['/jobs/modify', 'coalesce', 400, { id: 'audit', settings: { coalesce: 'some' } }],
  ['/jobs/remove', 'pause it instead', 409, { id: 'audit' }],
])('%s is refused: %s (%i), and nothing is changed', async (path, message, status, input) => {
  const before = await exchange.admin('/jobs/show', { id: 'audit' });
  const refused = await adminPost(exchange.sandbox, path, input);
  expect([refused.status, refused.body.message]).toEqual([status, expect.stringContaining(message)]);
  expect(await exchange.admin('/jobs/show', { id: 'audit' })).toEqual(before);
});

test('every command explains itself, and says what is wrong before anything is sent', async () => {
  const [all, add] = await Promise.all([commands.run('jobs', '--help'), commands.run('jobs', 'add', '--help')]);
  for (const name of ['list', 'add', 'modify', 'show', 'pause', 'resume', 'remove', 'run', 'history', 'preview'])
    expect(all!.stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  expect([all!.code, add!.code, add!.stdout]).toEqual([0, 0, expect.stringContaining('--every 90s')]);
  const wrong: readonly (readonly [words: readonly string[], problem: string])[] = [
    [['add', 'a', 'b', '--every', '1s', '--at', '2030-01-01'], 'exactly one of --every'],
    [['add', 'a', 'b', '--every', '5 minutes'], 'must be a span'],
    [['add', 'a', 'b', '--calendar', 'monthly'], 'no calendar time'],
    [['show', 'nobody'], 'jobs list shows all'],
  ];
  for (const [words, problem] of wrong) {
    const { code, stdout, stderr } = await commands.run('jobs', ...words);
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(problem)]);
  }
});

test('an orderly end gives the lease back', async () => {
  expect(await exchange.stop()).toBe(0);
  expect(exchange.output).not.toMatch(/error|trouble/i);
});
