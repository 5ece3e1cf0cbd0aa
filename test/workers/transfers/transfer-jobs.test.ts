import { expect, test } from 'vitest';
import type { Ledger } from '../../../core/ports/ledger.ts';
import { MAX_ATTEMPTS, type NewJob, WorkQueueUnavailableError } from '../../../core/ports/work-queue.ts';
import { EmbeddedWorkQueue } from '../../../workers/queue/embedded/embedded-work-queue.ts';
import { WorkDatabase } from '../../../workers/storage/work-database.ts';
import { StuckTransfers } from '../../../workers/transfers/stuck-transfers.ts';
import { TRANSFER_JOB, TransferJobs } from '../../../workers/transfers/transfer-jobs.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { ALICE, balanceOf, type OpenedDesk, openDesk, transferOf, USD, WAY } from './opened-desk.ts';

const NO_ROUNDS_MS = 3_600_000;

interface Opened {
  readonly desk: OpenedDesk;
  readonly queue: EmbeddedWorkQueue;
  readonly rounds: StuckTransfers;
  readonly left: number[]; // transfers that the jobs gave up
  readonly setAway: (isAway: boolean) => void;
  close(): Promise<void>;
}

/** A desk whose ledger may be away, whose stuck transfers are finished by jobs; rounds come after that pause. */
async function open(firstPauseMs: number, front: (queue: EmbeddedWorkQueue) => EmbeddedWorkQueue = (queue) => queue) {
  const folder = temporaryFolder();
  let isAway = false;
  const away = (ledger: Ledger): Ledger =>
    new Proxy(ledger, {
      get(target, name: keyof Ledger) {
        const method = target[name].bind(target) as (...args: unknown[]) => Promise<unknown>;
        return (...args: unknown[]) => (isAway ? Promise.reject(new Error('away')) : method(...args));
      },
    });
  const desk = await openDesk(folder, away);
  const work = await WorkDatabase.open(folder, (error) => {
    throw error;
  });
  const queue = await EmbeddedWorkQueue.open(work, {
    types: [TRANSFER_JOB],
    clock: { nowMs: () => Date.now() },
    retryDelaysMs: [20, 30, 40, 50],
  });
  const left: number[] = [];
  const jobs = new TransferJobs({
    queue: front(queue),
    finish: (transferId) => desk.desk.finish(transferId),
    onLeft: (transferId) => left.push(transferId),
  });
  const rounds = new StuckTransfers({
    desk: desk.desk,
    firstPauseMs,
    onRound: () => {},
    onStuck: (transferId) => jobs.wake(transferId),
  });
  queue.consume(TRANSFER_JOB, jobs.handler, { concurrency: 4 });
  const close = async (): Promise<void> => {
    await rounds.stop();
    await queue.stop();
    await work.close();
    await desk.close();
  };
  const setAway = (value: boolean): void => {
    isAway = value;
  };
  return { desk, queue, rounds, left, setAway, close } satisfies Opened;
}

async function stuckDeposit({ desk: { desk }, setAway }: Opened, clientKey: string): Promise<number> {
  const request = { accountId: ALICE, assetId: USD, units: 70n, clientKey, ...WAY };
  const { transferId } = transferOf(await desk.submitDeposit(request));
  setAway(true);
  await expect(desk.confirm('deposit', transferId)).rejects.toMatchObject({ code: 'TRANSFER_OPEN' });
  return transferId;
}

test('a transfer that the ledger kept waiting is finished by its job, long before the next round', async () => {
  const opened = await open(NO_ROUNDS_MS);
  await stuckDeposit(opened, 'a');
  await waitUntil(() => opened.queue.counts.retried > 0, 'the job was tried in vain');
  opened.setAway(false);
  await waitUntil(async () => (await balanceOf(opened.desk.ledger, ALICE))[0] === 70n, 'the deposit is credited');
  await waitUntil(() => opened.queue.counts.done === 1, 'the job is done');
  expect(await opened.desk.desk.list({ isStuck: true, limit: 9 })).toEqual([]);
  expect(opened.queue.counts).toMatchObject({ enqueued: 1, parked: 0 }); // its own failures wake nobody
  await opened.close();
});

test('a ledger that stays away parks nothing: after all tries the rounds are left, and the operator is told', async () => {
  const opened = await open(NO_ROUNDS_MS);
  const transferId = await stuckDeposit(opened, 'a');
  await waitUntil(() => opened.left.length === 1, 'the jobs give up');
  expect(opened.left).toEqual([transferId]);
  await waitUntil(() => opened.queue.counts.done === 1, 'the job ends');
  expect(opened.queue.counts).toMatchObject({ enqueued: 1, retried: MAX_ATTEMPTS - 1, parked: 0 });
  opened.setAway(false);
  expect(await opened.rounds.finishAll()).toMatchObject({ finished: 1, left: 0 });
  expect(await balanceOf(opened.desk.ledger, ALICE)).toEqual([70n, 0n]);
  await opened.close();
});

test('a queue that takes no job costs time and nothing else: the next round finds the row', async () => {
  const refused: NewJob[] = [];
  const opened = await open(50, (queue) =>
    Object.assign(Object.create(queue) as EmbeddedWorkQueue, {
      enqueue: (job: NewJob) => {
        refused.push(job);
        return Promise.reject(new WorkQueueUnavailableError('AWAY', 'no broker'));
      },
    }),
  );
  await stuckDeposit(opened, 'a');
  opened.setAway(false);
  await waitUntil(async () => (await balanceOf(opened.desk.ledger, ALICE))[0] === 70n, 'the deposit is credited');
  expect(refused).not.toEqual([]);
  await opened.close();
});

test('a job that comes twice, or long after its transfer was done, changes nothing', async () => {
  const opened = await open(NO_ROUNDS_MS);
  const transferId = await stuckDeposit(opened, 'a');
  opened.setAway(false);
  for (const id of ['again', 'and again'])
    await opened.queue.enqueue({ type: TRANSFER_JOB, id, payload: { transferId } });
  await waitUntil(() => opened.queue.counts.done === 3, 'all three are done');
  await opened.queue.enqueue({ type: TRANSFER_JOB, id: 'late', payload: { transferId } });
  await waitUntil(() => opened.queue.counts.done === 4, 'and the late one');
  expect(await balanceOf(opened.desk.ledger, ALICE)).toEqual([70n, 0n]);
  expect(await opened.desk.exchange.database.all('SELECT operation_id AS id FROM credits')).toEqual([
    { id: transferId },
  ]);
  await opened.close();
});

test.each([null, 7, { transferId: 'seven' }, { transferId: 1.5 }, {}])(
  'payload %j is parked at once',
  async (payload) => {
    const opened = await open(NO_ROUNDS_MS);
    await opened.queue.enqueue({ type: TRANSFER_JOB, id: 'bad', payload });
    await waitUntil(async () => (await opened.queue.parked.list({ limit: 9 })).length === 1, 'it is parked');
    expect(await opened.queue.parked.list({ limit: 9 })).toMatchObject([{ cause: 'POISON', attempt: 1 }]);
    await opened.close();
  },
);

test('an exchange that stops parks nothing: the job of a desk that has closed ends, its transfer waits for the next start', async () => {
  const opened = await open(NO_ROUNDS_MS);
  const transferId = await stuckDeposit(opened, 'a');
  await waitUntil(() => opened.queue.counts.retried > 0, 'the job was tried in vain');
  await opened.desk.desk.close();
  await waitUntil(() => opened.queue.counts.done === 1, 'the job ends');
  expect(opened.queue.counts.parked).toBe(0);
  expect(opened.left).not.toContain(transferId);
  await opened.close();
});
