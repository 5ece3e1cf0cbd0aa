import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { Engine } from '../core/engine/engine.ts';
import { EventWriter } from '../core/engine/event-writer.ts';
import { defaultMarkets } from '../core/money/default-markets.ts';
import { type CommandHeader, encodeDefineAsset, encodeDefineInstrument } from '../core/protocol/command-encoder.ts';
import * as commandRecord from '../core/protocol/command-record.ts';
import { OrderType, SelfTradePrevention, Side, TimeInForce } from '../core/protocol/kinds.ts';
import { createOrderEncoder } from '../core/protocol/order-encoder.ts';
import * as recordWindow from '../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../core/ring/ring.ts';
import { garbageCollector } from './support/garbage.ts';

const { AMEND_ORDER, CANCEL_ORDER, COMMAND } = commandRecord;
const { RecordWindow, SLOT_BYTES } = recordWindow;

const LIMITS = { maxOrders: 1_024, maxLevels: 1_024, maxInstruments: 16 };
const PRICE_TICKS = 6_000_000;
const LOTS = 2 ** 40; // beyond small integers: a number that the core passed on as an object would show
const CYCLE_COMMANDS = 6;
const CYCLE_EVENTS = 12;
const WARM_UP_CYCLES = 100_000;
const LOOKS = 5;
const SETTLE_MS = 50;

/** What a process of its own found: nothing else may allocate while it looks. */
export interface SteadyState {
  readonly commands: number;
  readonly heapGrowthBytes: number;
  readonly collections: number;
  readonly longestPauseMs: number;
}

/**
 * Six commands again and again: two orders rest, one moves, two takers fill the other, the second with a remainder, a cancel ends the moved one. Their
 * records are there before; only sequences, ids, slots and generations change.
 */
class Cycle {
  readonly #window = new RecordWindow(new SharedArrayBuffer((64 + CYCLE_COMMANDS) * SLOT_BYTES));
  readonly #orders = createOrderEncoder(this.#window);
  readonly #writer: EventWriter;
  readonly #reader: RingReader;
  readonly #engine: Engine;
  readonly #firstAt: number;
  #sequence = 0;
  #sellSlot = 0; // slots change hands every cycle: what is freed last is taken first
  #buySlot = 1;
  readonly #generations = new Int32Array(2);

  constructor() {
    const ring = createRing(256, 1);
    this.#reader = new RingReader(ring, 0);
    this.#writer = new EventWriter(new RingWriter(ring), () => this.#release());
    this.#engine = new Engine(LIMITS, this.#writer);
    const window = this.#window;
    const { assets, instruments } = defaultMarkets();
    for (const asset of assets) this.#define((at) => encodeDefineAsset(window, at, this.#header(), asset));
    for (const instrument of instruments)
      this.#define((at) => encodeDefineInstrument(window, at, this.#header(), instrument));
    const firstAt = this.#sequence * SLOT_BYTES;
    this.#firstAt = firstAt;
    this.#place(firstAt, Side.SELL, PRICE_TICKS, LOTS, TimeInForce.GTC, 1);
    this.#place(firstAt + SLOT_BYTES, Side.BUY, PRICE_TICKS - 20, LOTS, TimeInForce.GTC, 2);
    this.#orders.amendOrder(firstAt + 2 * SLOT_BYTES, this.#header(2), {
      ...NAME,
      side: Side.BUY,
      priceTicks: PRICE_TICKS - 10,
      quantityLots: LOTS,
      heldUnits: 0n,
    });
    this.#place(firstAt + 3 * SLOT_BYTES, Side.BUY, PRICE_TICKS, LOTS / 4, TimeInForce.IOC, 3);
    this.#place(firstAt + 4 * SLOT_BYTES, Side.BUY, PRICE_TICKS, LOTS, TimeInForce.IOC, 3);
    this.#orders.cancelOrder(firstAt + 5 * SLOT_BYTES, this.#header(2), NAME);
  }

  /** @throws when a command did anything else than it is here for */
  run(cycles: number): void {
    const before = this.#engine.lastEventSequence;
    for (let cycle = 0; cycle < cycles; cycle++) this.#once();
    const events = this.#engine.lastEventSequence - before;
    if (events !== cycles * CYCLE_EVENTS || this.#engine.restingOrders !== 0)
      throw new Error(`${cycles} cycles made ${events} events and left ${this.#engine.restingOrders} orders`);
  }

  #once(): void {
    const { i32, f64 } = this.#window;
    const firstAt = this.#firstAt;
    const commandId = 2 ** 33 + this.#sequence;
    const generations = this.#generations;
    const buySlot = this.#buySlot;
    for (let command = 0; command < CYCLE_COMMANDS; command++) {
      const number = (firstAt + command * SLOT_BYTES) >> 3;
      f64[number + (COMMAND.COMMAND_SEQUENCE >> 3)] = this.#sequence + 1 + command;
      f64[number + (COMMAND.COMMAND_ID >> 3)] = commandId + command;
    }
    const amendAt = firstAt + 2 * SLOT_BYTES;
    const cancelAt = firstAt + 5 * SLOT_BYTES;
    f64[(amendAt + AMEND_ORDER.ORDER_ID) >> 3] = commandId + 1;
    f64[(cancelAt + CANCEL_ORDER.ORDER_ID) >> 3] = commandId + 1;
    i32[(amendAt + AMEND_ORDER.SLOT) >> 2] = buySlot;
    i32[(cancelAt + CANCEL_ORDER.SLOT) >> 2] = buySlot;
    i32[(amendAt + AMEND_ORDER.GENERATION) >> 2] = generations[buySlot]!;
    i32[(cancelAt + CANCEL_ORDER.GENERATION) >> 2] = generations[buySlot]! + 1;
    for (let command = 0; command < CYCLE_COMMANDS; command++)
      this.#engine.apply(this.#window, firstAt + command * SLOT_BYTES, 0);
    this.#writer.flush();
    this.#release();
    this.#sequence += CYCLE_COMMANDS;
    generations[this.#sellSlot] = generations[this.#sellSlot]! + 1;
    generations[buySlot] = generations[buySlot]! + 2;
    this.#buySlot = this.#sellSlot;
    this.#sellSlot = buySlot;
  }

  #define(encode: (at: number) => void): void {
    const at = this.#sequence * SLOT_BYTES;
    encode(at);
    this.#engine.apply(this.#window, at, 0);
    this.#writer.flush();
    this.#release();
    this.#sequence += 1;
  }

  #place(
    at: number,
    side: Side,
    priceTicks: number,
    quantityLots: number,
    timeInForce: TimeInForce,
    accountId: number,
  ) {
    this.#orders.newOrder(at, 0, this.#header(accountId), {
      instrumentId: 1,
      side,
      keyId: 1,
      orderType: OrderType.LIMIT,
      timeInForce,
      selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST,
      flags: 0,
      priceTicks,
      stopPriceTicks: 0,
      quantityLots,
      budgetUnits: 0n,
      expiresAtMs: 0,
      makerRatePpm: 2_000,
      takerRatePpm: 4_000,
      clientOrderId: '',
    });
  }

  #header(accountId = 0): CommandHeader {
    const commandSequence = this.#sequence + 1;
    return { commandSequence, commandId: 2 ** 33 + this.#sequence, timestampMs: 2 ** 40, accountId, ledgerSequence: 0 };
  }

  #release(): void {
    this.#reader.release(this.#reader.available());
  }
}

const NAME = { instrumentId: 1, keyId: 1, orderId: 0, slot: 0, generation: 0 };

/**
 * For a fresh process: other code's garbage would count too. It looks again, five times at most, while anything was
 * allocated: on a busy machine code may be compiled late. What every command allocates shows every time.
 */
export async function watchSteadyState(commands: number): Promise<SteadyState> {
  const collectGarbage = garbageCollector();
  const cycle = new Cycle();
  const cycles = Math.ceil(commands / CYCLE_COMMANDS);
  for (let turn = 0; turn < 10; turn++) {
    cycle.run(WARM_UP_CYCLES / 10);
    await new Promise(setImmediate); // code that was compiled meanwhile is taken into use
  }
  for (let look = 1; ; look++) {
    collectGarbage();
    const found = await watch(() => cycle.run(cycles));
    if (found.collections === 0 || look === LOOKS) return { commands: cycles * CYCLE_COMMANDS, ...found };
  }
}

async function watch(work: () => void): Promise<Omit<SteadyState, 'commands'>> {
  const pauses: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) pauses.push(duration);
  });
  await setTimeout(SETTLE_MS);
  observer.observe({ entryTypes: ['gc'] });
  const before = process.memoryUsage().heapUsed;
  work();
  const heapGrowthBytes = process.memoryUsage().heapUsed - before;
  await setTimeout(SETTLE_MS); // the observer hears of a collection in a later turn
  observer.disconnect();
  return { heapGrowthBytes, collections: pauses.length, longestPauseMs: Math.max(0, ...pauses) };
}

if (process.argv[1] === import.meta.filename)
  console.log(JSON.stringify(await watchSteadyState(Number(process.argv[2] ?? 10_000_000))));
