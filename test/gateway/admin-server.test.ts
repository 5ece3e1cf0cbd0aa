import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AdminServer, statusRoutes } from '../../gateway/admin/admin-server.ts';

const TOKEN = 'a-token-of-some-length';
let server: AdminServer;
let baseUrl: string;
let logged: string[];

beforeEach(async () => {
  logged = [];
  const logger = pino({ level: 'error' }, { write: (line: string) => void logged.push(line) });
  const broken = {
    method: 'GET' as const,
    path: '/broken',
    answer: () => {
      throw new Error('secret detail');
    },
  };
  const routes = [...statusRoutes(async () => ({ commandSequence: 7 })), broken];
  server = new AdminServer({ token: TOKEN, routes, logger });
  baseUrl = `http://127.0.0.1:${await server.listen(0)}`;
});
afterEach(() => server.close());

async function call(path: string, authorization: string | null = `Bearer ${TOKEN}`, method = 'GET') {
  const headers = authorization === null ? {} : { Authorization: authorization };
  const response = await fetch(baseUrl + path, { method, headers });
  expect(response.headers.get('content-type')).toBe('application/json');
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('health and status answer whoever has the token', async () => {
  expect(await call('/health')).toEqual({ status: 200, body: { result: 'ok' } });
  expect(await call('/status')).toEqual({ status: 200, body: { commandSequence: 7 } });
});

test.each([null, '', TOKEN, `bearer ${TOKEN}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, 'Bearer '])(
  'authorization %j is 401, also where nothing is',
  async (authorization) => {
    for (const path of ['/status', '/health', '/nothing'])
      expect(await call(path, authorization)).toMatchObject({ status: 401, body: { reason: 'Unauthorized' } });
  },
);

test('unknown paths, other methods and failures are typed, and tell nothing of the inside', async () => {
  expect(await call('/nothing')).toMatchObject({ status: 404, body: { reason: 'EndpointNotFound' } });
  expect(await call('/status', undefined, 'POST')).toMatchObject({ status: 405, body: { reason: 'MethodNotAllowed' } });
  const broken = await call('/broken');
  expect(broken).toMatchObject({ status: 500, body: { reason: 'System' } });
  expect(JSON.stringify(broken.body)).not.toContain('secret detail');
  const id = /[0-9a-f-]{36}/.exec(broken.body.message as string)![0];
  expect(logged.join()).toContain(id);
  expect(logged.join()).toContain('secret detail');
});

test('a port that is taken is refused', async () => {
  const other = new AdminServer({ token: TOKEN, routes: [], logger: pino({ level: 'silent' }) });
  await expect(other.listen(Number(new URL(baseUrl).port))).rejects.toThrow('another program has that port');
  other.close();
});
