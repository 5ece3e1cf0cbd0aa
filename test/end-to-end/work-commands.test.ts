import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { exchangeDatabasePath } from '../../workers/storage/exchange-database.ts';
import { SqliteDatabase } from '../../workers/storage/sqlite-database.ts';
import { workDatabasePath } from '../../workers/storage/work-database.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RingbookCommands } from '../support/ringbook-commands.ts';
import { waitUntil } from '../support/wait-until.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // brokers and processes start slowly on a busy machine

let folder: string;
let exchange: ExchangeProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-work-commands-'));
  exchange = await ExchangeProcess.start(folder);
});
afterAll(async () => {
  await exchange.kill();
  rmSync(folder, { recursive: true, force: true });
});

const commands = new RingbookCommands(() => folder);

async function ask(path: string, token: string | null = exchange.sandbox.adminToken) {
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(exchange.sandbox.adminUrl + path, { headers });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

type Rows = readonly { readonly id: string }[];
const parkedNow = async (): Promise<Rows> => (await exchange.admin('/parked/list', {})) as Rows;
const noticesNow = async (kind: string): Promise<Rows> => (await exchange.admin('/notices/list', { kind })) as Rows;

/** Jobs that no exchange of ours would enqueue, put where an exchange that was killed would have left them. */
async function leaveBehind(...jobs: readonly (readonly [id: string, payload: string])[]): Promise<void> {
  await exchange.kill();
  const work = await SqliteDatabase.open(workDatabasePath(folder), true);
  for (const [at, [id, payload]] of jobs.entries())
    await work.run(`INSERT INTO jobs VALUES (?, 'transfer', ?, ?, 1, 0, 1760000000000, 0)`, [1_000 + at, id, payload]);
  await work.close();
  exchange = await ExchangeProcess.start(folder);
}

test('a job that can not be done is parked: listed, shown, told of, replayed, dropped', async () => {
  expect(await commands.json('parked', 'list')).toEqual([]);
  await leaveBehind(['bad-1', '{"transferId":"seven"}'], ['bad-2', 'null']);
  await waitUntil(async () => (await parkedNow()).length === 2, 'both are parked');
  const rows = await commands.json('parked', 'list', '--type', 'transfer');
  const first = rows.find(({ jobId }: { jobId: string }) => jobId === 'bad-1');
  expect(first).toEqual({
    id: expect.any(String),
    jobId: 'bad-1',
    type: 'transfer',
    attempt: 1,
    hops: 0,
    enqueuedMs: 1_760_000_000_000,
    parkedMs: expect.any(Number),
    cause: 'POISON',
    reason: 'PoisonJobError: its payload names no transfer',
    payload: { transferId: 'seven' },
  });
  expect(await commands.json('parked', 'show', first.id)).toEqual(first);
  const shown = await commands.run('parked', 'show', first.id);
  expect(shown.stdout).toContain('{"transferId":"seven"}');
  const table = await commands.run('parked', 'list', '--limit', '1');
  expect(table.stdout.split('\n')[0]!.split(/ {2,}/)).toEqual([
    'id',
    'type',
    'jobId',
    'cause',
    'attempt',
    'hops',
    'reason',
  ]);
  await waitUntil(async () => (await noticesNow('job-parked')).length === 2, 'notices of both');
  const [notice] = await commands.json('notices', 'list', '--kind', 'job-parked', '--limit', '1');
  expect(notice.text).toContain('ringbook parked show');
  expect(notice.facts).toMatchObject({ type: 'transfer', cause: 'POISON' });

  expect(await commands.json('parked', 'replay', first.id)).toEqual({ id: first.id, replayed: true });
  await waitUntil(async () => {
    const again = await parkedNow();
    return again.length === 2 && again.every(({ id }) => id !== first.id);
  }, 'it was tried once more and parked anew');
  const before = new Set((await parkedNow()).map(({ id }) => id));
  expect(await exchange.admin('/parked/replay-all', { type: 'notice' })).toEqual({ replayed: 0 });
  expect(await exchange.admin('/parked/replay-all', {})).toEqual({ replayed: 2 });
  await waitUntil(async () => {
    const again = await parkedNow();
    return again.length === 2 && again.every(({ id }) => !before.has(id));
  }, 'both were tried once more');
  for (const { id } of await parkedNow())
    expect(await commands.json('parked', 'drop', id)).toEqual({ id, dropped: true });
  expect(await commands.json('parked', 'list')).toEqual([]);
  for (const act of ['show', 'replay', 'drop']) {
    const { code, stderr } = await commands.run('parked', act, first.id);
    expect([code, stderr]).toEqual([1, `ringbook: there is no parked job ${first.id}: list them\n`]);
  }
}, 120_000);

test('a notice of an operator is kept and listed, also after a kill', async () => {
  await commands.json('notices', 'raise', 'the new disk is in');
  await waitUntil(async () => (await noticesNow('operator')).length === 1, 'it is kept');
  await exchange.kill();
  exchange = await ExchangeProcess.start(folder);
  expect(await commands.json('notices', 'list', '--kind', 'operator', '--since', '2026-01-01')).toMatchObject([
    { kind: 'operator', text: 'the new disk is in', facts: {} },
  ]);
  const { code, stderr } = await commands.run('notices', 'list', '--kind', 'gossip');
  expect(code).toBe(1);
  expect(stderr).toContain('kind: ');
}, 120_000);

test('health and readiness are answered to everybody, metrics to who has the token', async () => {
  for (const path of ['/healthz', '/readyz'])
    expect(await ask(path, null)).toEqual({ status: 200, type: 'application/json', text: '{"result":"ok"}' });
  expect((await ask('/metrics', null)).status).toBe(401);
  const { status, type, text } = await ask('/metrics');
  expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  const figures = new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
  const { commands, events } = await exchange.status();
  expect(commands.publishedSequence).toBeGreaterThan(0);
  expect(figures.get('ringbook_command_published_sequence')).toBe(commands.publishedSequence);
  expect(figures.get('ringbook_event_logged_sequence')).toBe(events.loggedSequence);
  expect(figures.get('ringbook_ledger_paused')).toBe(0);
  expect(figures.get('ringbook_parked_jobs')).toBe(0);
  expect(figures.get('ringbook_job_hop_alarms_total')).toBe(0);
  expect(figures.get('ringbook_ring_slots{ring="commands"}')).toBe(65_536);
  expect(figures.get('ringbook_ring_used_slots{ring="events"}')).toBeGreaterThanOrEqual(0);
  expect(figures.get('ringbook_process_resident_bytes')).toBeGreaterThan(1e6);
  for (const [name, figure] of figures) expect([name, Number.isFinite(figure)]).toEqual([name, true]);
});

test('every command of these tells what it does', async () => {
  for (const words of [['parked'], ['parked', 'list'], ['parked', 'replay'], ['notices'], ['notices', 'list']]) {
    const { code, stdout } = await commands.run(...words, '--help');
    expect([words, code]).toEqual([words, 0]);
    expect(stdout).toContain('Usage: ringbook');
  }
}, 120_000);

test('an audit of the running exchange that finds something broken tells its operators, with what it found', async () => {
  const database = await SqliteDatabase.open(exchangeDatabasePath(folder), true);
  await database.run(`UPDATE pools SET credited_units = '1'`);
  await database.close();
  const { code, stdout } = await commands.run('audit');
  expect(code).toBe(1);
  await waitUntil(async () => (await noticesNow('audit-breach')).length === 1, 'the notice is kept');
  const [notice] = (await exchange.admin('/notices/list', { kind: 'audit-breach' })) as {
    text: string;
    facts: { findings: string[] };
  }[];
  expect(notice!.text).toContain('the audit found broken: ');
  expect(notice!.facts.findings.length).toBeGreaterThan(0);
  for (const finding of notice!.facts.findings) expect(stdout).toContain(finding);
});
