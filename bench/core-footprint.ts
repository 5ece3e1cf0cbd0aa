import { setTimeout as sleep } from 'node:timers/promises';
import { BookMemory } from '../core/book/order-book.ts';
import { Engine } from '../core/engine/engine.ts';
import { EventWriter } from '../core/engine/event-writer.ts';
import { SLOT_BYTES } from '../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../core/ring/ring.ts';
import type { Workload } from './peer/workload-recorder.ts';
import { cryptoMix, exchangeCoreMix, insertsMix } from './peer/workloads.ts';
import type { Bench } from './support/bench.ts';
import { barChart } from './support/chart.ts';
import { garbageCollector } from './support/garbage.ts';
import { describeMachine } from './support/machine.ts';

const LIMIT_BYTES = 96;
const SIZES = {
  full: { crypto: 100_000, inserts: 1_000_000, commands: 100_000 },
  short: { crypto: 5_000, inserts: 10_000, commands: 5_000 },
} as const;
/** Buffers that are no part of the state: scratch records, a few words of each book. */
const SLACK_BYTES = 8_192;
const LOOKS = 100;
const LOOKS_ALIKE = 5;
const SETTLE_MS = 20;

/** Bytes of array buffers, by what they are for. What is sized once counts as far as it is in use. */
interface Footprint {
  readonly workload: Workload;
  readonly restingOrders: number;
  readonly levels: number;
  readonly bytes: Readonly<Record<(typeof PARTS)[number], number>>;
  readonly allocatedBytes: number; // capacity and all, as Node counts them
}

const PARTS = ['order rows', 'terms', 'links', 'expiry queue', 'levels', 'index pages', 'index roots'] as const;

export const footprintBench: Bench = {
  name: 'footprint',
  about: 'bytes of all arrays of the engine per resting order',
  size: 'W1, W2 and a million inserts: 10 s',
  async run({ seed, isShort, size, progress }) {
    const { crypto, inserts, commands } = SIZES[isShort ? 'short' : 'full'];
    const results: Footprint[] = [];
    for (const make of [
      () => exchangeCoreMix(seed, commands),
      () => cryptoMix('W2', seed, { resting: crypto, levels: 5_000, measured: commands }),
      () => insertsMix(seed, size ?? inserts),
    ]) {
      const workload = make();
      progress(`${workload.name}: ${workload.mix}`);
      results.push(await footprintOf(workload));
    }
    const perOrder = results.map(({ bytes, restingOrders }) => PARTS.map((part) => bytes[part] / restingOrders));
    const sums = perOrder.map((parts) => parts.reduce((sum, part) => sum + part, 0));
    return {
      heading: 'Bytes per resting order',
      mix: results.map(({ workload }) => `${workload.name}: ${workload.mix}`).join('. '),
      proof: results
        .map(
          ({ workload, allocatedBytes }) =>
            `${workload.name}: the arrays counted are all of the ${(allocatedBytes / 2 ** 20).toFixed(1)} MiB that Node counts when the engine is made`,
        )
        .join('. '),
      tables: [
        {
          columns: ['after', 'resting orders', 'levels', ...PARTS, 'bytes per order', 'limit'],
          rows: results.map(({ workload, restingOrders, levels }, index) => [
            workload.name,
            restingOrders.toLocaleString('en'),
            levels.toLocaleString('en'),
            ...perOrder[index]!.map((part) => part.toFixed(1)),
            sums[index]!.toFixed(1),
            `${LIMIT_BYTES}`,
          ]),
        },
      ],
      notes: [
        'Order rows, terms, links and expiry queue are counted for each order that rests, levels and index pages as many as are in use, the root of the index once. A small book carries its index with few orders; of what is allocated beforehand, memory that no order ever used is never touched.',
      ],
      pictures: [
        {
          name: 'core-footprint',
          about: 'bytes per resting order, by what they are for, beside the limit',
          svg: barChart({
            title: 'Bytes of the engine per resting order',
            subtitle: describeMachine(seed),
            groups: results.map(({ workload }) => workload.name),
            y: { label: 'bytes' },
            series: [
              { name: 'all arrays', values: sums },
              {
                name: 'of the order alone',
                values: perOrder.map((parts) => parts.slice(0, 4).reduce((sum, part) => sum + part)),
              },
            ],
            references: [{ value: LIMIT_BYTES, label: `at most ${LIMIT_BYTES}` }],
          }),
        },
      ],
    };
  },
};

/** @throws when the engine allocates array buffers that are not counted here */
async function footprintOf(workload: Workload): Promise<Footprint> {
  const { limits, window, setupCount, count } = workload;
  const ring = createRing(2 ** 12, 1);
  const reader = new RingReader(ring, 0);
  const release = (): void => reader.release(reader.available());
  const writer = new EventWriter(new RingWriter(ring), release);
  const before = await arrayBytes();
  const memory = new BookMemory(limits.maxOrders, limits.maxLevels);
  const withMemory = await arrayBytes();
  const { orders, levels, pages } = memory;
  const rowBytes = orders.orderF64.byteLength;
  const levelBytes = levels.f64.byteLength;
  const pageBytes = pages.words.byteLength / (1 + pages.capacity);
  const counted = rowBytes + orders.terms.byteLength + orders.nextSlot.byteLength + levelBytes + pages.words.byteLength;
  requireEqual(workload, 'shared memory of the books', withMemory - before, counted);
  const engine = new Engine(limits, writer, memory);
  const withEngine = await arrayBytes();
  const expiryBytes = 2 * Int32Array.BYTES_PER_ELEMENT * orders.capacity;
  requireEqual(workload, 'expiry queue', withEngine - withMemory, expiryBytes);
  for (let index = 0; index < count; index++) {
    engine.apply(window, index * SLOT_BYTES, 0);
    writer.flush();
    release();
  }
  const rootBytes = (await arrayBytes()) - withEngine; // no array was made but those of a book
  const restingOrders = engine.restingOrders;
  if (restingOrders === 0 || count === setupCount) throw new Error(`${workload.name}: nothing rests`);
  return {
    workload,
    restingOrders,
    levels: levels.used,
    allocatedBytes: withEngine - before + rootBytes,
    bytes: {
      'order rows': (rowBytes / orders.capacity) * restingOrders,
      terms: (orders.terms.byteLength / orders.capacity) * restingOrders,
      links: (orders.nextSlot.byteLength / orders.capacity) * restingOrders,
      'expiry queue': (expiryBytes / orders.capacity) * restingOrders,
      levels: (levelBytes / levels.capacity) * levels.used,
      'index pages': pageBytes * (1 + pages.used), // one is always empty
      'index roots': rootBytes,
    },
  };
}

/** @returns bytes of all array buffers that are in use: those of garbage are given back some time after its collection */
async function arrayBytes(): Promise<number> {
  const collectGarbage = garbageCollector();
  let bytes = Infinity;
  let alike = 0;
  for (let look = 0; look < LOOKS; look++) {
    collectGarbage();
    await sleep(SETTLE_MS);
    const before = bytes;
    bytes = process.memoryUsage().arrayBuffers;
    alike = bytes === before ? alike + 1 : 0;
    if (alike === LOOKS_ALIKE) return bytes; // code that is still compiled meanwhile keeps its constants alive
  }
  throw new Error(`array buffers did not come to rest: ${bytes} bytes`);
}

function requireEqual({ name }: Workload, what: string, allocated: number, counted: number): void {
  if (Math.abs(allocated - counted) > SLACK_BYTES)
    throw new Error(`${name}: ${what}: ${allocated} bytes were allocated, ${counted} are counted`);
}
