import { Engine, type EngineLimits } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import { EventLogWriter } from '../../core/journal/event-log-writer.ts';
import { type FrameBuilder, LogKind } from '../../core/journal/frame.ts';
import { recoverJournal } from '../../core/journal/journal-recovery.ts';
import { JournalWriter } from '../../core/journal/journal-writer.ts';
import { LogReader } from '../../core/journal/log-reader.ts';
import { scanEventLog } from '../../core/journal/log-scan.ts';
import { Catalogue } from '../../core/money/catalogue.ts';
import { defaultMarkets } from '../../core/money/default-markets.ts';
import { needUnits } from '../../core/money/need.ts';
import { commandSlots } from '../../core/protocol/command-record.ts';
import { decodeEvent, type ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { eventSlots } from '../../core/protocol/event-record.ts';
import { CommandKind, EventKind, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import { RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../core/ring/ring.ts';
import { EMBEDDED_ARCHIVE } from '../../main/exchange-transfers.ts';
import { EmbeddedFeed } from '../../workers/bus/embedded-feed.ts';
import type { FeedFailure } from '../../workers/bus/feed-settings.ts';
import { EmbeddedLedger } from '../../workers/ledger/embedded-ledger.ts';
import { SettlementConsumer } from '../../workers/settlement/settlement-consumer.ts';
import { ExchangeDatabase } from '../../workers/storage/exchange-database.ts';
import { raiseStartNumber } from '../../workers/storage/start-number.ts';
import { SqliteTransferDesk } from '../../workers/transfers/sqlite-transfer-desk.ts';
import { TransferStore } from '../../workers/transfers/transfer-store.ts';
import { type ExchangeCommand, encodeCommand } from '../support/exchange-command.ts';
import { PLAIN_ORDER } from '../support/plain-order.ts';
import type { RandomIntegers } from '../support/random-integers.ts';

export const LIMITS: EngineLimits = { maxOrders: 4_096, maxLevels: 1_024, maxInstruments: 8 };
export const TRADERS = [100, 101, 102, 103, 104];
const SEGMENT_BYTES = 64 * 1024;
const RATES_PPM = [0, 1, 2_000, 4_000, 999_999];

export interface PlaceFields {
  readonly instrumentId: number;
  readonly accountId: number;
  readonly side: Side;
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly timeInForce?: TimeInForce;
  readonly makerRatePpm?: number;
  readonly takerRatePpm?: number;
  readonly keyId?: number;
  readonly clientOrderId?: string;
}

/** An exchange without threads and gateway: real engine, journal, event log, ledger, feed and settlement, one step at a time. */
export class TradingFolder {
  readonly folder: string;
  readonly catalogue = new Catalogue();
  readonly exchange: ExchangeDatabase;
  readonly ledger: EmbeddedLedger;
  readonly feed: EmbeddedFeed;
  readonly firstCommandId: number;
  readonly failures: FeedFailure[] = [];
  readonly engine: Engine;
  readonly #journal: JournalWriter;
  readonly #log: EventLogWriter;
  readonly #group: FrameBuilder;
  readonly #batch: FrameBuilder;
  readonly #writer: EventWriter;
  readonly #reader: RingReader;
  readonly #window = new RecordWindow(new ArrayBuffer(2 * SLOT_BYTES));
  readonly #resting = new Map<number, ExchangeEvent & { kind: typeof EventKind.BOOKED }>();
  #lastCommandId: number;
  #timestampMs = 1_760_000_000_000;

  private constructor(folder: string, exchange: ExchangeDatabase, ledger: EmbeddedLedger, startNumber: number) {
    this.folder = folder;
    this.exchange = exchange;
    this.ledger = ledger;
    this.firstCommandId = startNumber * 2 ** 32;
    this.#lastCommandId = this.firstCommandId - 1;
    const ring = createRing(2 ** 10, 1);
    this.#reader = new RingReader(ring, 0);
    this.#writer = new EventWriter(new RingWriter(ring), () => this.#drain());
    this.engine = new Engine(LIMITS, this.#writer);
    const options = { segmentBytes: SEGMENT_BYTES };
    this.#journal = new JournalWriter(folder, recoverJournal(folder, options).end, options);
    this.#log = new EventLogWriter(
      folder,
      scanEventLog(folder, () => {}),
      options,
    );
    this.#group = this.#journal.newGroup();
    this.#batch = this.#log.newBatch();
    this.#replay(folder);
    this.feed = new EmbeddedFeed({
      folder,
      partitionCount: exchange.partitionCount,
      endSequence: () => this.#log.lastSequence,
      onFailure: (failure) => this.failures.push(failure),
      batchEvents: 64,
    });
  }

  /** Opens a folder, as new or after a crash. Settlement does not run until `settle`. */
  static async open(folder: string): Promise<TradingFolder> {
    const exchange = await ExchangeDatabase.open(folder, (error) => {
      throw error;
    });
    const ledger = await EmbeddedLedger.open(exchange);
    const opened = new TradingFolder(folder, exchange, ledger, await raiseStartNumber(exchange));
    await ledger.raiseFloor(opened.firstCommandId);
    if (opened.engine.lastCommandSequence === 0) await opened.#setUp();
    return opened;
  }

  get endSequence(): number {
    return this.#log.lastSequence;
  }

  /** The end of what the log will hold once `commit` was called. */
  get timestampMs(): number {
    return this.#timestampMs;
  }

  /** Holds what the order needs, and no more: as when the process dies before the journal has it. */
  async holdOnly(fields: PlaceFields): Promise<{ readonly commandId: number; readonly ledgerSequence: number } | null> {
    const instrument = this.catalogue.instrument(fields.instrumentId)!;
    const { side, priceTicks, quantityLots, accountId } = fields;
    const { assetId } = side === Side.BUY ? instrument.quote : instrument.base;
    this.#lastCommandId += 1;
    const commandId = this.#lastCommandId;
    const units = needUnits(instrument, side, priceTicks, quantityLots, { ...RATES, ...fields });
    const answer = await this.ledger.hold({ commandId, accountId, assetId, units, timestampMs: this.#timestampMs });
    return answer.outcome === 'HELD' ? { commandId, ledgerSequence: answer.ledgerSequence } : null;
  }

  /** @returns the order's id, or null when its account is short of funds */
  async place(fields: PlaceFields): Promise<number | null> {
    const held = await this.holdOnly(fields);
    if (held === null) return null;
    const header = { ...this.#header(fields.accountId), ...held };
    this.#submit({ kind: CommandKind.NEW_ORDER, header, order: { ...PLAIN_ORDER, ...RATES, ...fields } });
    return held.commandId;
  }

  cancel(orderId: number): boolean {
    const order = this.#resting.get(orderId);
    if (order === undefined) return false;
    const { instrumentId, keyId, slot, generation, accountId } = order;
    this.#lastCommandId += 1;
    const header = { ...this.#header(accountId), commandId: this.#lastCommandId };
    const cancel = { instrumentId, keyId, orderId, slot, generation };
    this.#submit({ kind: CommandKind.CANCEL_ORDER, header, cancel });
    return true;
  }

  /** Places and cancels at random, in a narrow range of prices so that much trades. */
  async trade(random: RandomIntegers, commands: number): Promise<void> {
    for (let command = 0; command < commands; command++) {
      const resting = [...this.#resting.keys()];
      if (resting.length > 0 && random.onceIn(4)) this.cancel(random.oneOf(resting));
      else await this.place(randomOrder(random));
      if (random.onceIn(8)) this.commit();
    }
    this.commit();
  }

  /** Journal first, then the events of what it holds. */
  commit(): void {
    if (this.#group.recordCount > 0) {
      if (this.#journal.append(this.#group) !== 'DONE') throw new Error('no space for the test');
      this.#group.clear();
    }
    this.#writer.flush();
    this.#drain();
    this.#appendBatch();
    this.feed.wake();
  }

  startSettlement(): void {
    this.feed.subscribe(new SettlementConsumer(this.ledger, this.catalogue));
  }

  /** Starts settlement and waits until it has met everything. */
  async settle(): Promise<void> {
    this.startSettlement();
    await this.feed.settledThrough(this.endSequence);
  }

  /** Ends without committing what was submitted since the last commit. */
  async abandon(): Promise<void> {
    await this.feed.stop();
    this.#journal.close();
    this.#log.close();
    await this.exchange.close();
  }

  async #setUp(): Promise<void> {
    const { assets, instruments } = defaultMarkets();
    for (const asset of assets) this.#submit({ kind: CommandKind.DEFINE_ASSET, header: this.#ownHeader(), asset });
    for (const definition of instruments)
      this.#submit({ kind: CommandKind.DEFINE_INSTRUMENT, header: this.#ownHeader(), definition });
    this.commit();
    const deposits = TRADERS.flatMap((accountId) =>
      assets.map(({ assetId, decimals }) => ({ accountId, assetId, units: 1_000n * 10n ** BigInt(decimals) })),
    );
    await this.#deposit(deposits);
  }

  /** As the operator does it: submitted and confirmed. */
  async #deposit(deposits: readonly { accountId: number; assetId: number; units: bigint }[]): Promise<void> {
    const store = await TransferStore.open(this.exchange);
    const nextId = (): number => {
      this.#lastCommandId += 1;
      return this.#lastCommandId;
    };
    const parts = {
      store,
      ledger: this.ledger,
      archive: EMBEDDED_ARCHIVE,
      ids: { next: nextId },
      clock: { nowMs: () => this.#timestampMs },
    };
    const desk = new SqliteTransferDesk(parts);
    await Promise.all(
      deposits.map(async ({ accountId, assetId, units }) => {
        const way = { network: '', address: '', txHash: '', clientKey: `${accountId} ${assetId}` };
        const submitted = await desk.submitDeposit({ accountId, assetId, units, ...way });
        if (submitted.outcome !== 'TAKEN') throw new Error(submitted.outcome);
        await desk.confirm('deposit', submitted.transfer.transferId);
      }),
    );
    await store.close();
  }

  #submit(command: ExchangeCommand): void {
    encodeCommand(this.#window, 0, SLOT_BYTES, command);
    const slots = commandSlots(this.#window, 0);
    if (!this.#group.tryAdd(this.#window, 0, SLOT_BYTES, slots)) {
      this.commit();
      this.#group.tryAdd(this.#window, 0, SLOT_BYTES, slots);
    }
    this.engine.apply(this.#window, 0, SLOT_BYTES);
    this.#writer.flush();
    this.#drain();
  }

  #replay(folder: string): void {
    const journal = new LogReader(folder, LogKind.JOURNAL);
    for (let frame = journal.nextFrame(); frame !== null; frame = journal.nextFrame())
      for (let at = 0; at < frame.byteLength; at += commandSlots(frame.window, at) * SLOT_BYTES)
        this.engine.apply(frame.window, at, at + SLOT_BYTES);
    journal.close();
    this.#timestampMs = Math.max(this.#timestampMs, this.engine.lastTimestampMs);
    this.#writer.flush();
    this.#drain();
    this.#appendBatch();
  }

  #drain(): void {
    const { window } = this.#reader;
    const available = this.#reader.available();
    for (let index = 0; index < available; ) {
      const at = this.#reader.offsetAt(index);
      const continuationAt = this.#reader.offsetAt(index + 1);
      const slots = eventSlots(window, at);
      const event = decodeEvent(window, at, continuationAt);
      this.#follow(event);
      if (event.eventSequence > this.#log.lastSequence && !this.#batch.tryAdd(window, at, continuationAt, slots)) {
        this.#appendBatch();
        this.#batch.tryAdd(window, at, continuationAt, slots);
      }
      index += slots;
    }
    this.#reader.release(available);
  }

  #appendBatch(): void {
    if (this.#batch.recordCount === 0) return;
    if (this.#log.append(this.#batch) !== 'DONE') throw new Error('no space for the test');
    this.#batch.clear();
  }

  #follow(event: ExchangeEvent): void {
    if (event.kind === EventKind.ASSET_DEFINED) this.catalogue.putAsset(event.asset);
    if (event.kind === EventKind.INSTRUMENT_DEFINED)
      this.catalogue.putInstrument(
        defaultMarkets().instruments.find(({ symbol }) => symbol === event.definition.symbol)!,
      );
    if (event.kind === EventKind.BOOKED) this.#resting.set(event.orderId, event);
    if (event.kind === EventKind.CANCELLED) this.#resting.delete(event.orderId);
    if (event.kind === EventKind.FILLED && event.makerRemainingLots === 0) this.#resting.delete(event.makerOrderId);
  }

  #ownHeader() {
    this.#lastCommandId += 1;
    return { ...this.#header(0), commandId: this.#lastCommandId };
  }

  #header(accountId: number) {
    this.#timestampMs += 1;
    const commandSequence = this.engine.lastCommandSequence + 1;
    return { commandSequence, timestampMs: this.#timestampMs, accountId, ledgerSequence: 0 };
  }
}

const RATES = { makerRatePpm: 2_000, takerRatePpm: 4_000 };

export function randomOrder(random: RandomIntegers): PlaceFields {
  return {
    instrumentId: random.between(1, 6),
    accountId: random.oneOf(TRADERS),
    side: random.below(2) as Side,
    priceTicks: random.between(10_000, 10_010),
    quantityLots: random.between(10_000, 90_000),
    timeInForce: random.oneOf([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
    makerRatePpm: random.oneOf(RATES_PPM),
    takerRatePpm: random.oneOf(RATES_PPM),
  };
}
