import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SnapshotReader } from '../../core/journal/snapshot-reader.ts';
import { Catalogue } from '../../core/money/catalogue.ts';
import { notionalUnits } from '../../core/money/instrument.ts';
import { type EventBatch, partitionOf } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import { CatalogueEvents } from '../../gateway/market-data/catalogue-events.ts';
import { MarketData } from '../../gateway/market-data/market-data.ts';
import { TAPE_TRADES } from '../../gateway/market-data/trade-tape.ts';
import { HistoryMismatchError, liveOrdersAt } from '../../gateway/orders/live-orders.ts';
import { isClosed, type Order, repeatKey } from '../../gateway/orders/order.ts';
import { OrderView } from '../../gateway/orders/order-view.ts';
import { HistoryConsumer } from '../../workers/history/history-consumer.ts';
import { changedOrderIds } from '../../workers/history/order-progress.ts';
import { SqliteHistoryStore } from '../../workers/history/sqlite-history-store.ts';
import { KlineWriter } from '../../workers/klines/kline-writer.ts';
import { KlinesConsumer } from '../../workers/klines/klines-consumer.ts';
import { SqliteKlineStore } from '../../workers/klines/sqlite-kline-store.ts';
import { HistoryDatabase } from '../../workers/storage/history-database.ts';
import { KlinesDatabase } from '../../workers/storage/klines-database.ts';
import { writeSnapshot } from '../core/journal/snapshot-tape.ts';
import { CommandStream } from '../support/command-stream.ts';
import { EngineHarness } from '../support/engine-harness.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';

const PARTITIONS = 8;
const COMMANDS = 1_200;
const ACCOUNTS = [101, 102, 103, 104, 105, 106, 199];
const SEEDS = process.env.RINGBOOK_TEST_LONG === '1' ? 60 : 6;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** What a gateway knows from events, as it is wired there. */
class Views {
  readonly catalogue = new Catalogue();
  readonly definitions = new CatalogueEvents(this.catalogue);
  readonly orders = new OrderView();
  readonly market = new MarketData(this.catalogue);

  take(events: readonly ExchangeEvent[]): void {
    for (const event of events)
      for (const listener of [this.definitions, this.orders, this.market]) listener.onEvent(event);
  }
}

/** No ledger stands before this core: some streams trade more than there can ever be. */
const MAX_NOTIONAL_UNITS = 2n ** 63n - 1n;

/** Everything that came of a stream of commands, and a snapshot amid it. */
function trade(streamSeed: number, cut: number): ReturnType<typeof tradeAny> {
  const traded = tradeAny(streamSeed, cut);
  const known = new Views();
  known.take(traded.events);
  const isPossible = traded.events.every((event) => {
    if (event.kind !== EventKind.FILLED) return true;
    const instrument = known.catalogue.instrument(event.instrumentId)!;
    return notionalUnits(instrument, event.priceTicks, event.quantityLots) <= MAX_NOTIONAL_UNITS;
  });
  return isPossible ? traded : trade(streamSeed + 1_000, cut);
}

function tradeAny(streamSeed: number, cut: number) {
  const stream = new CommandStream(streamSeed);
  const harness = new EngineHarness({ limits: stream.limits });
  const folder = temporaryFolder();
  const events: ExchangeEvent[] = [];
  let snapshotPath = '';
  for (let command = 1; command <= COMMANDS; command++) {
    const made = harness.apply(stream.next());
    stream.observe(made);
    events.push(...made);
    if (command === cut) snapshotPath = writeSnapshot(folder, harness.engine.exportState(false));
  }
  return { folder, events, snapshot: new SnapshotReader(snapshotPath) };
}

/** The history as it is when each partition has consumed up to a place of its own at or after the snapshot; candles anywhere. */
async function storedHistory(
  folder: string,
  events: readonly ExchangeEvent[],
  ends: readonly number[],
  klineEnds: readonly number[] = ends,
) {
  const rethrow = (error: Error): void => {
    throw error;
  };
  const database = await HistoryDatabase.open(folder, PARTITIONS, rethrow);
  const klinesDatabase = await KlinesDatabase.open(folder, PARTITIONS, rethrow);
  const known = new Views();
  known.take(events);
  const consumer = await HistoryConsumer.open(database, known.catalogue);
  const klinesConsumer = new KlinesConsumer(await KlineWriter.open(klinesDatabase, known.catalogue));
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await consumer.consume(batchThrough(events, partition, ends[partition]!));
    await klinesConsumer.consume(batchThrough(events, partition, klineEnds[partition]!));
  }
  const store = await SqliteHistoryStore.open(folder);
  const klines = await SqliteKlineStore.open(folder);
  return {
    store,
    klines,
    async close(): Promise<void> {
      await store.close();
      await klines.close();
      await database.close();
      await klinesDatabase.close();
    },
  };
}

function batchThrough(events: readonly ExchangeEvent[], partition: number, lastSequence: number): EventBatch {
  const own = events.filter(
    (event) => partitionOf(event, PARTITIONS) === partition && event.eventSequence <= lastSequence,
  );
  return { partition, beforeSequence: 0, lastSequence, events: own };
}

function requireSameMarkets(primed: Views, whole: Views, nowMs: number): void {
  expect(primed.catalogue.assets()).toEqual(whole.catalogue.assets());
  expect(primed.catalogue.instruments()).toEqual(whole.catalogue.instruments());
  for (const { instrumentId } of whole.catalogue.instruments()) {
    const [one, other] = [primed.market, whole.market];
    expect(one.depth.bids(instrumentId, 0)).toEqual(other.depth.bids(instrumentId, 0));
    expect(one.depth.asks(instrumentId, 0)).toEqual(other.depth.asks(instrumentId, 0));
    expect(one.states.state(instrumentId)).toBe(other.states.state(instrumentId));
    expect(one.tape.newest(instrumentId, TAPE_TRADES)).toMatchObject(other.tape.newest(instrumentId, TAPE_TRADES));
    expect(one.statistics.summary(instrumentId, nowMs)).toEqual(other.statistics.summary(instrumentId, nowMs));
    expect(one.statistics.hourlyCloses(instrumentId, nowMs)).toEqual(
      other.statistics.hourlyCloses(instrumentId, nowMs),
    );
  }
}

/** Field by field of the view that has seen everything: the primed one may carry more of the history. */
function requireSameOrders(primed: Views, whole: Views, events: readonly ExchangeEvent[], cutSequence: number): void {
  for (const accountId of ACCOUNTS)
    expect(primed.orders.restingOrders(accountId)).toMatchObject(whole.orders.restingOrders(accountId));
  expect(primed.orders.restingCount).toBe(whole.orders.restingCount);
  for (const event of events) {
    if (event.kind !== EventKind.ACCEPTED) continue;
    const { orderId, keyId, clientOrderId, timestampMs } = event;
    const due = whole.orders.order(orderId)!;
    const found = primed.orders.order(orderId);
    if (found !== undefined) expect(found).toMatchObject(due);
    else expect(wasClosedBy(due, events, cutSequence)).toBe(true);
    if (clientOrderId === '') continue;
    const newest = primed.orders.byClientOrderId(keyId, clientOrderId);
    const dueNewest = whole.orders.byClientOrderId(keyId, clientOrderId)!;
    if (newest === undefined) expect(wasClosedBy(dueNewest, events, cutSequence)).toBe(true);
    else expect(newest.orderId).toBe(dueNewest.orderId);
    const repeated = primed.orders.repeatedOrder(repeatKey(event), timestampMs);
    const dueRepeated = whole.orders.repeatedOrder(repeatKey(event), timestampMs)!;
    if (found !== undefined && dueRepeated === due) expect(repeated).toBe(found);
    else if (repeated === undefined) expect(primed.orders.mayHaveForgottenRepeat(timestampMs)).toBe(true);
    else expect(repeated.orderId).toBe(dueRepeated.orderId);
  }
}

function wasClosedBy(order: Order, events: readonly ExchangeEvent[], cutSequence: number): boolean {
  const last = events.findLast((event) => changedOrderIds(event).includes(order.orderId));
  return isClosed(order) && last!.eventSequence <= cutSequence;
}

for (let round = 0; round < SEEDS; round++) {
  const own = seed + round;
  test(`views that begin at a snapshot, anywhere, equal those of all events (SEED=${own})`, async () => {
    const random = new RandomIntegers(own);
    const { folder, events, snapshot } = trade(own, random.between(10, COMMANDS));
    const { eventSequence: cut } = snapshot.state;
    const ends = Array.from({ length: PARTITIONS }, () => random.between(cut, events.length));
    const klineEnds = Array.from({ length: PARTITIONS }, () => random.between(0, events.length));
    const history = await storedHistory(folder, events, ends, klineEnds);
    const nowMs = events.at(-1)!.timestampMs;
    const whole = new Views();
    whole.take(events);

    const primed = new Views();
    primed.definitions.prime(snapshot.definitions(), snapshot.markets());
    primed.market.beginAt(snapshot);
    const live = await liveOrdersAt(snapshot, history.store, primed.catalogue);
    expect(live.length).toBe(snapshot.state.restingOrders);
    primed.orders.prime(live, snapshot.state);
    const atCut = new Views();
    atCut.take(events.slice(0, cut));
    requireSameOrders(primed, atCut, events.slice(0, cut), cut);
    primed.take(events.slice(cut));
    await primed.market.prime({ history: history.store, klines: history.klines }, primed.catalogue, nowMs);

    requireSameMarkets(primed, whole, nowMs);
    requireSameOrders(primed, whole, events, cut);
    await history.close();
    rmSync(folder, { recursive: true });
  });
}

test(`a history that does not know the snapshot's orders is refused (SEED=${seed})`, async () => {
  let streamSeed = seed;
  let traded = trade(streamSeed, COMMANDS);
  while (traded.snapshot.state.restingOrders === 0) traded = trade(++streamSeed, COMMANDS);
  const { folder, events, snapshot } = traded;
  const views = new Views();
  views.take(events);
  const history = await storedHistory(folder, [], Array(PARTITIONS).fill(events.length));
  await expect(liveOrdersAt(snapshot, history.store, views.catalogue)).rejects.toThrow(HistoryMismatchError);
  await history.close();
});
