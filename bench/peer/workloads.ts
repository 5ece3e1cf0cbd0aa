import type { EngineLimits } from '../../core/engine/engine.ts';
import { Side } from '../../core/protocol/kinds.ts';
import { type LiveOrder, type Workload, WorkloadRecorder } from './workload-recorder.ts';

const MIDDLE_TICKS = 6_000_000;
const SWEEP_FILLS = 26;
const SWEEP_LOTS = 1_000;

/**
 * W1: the shares of exchange-core's published single-symbol mix: 82 % moves, 9 % resting orders, 6 % cancels, 3 % IOC, about
 * 1,000 resting. Each IOC takes about as many orders as keep the book at its size.
 */
export function exchangeCoreMix(seed: number, measured: number): Workload {
  const resting = 1_000;
  const halfLevels = 400;
  const recorder = new WorkloadRecorder(seed, limitsFor(2 ** 12, 2 ** 11), resting + measured);
  for (let order = 0; order < resting; order++) placeNear(recorder, halfLevels);
  const setupCount = recorder.recorded;
  for (let command = 0; command < measured; command++) {
    const draw = recorder.draw(100);
    if (draw < 82) {
      const order = recorder.anyLive();
      recorder.move(order, anotherPrice(recorder, order, halfLevels));
    } else if (draw < 91) placeNear(recorder, halfLevels);
    else if (draw < 97) recorder.cancel(recorder.anyLive());
    else takeNear(recorder, halfLevels, 100_000);
  }
  const mix = `82 % moves, 9 % GTC, 6 % cancels, 3 % IOC; about ${resting} resting on ${2 * halfLevels} levels`;
  return finish('W1', mix, recorder, setupCount);
}

export interface CryptoMixSizes {
  readonly resting: number; // orders of all books together
  readonly levels: number; // of each book, both sides together
  readonly measured: number;
  readonly books?: number; // 1 unless said
}

/** W2, and with few levels W4: half places, 45 % cancels, 5 % orders that cross. */
export function cryptoMix(
  name: string,
  seed: number,
  { resting, levels, measured, books = 1 }: CryptoMixSizes,
): Workload {
  const maxLevels = Math.min(4 * resting, 4 * levels * books);
  const limits = { ...limitsFor(4 * resting, maxLevels), maxInstruments: Math.max(16, books) };
  const recorder = new WorkloadRecorder(seed, limits, resting + measured, books);
  for (let order = 0; order < resting; order++) placeNear(recorder, levels >> 1);
  const setupCount = recorder.recorded;
  for (let command = 0; command < measured; command++) {
    const draw = recorder.draw(100);
    if (draw < 50) placeNear(recorder, levels >> 1);
    else if (draw < 95) recorder.cancel(recorder.anyLive());
    else takeNear(recorder, levels >> 1, 100_000);
  }
  return finish(
    name,
    `50 % places, 45 % cancels, 5 % crossing; ${resting} resting on ${levels} levels`,
    recorder,
    setupCount,
  );
}

/** W3: inserts into an empty book, on 10,000 levels; `sweepsOf` empties it again. */
export function insertsMix(seed: number, inserts: number): Workload {
  const recorder = new WorkloadRecorder(seed, limitsFor(inserts + 1, 2 ** 14), inserts);
  const setupCount = recorder.recorded;
  for (let order = 0; order < inserts; order++) insert(recorder);
  return finish('W3 inserts', `${inserts} inserts on 10000 levels`, recorder, setupCount);
}

/** The same inserts as set-up, then IOC orders of 26 whole fills each. */
export function sweepsMix(seed: number, inserts: number): Workload {
  const sweeps = Math.floor((inserts * 0.9) / SWEEP_FILLS);
  const recorder = new WorkloadRecorder(seed, limitsFor(inserts + 1, 2 ** 14), inserts + sweeps);
  for (let order = 0; order < inserts; order++) insert(recorder);
  const setupCount = recorder.recorded;
  for (let sweep = 0; sweep < sweeps; sweep++)
    takeNear(recorder, 5_000, 0, SWEEP_FILLS * SWEEP_LOTS, (sweep % 2) as Side);
  return finish(
    'W3 sweeps',
    `${sweeps} sweeps of ${SWEEP_FILLS} fills through what was inserted`,
    recorder,
    setupCount,
  );
}

function insert(recorder: WorkloadRecorder): void {
  const side = recorder.draw(2) as Side;
  recorder.place(side, priceNear(recorder, side, 5_000), SWEEP_LOTS);
}

function placeNear(recorder: WorkloadRecorder, halfLevels: number): void {
  const side = recorder.draw(2) as Side;
  recorder.place(side, priceNear(recorder, side, halfLevels), 1_000 + recorder.draw(100_000));
}

function priceNear(recorder: WorkloadRecorder, side: Side, halfLevels: number): number {
  const away = 1 + recorder.draw(halfLevels);
  return side === Side.BUY ? MIDDLE_TICKS - away : MIDDLE_TICKS + away;
}

function anotherPrice(recorder: WorkloadRecorder, order: LiveOrder, halfLevels: number): number {
  for (;;) {
    const priceTicks = priceNear(recorder, order.side, halfLevels);
    if (priceTicks !== order.priceTicks) return priceTicks;
  }
}

function takeNear(
  recorder: WorkloadRecorder,
  halfLevels: number,
  spreadLots: number,
  lots = 1_000 + recorder.draw(spreadLots),
  side: Side = recorder.draw(2) as Side,
): void {
  recorder.take(side, side === Side.BUY ? MIDDLE_TICKS + halfLevels : MIDDLE_TICKS - halfLevels, lots);
}

function limitsFor(maxOrders: number, maxLevels: number): EngineLimits {
  return { maxOrders, maxLevels, maxInstruments: 16 };
}

function finish(name: string, mix: string, recorder: WorkloadRecorder, setupCount: number): Workload {
  const { limits, window, recorded: count } = recorder;
  return { name, mix, limits, window, setupCount, count };
}
