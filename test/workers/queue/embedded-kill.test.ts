import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { QueueWorker } from '../../support/queue-worker.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { waitUntil } from '../../support/wait-until.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 20 : 4;
const JOBS = 400;

let folder = '';
const workers: QueueWorker[] = [];
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.kill();
  rmSync(folder, { recursive: true, force: true });
});

test(`killed again and again, every job that was taken is done, or parked: once each in effect (SEED=${seed})`, async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-queue-kill-'));
  const random = new RandomIntegers(seed);
  const taken = new Set<string>();
  const effects = new Set<string>();
  let deliveries = 0;
  const start = async (): Promise<QueueWorker> => {
    const worker = await QueueWorker.start(
      { queue: { kind: 'embedded', folder }, consumes: 'alpha', poisonEvery: 50 },
      ([word = '', id = '']) => {
        if (word === 'taken') taken.add(id);
        if (word !== 'done') return;
        deliveries += 1;
        effects.add(id);
      },
    );
    workers.push(worker);
    return worker;
  };
  for (let round = 0; round < ROUNDS; round++) {
    const worker = await start();
    const until = taken.size + random.between(1, JOBS / 2);
    worker.send(`enqueue round-${round} ${JOBS}`);
    await waitUntil(() => taken.size >= until, `${until} jobs taken`);
    await worker.kill();
  }
  const last = await start();
  let parked = new Set<string>();
  const missing = () => [...taken].filter((id) => !effects.has(id) && !parked.has(id));
  await waitUntil(async () => {
    parked = new Set(JSON.parse(await last.ask('parked')) as string[]);
    return missing().length === 0;
  }, 'all that was taken is done or parked');
  expect([...parked].every((id) => Number(id.split('-').at(-1)) % 50 === 0)).toBe(true);
  expect([...effects].some((id) => Number(id.split('-').at(-1)) % 50 === 0)).toBe(false);
  expect(deliveries).toBeGreaterThanOrEqual(effects.size);
}, 240_000);
