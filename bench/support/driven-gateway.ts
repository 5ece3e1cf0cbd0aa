import pino from 'pino';
import { Engine } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import { defaultMarkets } from '../../core/money/default-markets.ts';
import { type CommandHeader, encodeDefineAsset, encodeDefineInstrument } from '../../core/protocol/command-encoder.ts';
import { OrderType, SelfTradePrevention, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import { createOrderEncoder } from '../../core/protocol/order-encoder.ts';
import { RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../core/ring/ring.ts';
import { COMMAND_READER, EVENT_READER, releaseEvents } from '../../core/threads/ring-readers.ts';
import { CONTROL, createSharedControl } from '../../core/threads/shared-control.ts';
import { Gateway } from '../../gateway/gateway.ts';
import { CommandIds } from '../../gateway/orders/command-ids.ts';
import { InlineFunds } from '../../test/support/inline-funds.ts';
import { InlineHistory } from '../../test/support/inline-history.ts';
import { MemoryKeyStore } from '../../test/support/memory-key-store.ts';
import { MemoryLedger } from '../../test/support/memory-ledger.ts';
import { BENCH_LIMITS } from './command-mix.ts';

const PARTITIONS = 8;
const PRICE_TICKS = 6_000_000;
const RESTING_LOTS = 2 ** 46;
const LEAST_LOTS = 1_000; // that the market takes

/** The real gateway, whose event ring an engine on the same thread fills: nothing waits for a disk or another thread. */
export class DrivenGateway {
  readonly gateway: Gateway;
  readonly #control = new Int32Array(createSharedControl());
  readonly #window = new RecordWindow(new SharedArrayBuffer(SLOT_BYTES));
  readonly #orders = createOrderEncoder(this.#window);
  readonly #journal: RingReader;
  readonly #events: EventWriter;
  readonly #engine: Engine;

  private constructor(history: InlineHistory, funds: InlineFunds) {
    const eventRing = createRing(2 ** 12, EVENT_READER.COUNT);
    this.#journal = new RingReader(eventRing, EVENT_READER.JOURNAL);
    this.#events = new EventWriter(new RingWriter(eventRing), () => this.#deliver());
    this.#engine = new Engine(BENCH_LIMITS, this.#events);
    const [ledger, commandIds, clock] = [new MemoryLedger(PARTITIONS), new CommandIds(1), { nowMs: () => Date.now() }];
    this.gateway = new Gateway({
      control: this.#control.buffer as SharedArrayBuffer,
      commandRing: createRing(2 ** 10, COMMAND_READER.COUNT),
      eventRing,
      clock,
      ledger,
      keyStore: new MemoryKeyStore(),
      history: history.store,
      klines: history.klines,
      funds: funds.transfers(ledger, commandIds, clock).funds,
      commandIds,
      partitionCount: PARTITIONS,
      rateLimit: 'off',
      logger: pino({ level: 'error' }),
    });
  }

  /** @returns a gateway that listens, over a market with one large resting order */
  static async open(): Promise<{ driven: DrivenGateway; port: number }> {
    const driven = new DrivenGateway(await InlineHistory.open(PARTITIONS), await InlineFunds.open());
    const { assets, instruments } = defaultMarkets();
    for (const asset of assets) driven.#apply(0, (header) => encodeDefineAsset(driven.#window, 0, header, asset));
    for (const instrument of instruments)
      driven.#apply(0, (header) => encodeDefineInstrument(driven.#window, 0, header, instrument));
    driven.#order(100, Side.SELL, RESTING_LOTS);
    driven.#deliver();
    const { lastCommandSequence, lastEventSequence } = driven.#engine;
    await driven.gateway.resume({ lastCommandSequence, lastEventSequence });
    return { driven, port: await driven.gateway.listen() };
  }

  /** One trade on btcusd, delivered to whoever follows it: one turn of the gateway. */
  trade(): void {
    this.#order(101, Side.BUY, LEAST_LOTS + (this.#engine.lastCommandSequence % 1_000));
    this.#deliver();
  }

  #order(accountId: number, side: Side, quantityLots: number): void {
    this.#apply(accountId, (header) =>
      this.#orders.newOrder(0, 0, header, {
        instrumentId: 1,
        side,
        keyId: 1,
        orderType: OrderType.LIMIT,
        timeInForce: TimeInForce.GTC,
        selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST,
        flags: 0,
        priceTicks: PRICE_TICKS,
        stopPriceTicks: 0,
        quantityLots,
        budgetUnits: 0n,
        expiresAtMs: 0,
        makerRatePpm: 0,
        takerRatePpm: 0,
        clientOrderId: '',
      }),
    );
  }

  #apply(accountId: number, encode: (header: CommandHeader) => void): void {
    const commandSequence = this.#engine.lastCommandSequence + 1;
    encode({
      commandSequence,
      commandId: 2 ** 32 + commandSequence,
      timestampMs: 1_760_000_000_000 + commandSequence,
      accountId,
      ledgerSequence: 0,
    });
    this.#engine.apply(this.#window, 0, 0);
  }

  #deliver(): void {
    this.#events.flush();
    Atomics.store(this.#control, CONTROL.DURABLE_COMMAND, this.#engine.lastCommandSequence | 0);
    releaseEvents(this.#journal, this.#journal.available(), this.#control);
    while (this.gateway.poll());
  }
}
