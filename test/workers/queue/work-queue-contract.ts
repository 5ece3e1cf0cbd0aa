import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  DONE,
  forwardTo,
  HOP_LIMIT,
  InvalidJobError,
  MAX_ATTEMPTS,
  MAX_PAYLOAD_BYTES,
  PoisonJobError,
  type WorkQueue,
} from '../../../core/ports/work-queue.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { Deliveries, type QueueUnderTest } from './queue-under-test.ts';

const ids = (count: number, prefix = 'job'): string[] => Array.from({ length: count }, (_, at) => `${prefix}-${at}`);
const parkedCount = async (queue: WorkQueue, count: number): Promise<void> =>
  waitUntil(async () => (await queue.parked.list({ limit: 1_000 })).length === count, `${count} parked jobs`);

/** What every work queue promises. */
export function workQueueContract(under: QueueUnderTest): void {
  afterEach(() => under.reset());

  describe(`${under.name}: jobs`, () => {
    test('each is done once, with what it was enqueued with', async () => {
      const queue = await under.open();
      const payloads: Record<string, unknown> = {
        object: { text: 'naïve ☃ \u0000 "quoted"', list: [1, null, true, { deep: [] }], big: 2 ** 53 - 1 },
        nothing: null,
        number: -0.5,
        empty: '',
      };
      const seen = new Deliveries();
      queue.consume('alpha', seen.take, { concurrency: 4 });
      for (const [id, payload] of Object.entries(payloads)) await queue.enqueue({ type: 'alpha', id, payload });
      await waitUntil(() => queue.counts.done === 4, 'four jobs done');
      expect(Object.fromEntries(seen.jobs.map(({ id, payload }) => [id, payload]))).toEqual(payloads);
      for (const { type, attempt, hops, enqueuedMs } of seen.jobs) {
        expect([type, attempt, hops]).toEqual(['alpha', 1, 0]);
        expect(Math.abs(enqueuedMs - Date.now())).toBeLessThan(120_000);
      }
      expect(queue.counts).toMatchObject({ enqueued: 4, done: 4, retried: 0, forwarded: 0, parked: 0, hopAlarms: 0 });
    });

    test('types do not meet', async () => {
      const queue = await under.open();
      const [alpha, beta] = [new Deliveries(), new Deliveries()];
      queue.consume('alpha', alpha.take, { concurrency: 4 });
      queue.consume('beta', beta.take, { concurrency: 4 });
      await Promise.all(ids(20).map((id, at) => queue.enqueue({ type: at % 2 ? 'beta' : 'alpha', id, payload: at })));
      await waitUntil(() => queue.counts.done === 20, 'twenty jobs done');
      expect([alpha.jobs.length, beta.jobs.length]).toEqual([10, 10]);
      expect(new Set(alpha.jobs.map(({ type }) => type))).toEqual(new Set(['alpha']));
    });

    test('no more are under way at a time than were asked for, and as many as that', async () => {
      const queue = await under.open();
      let underWay = 0;
      let most = 0;
      const gate = Promise.withResolvers<void>();
      queue.consume(
        'alpha',
        async () => {
          underWay += 1;
          most = Math.max(most, underWay);
          await gate.promise;
          underWay -= 1;
          return DONE;
        },
        { concurrency: 5 },
      );
      await Promise.all(ids(30).map((id) => queue.enqueue({ type: 'alpha', id, payload: 0 })));
      await waitUntil(() => underWay === 5, 'five under way');
      await sleep(50);
      expect(underWay).toBe(5);
      gate.resolve();
      await waitUntil(() => queue.counts.done === 30, 'all done');
      expect(most).toBe(5);
    });

    test.each([
      ['an unknown type', { type: 'nobody', id: 'a', payload: 1 }],
      ['an empty id', { type: 'alpha', id: '', payload: 1 }],
      ['an id beyond ASCII', { type: 'alpha', id: 'ä', payload: 1 }],
      ['an id of 201 characters', { type: 'alpha', id: 'x'.repeat(201), payload: 1 }],
      ['no payload', { type: 'alpha', id: 'a', payload: undefined }],
      ['a bigint', { type: 'alpha', id: 'a', payload: { units: 1n } }],
      ['too large a payload', { type: 'alpha', id: 'a', payload: 'x'.repeat(MAX_PAYLOAD_BYTES) }],
    ])('%s is refused', async (_what, job) => {
      const queue = await under.open();
      await expect(queue.enqueue(job)).rejects.toThrow(InvalidJobError);
      expect(queue.counts.enqueued).toBe(0);
    });

    test('a queue that was stopped takes nothing', async () => {
      const queue = await under.open();
      await queue.stop();
      await expect(queue.enqueue({ type: 'alpha', id: 'a', payload: 1 })).rejects.toMatchObject({ code: 'CLOSED' });
    });

    test('a queue that is full refuses, and takes again when there is room', async () => {
      const queue = await under.open({ maxJobs: 3 });
      const outcomes = [];
      for (const id of ids(12))
        outcomes.push(
          await queue.enqueue({ type: 'alpha', id, payload: 1 }).then(
            () => 'TAKEN',
            (error: { code: string }) => error.code,
          ),
        );
      expect(outcomes.slice(0, 3)).toEqual(['TAKEN', 'TAKEN', 'TAKEN']);
      expect(outcomes.at(-1)).toBe('FULL');
      const taken = outcomes.filter((outcome) => outcome === 'TAKEN').length;
      const seen = new Deliveries();
      queue.consume('alpha', seen.take, { concurrency: 4 });
      await waitUntil(() => queue.counts.done === taken, 'those taken are done');
      await queue.enqueue({ type: 'alpha', id: 'later', payload: 1 });
      await waitUntil(() => seen.ids.includes('later'), 'the one that came when there was room');
    });
  });

  describe(`${under.name}: retry and parking`, () => {
    test('a job that fails is tried again after a pause, with the same id and payload', async () => {
      const queue = await under.open();
      const seen = new Deliveries();
      queue.consume(
        'alpha',
        async (job) => {
          seen.jobs.push(job);
          if (job.attempt < 3) throw new Error('not yet');
          return DONE;
        },
        { concurrency: 2 },
      );
      await queue.enqueue({ type: 'alpha', id: 'a', payload: { n: 1 } });
      await waitUntil(() => queue.counts.done === 1, 'done at the third try');
      expect(seen.jobs.map(({ id, payload, attempt, hops }) => [id, payload, attempt, hops])).toEqual([
        ['a', { n: 1 }, 1, 0],
        ['a', { n: 1 }, 2, 1],
        ['a', { n: 1 }, 3, 2],
      ]);
      expect(new Set(seen.jobs.map(({ enqueuedMs }) => enqueuedMs)).size).toBe(1);
      expect(await queue.parked.count()).toBe(0);
    });

    test(`after ${MAX_ATTEMPTS} tries it is parked with reason and payload, and its neighbours go on`, async () => {
      const queue = await under.open();
      const seen = new Deliveries();
      queue.consume(
        'alpha',
        async (job) => {
          seen.jobs.push(job);
          if (job.id === 'job-7') throw new RangeError('no such account 404');
          return DONE;
        },
        { concurrency: 4 },
      );
      await Promise.all(ids(50).map((id, at) => queue.enqueue({ type: 'alpha', id, payload: { at } })));
      await parkedCount(queue, 1);
      await waitUntil(() => queue.counts.done === 49, 'all others done');
      expect(seen.attemptsOf('job-7')).toEqual([1, 2, 3, 4, 5]);
      const [parked] = await queue.parked.list({ limit: 10 });
      expect(parked).toEqual({
        parkedId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        type: 'alpha',
        id: 'job-7',
        payloadText: '{"at":7}',
        attempt: 5,
        hops: 4,
        enqueuedMs: expect.any(Number),
        parkedMs: expect.any(Number),
        cause: 'ATTEMPTS',
        reason: 'RangeError: no such account 404',
      });
      expect(queue.counts).toMatchObject({ done: 49, retried: 4, parked: 1, hopAlarms: 0 });
      await sleep(150);
      expect(seen.attemptsOf('job-7')).toHaveLength(5);
    });

    test('a poisonous job is parked at once', async () => {
      const queue = await under.open();
      const seen = new Deliveries();
      queue.consume(
        'alpha',
        async (job) => {
          seen.jobs.push(job);
          throw new PoisonJobError('the schema says no');
        },
        { concurrency: 2 },
      );
      await queue.enqueue({ type: 'alpha', id: 'a', payload: [] });
      await parkedCount(queue, 1);
      expect(seen.attemptsOf('a')).toEqual([1]);
      expect((await queue.parked.list({ limit: 1 }))[0]).toMatchObject({ cause: 'POISON', attempt: 1, hops: 0 });
    });

    test('a parked job can be shown, replayed as if it were new, and dropped', async () => {
      const queue = await under.open();
      const seen = new Deliveries();
      let isMended = false;
      queue.consume(
        'alpha',
        async (job) => {
          seen.jobs.push(job);
          if (!isMended) throw new PoisonJobError('broken');
          return DONE;
        },
        { concurrency: 2 },
      );
      for (const id of ['a', 'b', 'c']) {
        await queue.enqueue({ type: 'alpha', id, payload: { id } });
        await waitUntil(async () => (await queue.parked.list({ limit: 9 })).some((row) => row.id === id), id);
      }
      const all = await queue.parked.list({ limit: 10 });
      expect(all.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
      expect(await queue.parked.list({ limit: 2 })).toEqual(all.slice(0, 2));
      expect(await queue.parked.list({ type: 'beta', limit: 10 })).toEqual([]);
      const [a, b, c] = all;
      expect(await queue.parked.find(b!.parkedId)).toEqual(b);
      expect(await queue.parked.find('nothing')).toBeUndefined();
      isMended = true;
      expect(await queue.parked.drop(a!.parkedId)).toBe(true);
      expect(await queue.parked.replay(b!.parkedId)).toBe(true);
      await waitUntil(() => queue.counts.done === 1, 'the replayed one is done');
      expect(seen.jobs.at(-1)).toMatchObject({ id: 'b', payload: { id: 'b' }, attempt: 1, hops: 0 });
      for (const gone of [a, b]) {
        expect(await queue.parked.drop(gone!.parkedId)).toBe(false);
        expect(await queue.parked.replay(gone!.parkedId)).toBe(false);
      }
      expect(await queue.parked.list({ limit: 10 })).toEqual([c]);
      expect(seen.ids.filter((id) => id === 'a')).toHaveLength(1);
    });

    test('replayed ten times at once it comes back once', async () => {
      const queue = await under.open();
      const seen = new Deliveries();
      queue.consume(
        'alpha',
        async (job) => {
          seen.jobs.push(job);
          if (seen.jobs.length === 1) throw new PoisonJobError('broken');
          return DONE;
        },
        { concurrency: 2 },
      );
      await queue.enqueue({ type: 'alpha', id: 'a', payload: 1 });
      await parkedCount(queue, 1);
      const { parkedId } = (await queue.parked.list({ limit: 1 }))[0]!;
      const replayed = await Promise.all(ids(10).map(() => queue.parked.replay(parkedId)));
      expect(replayed.filter((isDone) => isDone)).toHaveLength(1);
      await waitUntil(() => queue.counts.done === 1, 'done');
      await sleep(50);
      expect(seen.jobs).toHaveLength(2);
    });

    test('while there is no room for parked jobs a poisonous one stays at its source and others go on', async () => {
      const queue = await under.open({ maxParked: 1 });
      queue.consume(
        'alpha',
        async ({ id }) => {
          if (id.startsWith('poison')) throw new PoisonJobError('broken');
          return DONE;
        },
        { concurrency: 4 },
      );
      for (const id of ['poison-1', 'poison-2', 'poison-3', ...ids(10)])
        await queue.enqueue({ type: 'alpha', id, payload: id });
      await waitUntil(() => queue.counts.done === 10, 'the good ones are done');
      const found = new Set<string>();
      for (let dropped = 0; dropped < 3; dropped++) {
        await waitUntil(async () => (await queue.parked.list({ limit: 9 })).length > 0, 'one is parked');
        for (const { id, parkedId } of await queue.parked.list({ limit: 9 })) {
          found.add(id);
          await queue.parked.drop(parkedId);
        }
        if (found.size === 3) break;
      }
      expect([...found].sort()).toEqual(['poison-1', 'poison-2', 'poison-3']);
    });
  });

  describe(`${under.name}: forwarding`, () => {
    test('a job goes on under its id with another payload, counted', async () => {
      const queue = await under.open();
      const seen = new Deliveries();
      queue.consume('alpha', async () => forwardTo('beta', { step: 2 }), { concurrency: 2 });
      queue.consume('beta', seen.take, { concurrency: 2 });
      await queue.enqueue({ type: 'alpha', id: 'a', payload: { step: 1 } });
      await waitUntil(() => queue.counts.done === 1, 'done');
      expect(seen.jobs).toMatchObject([{ type: 'beta', id: 'a', payload: { step: 2 }, attempt: 1, hops: 1 }]);
      expect(queue.counts).toMatchObject({ enqueued: 1, forwarded: 1, done: 1 });
    });

    test(`two consumers that play ball are stopped after ${HOP_LIMIT} forwards, with an alarm`, async () => {
      const queue = await under.open();
      let calls = 0;
      const passTo = (type: string) => async () => {
        calls += 1;
        return forwardTo(type, 'ball');
      };
      queue.consume('alpha', passTo('beta'), { concurrency: 2 });
      queue.consume('beta', passTo('alpha'), { concurrency: 2 });
      await queue.enqueue({ type: 'alpha', id: 'ball', payload: 'ball' });
      await parkedCount(queue, 1);
      expect(calls).toBe(HOP_LIMIT + 1); // the last one would have been the ninth
      expect((await queue.parked.list({ limit: 9 }))[0]).toMatchObject({ id: 'ball', cause: 'HOPS', hops: HOP_LIMIT });
      await waitUntil(() => queue.counts.parked === 1, 'it is counted'); // the broker may bring it before it confirms it
      expect(queue.counts).toMatchObject({ forwarded: HOP_LIMIT, parked: 1, hopAlarms: 1 });
      await sleep(100);
      expect(calls).toBe(HOP_LIMIT + 1);
    });

    test('without a limit they would never stop', async () => {
      const queue = await under.open({ hopLimit: Number.POSITIVE_INFINITY });
      queue.consume('alpha', async () => forwardTo('beta', 'ball'), { concurrency: 2 });
      queue.consume('beta', async () => forwardTo('alpha', 'ball'), { concurrency: 2 });
      await queue.enqueue({ type: 'alpha', id: 'ball', payload: 'ball' });
      await waitUntil(() => queue.counts.forwarded > 20 * HOP_LIMIT, 'far more forwards than the limit');
      expect(await queue.parked.count()).toBe(0);
    });

    test('retries count as well: forwards and retries together stay within the limit', async () => {
      const queue = await under.open();
      const seen = new Deliveries();
      const flaky = (next: string) => async (job: (typeof seen.jobs)[number]) => {
        seen.jobs.push(job);
        if (job.attempt < 4) throw new Error('flaky');
        return forwardTo(next, 0);
      };
      queue.consume('alpha', flaky('beta'), { concurrency: 2 });
      queue.consume('beta', flaky('gamma'), { concurrency: 2 });
      queue.consume('gamma', flaky('alpha'), { concurrency: 2 });
      await queue.enqueue({ type: 'alpha', id: 'a', payload: 0 });
      await parkedCount(queue, 1);
      expect(seen.jobs.map(({ hops }) => hops)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      expect((await queue.parked.list({ limit: 9 }))[0]).toMatchObject({ type: 'gamma', cause: 'HOPS', hops: 8 });
    });
  });

  describe(`${under.name}: ends and starts`, () => {
    test('a stop waits for the jobs under way and leaves the others', async () => {
      const queue = await under.open();
      const gate = Promise.withResolvers<void>();
      let begun = 0;
      const hold = async () => {
        begun += 1;
        await gate.promise;
        return DONE;
      };
      queue.consume('alpha', hold, { concurrency: 3 });
      await Promise.all(ids(10).map((id) => queue.enqueue({ type: 'alpha', id, payload: 0 })));
      await waitUntil(() => begun === 3, 'three under way');
      let isStopped = false;
      const stopped = queue.stop().then(() => {
        isStopped = true;
      });
      await sleep(50);
      expect(isStopped).toBe(false);
      gate.resolve();
      await stopped;
      expect([begun, queue.counts.done]).toEqual([3, 3]);
      const again = await under.open();
      const seen = new Deliveries();
      again.consume('alpha', seen.take, { concurrency: 3 });
      await waitUntil(() => again.counts.done === 7, 'the other seven');
      expect(new Set(seen.ids).size).toBe(7);
    });

    test('what was under way when everything ended comes again, unchanged: that was no try', async () => {
      const queue = await under.open();
      let begun = 0;
      const hold = () => {
        begun += 1;
        return new Promise<never>(() => {});
      };
      queue.consume('alpha', hold, { concurrency: 10 });
      await Promise.all(ids(4).map((id) => queue.enqueue({ type: 'alpha', id, payload: id })));
      await waitUntil(() => begun === 4, 'four under way');
      await under.abandon(queue);
      const again = await under.open();
      const seen = new Deliveries();
      again.consume('alpha', seen.take, { concurrency: 10 });
      await waitUntil(() => again.counts.done === 4, 'all four again');
      expect(seen.jobs.map(({ id, payload, attempt, hops }) => [id, payload, attempt, hops]).sort()).toEqual(
        ids(4).map((id) => [id, id, 1, 0]),
      );
    });

    test('parked jobs, and those that were to be tried again, outlive every end', async () => {
      const queue = await under.open();
      queue.consume(
        'alpha',
        async ({ id, attempt }) => {
          if (id === 'poison') throw new PoisonJobError('broken');
          if (attempt === 1) throw new Error('later');
          return new Promise<never>(() => {}); // the end comes while it waits for its second try, or amid it
        },
        { concurrency: 4 },
      );
      for (const id of ['poison', 'slow']) await queue.enqueue({ type: 'alpha', id, payload: id });
      await parkedCount(queue, 1);
      await waitUntil(() => queue.counts.retried > 0, 'one waits for its next try');
      await under.abandon(queue);
      const again = await under.open();
      const seen = new Deliveries();
      again.consume('alpha', seen.take, { concurrency: 4 });
      // Its first try comes too where the end came between the second one's being safe and the first one's being told of.
      await waitUntil(() => seen.attemptsOf('slow').includes(2), 'the one that waited');
      expect(new Set(seen.ids)).toEqual(new Set(['slow']));
      expect(seen.jobs.map(({ payload }) => payload)).toEqual(seen.ids);
      await parkedCount(again, 1);
      expect(await again.parked.list({ limit: 9 })).toMatchObject([{ id: 'poison', cause: 'POISON' }]);
    });
  });
}
