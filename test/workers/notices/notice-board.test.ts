import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Notice } from '../../../core/ports/notices.ts';
import { type NewJob, type WorkQueue, WorkQueueUnavailableError } from '../../../core/ports/work-queue.ts';
import { NOTICE_JOB, NoticeBoard } from '../../../workers/notices/notice-board.ts';
import { NoticeStore } from '../../../workers/notices/notice-store.ts';
import { EmbeddedWorkQueue } from '../../../workers/queue/embedded/embedded-work-queue.ts';
import { WorkDatabase } from '../../../workers/storage/work-database.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const clock = { nowMs: () => Date.now() };

/** A board over a real queue, which takes nothing while it is away. */
async function openBoard() {
  const work = await WorkDatabase.open(temporaryFolder(), (error) => {
    throw error;
  });
  const queue = await EmbeddedWorkQueue.open(work, { types: [NOTICE_JOB], clock });
  const logged: string[] = [];
  const state = { isAway: false };
  const front = {
    enqueue: (job: NewJob) =>
      state.isAway ? Promise.reject(new WorkQueueUnavailableError('AWAY', 'no broker')) : queue.enqueue(job),
  } as WorkQueue;
  const store = new NoticeStore(work);
  const logger = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
  const board = new NoticeBoard(front, store, clock, logger);
  queue.consume(NOTICE_JOB, board.handler, { concurrency: 8 });
  const close = async (): Promise<void> => {
    await board.stop();
    await queue.stop();
    await work.close();
  };
  return { board, store, queue, state, logged, close };
}

const notice = (text: string) => ({ kind: 'operator', text, facts: { text } }) as const;

test('notices are logged at once, kept in order, listed by kind, time and number', async () => {
  const { board, logged, close } = await openBoard();
  for (let at = 0; at < 20; at++) board.raise(notice(`notice ${at}`));
  board.raise({ kind: 'disk-full', text: 'full', facts: {} });
  expect(logged).toHaveLength(21);
  await waitUntil(async () => (await board.list({ limit: 100 })).length === 21, 'all are kept');
  const [full] = await board.list({ kind: 'disk-full', limit: 9 });
  expect(full).toEqual({
    noticeId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    kind: 'disk-full',
    text: 'full',
    facts: {},
    raisedMs: expect.any(Number),
  });
  expect(await board.list({ limit: 3 })).toHaveLength(3);
  expect(await board.list({ sinceMs: Date.now() + 60_000, limit: 100 })).toEqual([]);
  await close();
});

test('a queue that is away keeps notices waiting, and none is lost', async () => {
  const { board, state, close } = await openBoard();
  state.isAway = true;
  for (let at = 0; at < 50; at++) board.raise(notice(`notice ${at}`));
  await board.sent(50);
  expect(await board.list({ limit: 100 })).toEqual([]);
  state.isAway = false;
  await waitUntil(async () => (await board.list({ limit: 100 })).length === 50, 'all are kept');
  expect(new Set((await board.list({ limit: 100 })).map(({ text }) => text)).size).toBe(50);
  await close();
});

test('of a flood that no queue takes memory holds a bounded part; the log has all of it; a stop does not wait', async () => {
  const { board, state, logged, close } = await openBoard();
  state.isAway = true;
  for (let at = 0; at < 3_000; at++) board.raise(notice(`notice ${at}`));
  expect(logged).toHaveLength(3_000);
  state.isAway = false;
  await waitUntil(async () => (await board.list({ limit: 1_000 })).length === 1_000, 'the oldest thousand are kept');
  state.isAway = true;
  board.raise(notice('the last'));
  await close();
});

test('a notice that is delivered twice is one; what is none is parked', async () => {
  const { board, store, queue, close } = await openBoard();
  const kept: Notice = { noticeId: 'n', kind: 'operator', text: 'once', facts: {}, raisedMs: 1 };
  for (const id of ['first', 'second']) await queue.enqueue({ type: NOTICE_JOB, id, payload: kept });
  await queue.enqueue({ type: NOTICE_JOB, id: 'bad', payload: { kind: 'operator' } });
  await waitUntil(async () => queue.counts.done === 2 && queue.counts.parked === 1, 'all have come to their end');
  expect(await store.list({ limit: 9 })).toEqual([kept]);
  board.raise(notice('x'.repeat(5_000)));
  await waitUntil(async () => (await store.list({ limit: 9 })).length === 2, 'a long one is kept');
  expect((await store.list({ limit: 9 }))[0]!.text).toHaveLength(1_000);
  await close();
});

test('the oldest notices go even where no process ever keeps many', async () => {
  const work = await WorkDatabase.open(temporaryFolder(), (error) => {
    throw error;
  });
  await work.commits.change(
    `WITH RECURSIVE number(at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM number WHERE at < 100500)
     INSERT INTO notices SELECT 'notice-' || at, 'operator', 'text', '{}', at FROM number`,
    [],
  );
  const last = { noticeId: 'last', kind: 'operator', text: 'text', facts: {}, raisedMs: 200_000 } as const;
  await new NoticeStore(work).keep(last);
  const [{ count }] = (await work.reader.all('SELECT count(*) AS count FROM notices')) as [{ count: number }];
  expect(count).toBe(100_001);
  await work.close();
});
