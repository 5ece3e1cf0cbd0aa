import pino from 'pino';
import { Engine, type EngineLimits } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import { FIRST_CLIENT_ACCOUNT_ID } from '../../core/money/asset.ts';
import { defaultMarkets } from '../../core/money/default-markets.ts';
import type { ApiKey, Role } from '../../core/ports/keys.ts';
import { commandSlots } from '../../core/protocol/command-record.ts';
import { decodeEvent } from '../../core/protocol/event-decoder.ts';
import { eventSlots } from '../../core/protocol/event-record.ts';
import { RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { DoorbellLoop } from '../../core/ring/doorbell.ts';
import { createRing, RingReader, RingWriter } from '../../core/ring/ring.ts';
import { COMMAND_READER, EVENT_READER, releaseEvents } from '../../core/threads/ring-readers.ts';
import { CONTROL, createSharedControl, ringDoorbell } from '../../core/threads/shared-control.ts';
import { Gateway, type GatewayDependencies } from '../../gateway/gateway.ts';
import { CommandIds } from '../../gateway/orders/command-ids.ts';
import { InlineFunds } from './inline-funds.ts';
import { InlineHistory } from './inline-history.ts';
import { MemoryKeyStore } from './memory-key-store.ts';
import { MemoryLedger } from './memory-ledger.ts';
import { RawSocket } from './raw-socket.ts';
import { type Answer, type Credentials, signedPost } from './signed-client.ts';

const PARTITION_COUNT = 8;
const LIMITS: EngineLimits = { maxOrders: 4_096, maxLevels: 1_024, maxInstruments: 16 };

export interface InlineOptions
  extends Partial<
    Pick<
      GatewayDependencies,
      'answerTimeoutMs' | 'rateLimit' | 'closedOrders' | 'socketBufferBytes' | 'marketProtectionPpm'
    >
  > {
  readonly commandSlots?: number;
  readonly eventSlots?: number;
  readonly limits?: EngineLimits;
}

/** What a restart keeps: the journal, the keys and the balances. */
interface Kept {
  readonly journal: Uint8Array[];
  readonly keyStore: MemoryKeyStore;
  readonly ledger: MemoryLedger;
  readonly history: InlineHistory;
  readonly funds: InlineFunds;
  readonly startNumber: number;
}

export interface TestAccount extends Credentials {
  readonly accountId: number;
  readonly keyId: number;
}

/**
 * The real gateway over real HTTP and a real engine, all on the test's own thread. What the journal thread does is done
 * here at once: a command is durable the moment it is applied, unless the test holds it back.
 */
export class InlineExchange {
  readonly keyStore: MemoryKeyStore;
  readonly ledger: MemoryLedger;
  readonly history: InlineHistory;
  readonly gateway: Gateway;
  readonly engine: Engine;
  readonly control = createSharedControl();
  readonly logged: string[] = [];
  baseUrl = '';
  port = 0;
  /** While true commands stay in their ring. */
  isEngineStopped = false;
  /** While true commands are applied, but not durable. */
  isDiskStalled = false;
  readonly #kept: Kept;
  readonly #options: InlineOptions;
  readonly #words = new Int32Array(this.control);
  readonly #engineCommands: RingReader;
  readonly #journalCommands: RingReader;
  readonly #journalEvents: RingReader;
  readonly #events: EventWriter;
  readonly #loops: DoorbellLoop[];
  readonly #sockets: RawSocket[] = [];
  #accounts = 0;

  private constructor(options: InlineOptions, kept: Kept) {
    const { commandSlots: _commandSlots, eventSlots: _eventSlots, limits: _limits, ...gatewayOptions } = options;
    this.#options = options;
    this.#kept = kept;
    this.keyStore = kept.keyStore;
    this.ledger = kept.ledger;
    this.history = kept.history;
    const commandRing = createRing(options.commandSlots ?? 1_024, COMMAND_READER.COUNT);
    const eventRing = createRing(options.eventSlots ?? 1_024, EVENT_READER.COUNT);
    this.#engineCommands = new RingReader(commandRing, COMMAND_READER.ENGINE);
    this.#journalCommands = new RingReader(commandRing, COMMAND_READER.JOURNAL);
    this.#journalEvents = new RingReader(eventRing, EVENT_READER.JOURNAL);
    this.#events = new EventWriter(new RingWriter(eventRing), () => {
      // Only a durable command's events may leave, and an inline engine can't wait: its command is synced by now.
      Atomics.store(this.#words, CONTROL.DURABLE_COMMAND, this.engine.lastCommandSequence);
      this.#drainEvents();
    });
    this.engine = new Engine(options.limits ?? LIMITS, this.#events);
    const clock = new RisingClock();
    const commandIds = new CommandIds(kept.startNumber);
    this.gateway = new Gateway({
      control: this.control,
      commandRing,
      eventRing,
      clock,
      ledger: this.ledger,
      keyStore: this.keyStore,
      history: this.history.store,
      klines: this.history.klines,
      funds: kept.funds.transfers(this.ledger, commandIds, clock).funds,
      commandIds,
      partitionCount: PARTITION_COUNT,
      rateLimit: 'off',
      logger: pino({ level: 'error' }, { write: (line: string) => void this.logged.push(line) }),
      ...gatewayOptions,
    });
    this.#loops = [
      new DoorbellLoop(this.#words, CONTROL.ENGINE_DOORBELL, () => this.#turn()),
      new DoorbellLoop(this.#words, CONTROL.GATEWAY_DOORBELL, () => this.gateway.poll()),
    ];
  }

  static async start(options: InlineOptions = {}): Promise<InlineExchange> {
    const history = await InlineHistory.open(PARTITION_COUNT);
    const [keyStore, ledger, funds] = [
      new MemoryKeyStore(),
      new MemoryLedger(PARTITION_COUNT),
      await InlineFunds.open(),
    ];
    const kept = { journal: [], keyStore, ledger, history, funds };
    return InlineExchange.#start(options, { ...kept, startNumber: 1 });
  }

  static async #start(options: InlineOptions, kept: Kept): Promise<InlineExchange> {
    const exchange = new InlineExchange(options, kept);
    const { gateway, engine } = exchange;
    await kept.history.begin(gateway.catalogue);
    const replay = exchange.#replay();
    for (const loop of exchange.#loops) loop.start();
    await gateway.resume({
      lastCommandSequence: replay,
      lastEventSequence: engine.lastEventSequence,
    });
    await gateway.ensureMarkets(defaultMarkets());
    exchange.port = await gateway.listen();
    exchange.baseUrl = `http://127.0.0.1:${exchange.port}`;
    return exchange;
  }

  /** Ends this one at once and starts another over the same journal, keys and balances. */
  async restart(): Promise<InlineExchange> {
    this.#end();
    return InlineExchange.#start(this.#options, { ...this.#kept, startNumber: this.#kept.startNumber + 1 });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#end();
    await this.history.close();
    await this.#kept.funds.close();
  }

  /** Ended with the exchange. */
  async openSocket(path: string, headers?: Readonly<Record<string, string>>): Promise<RawSocket> {
    const socket = await RawSocket.open(this.port, path, headers);
    this.#sockets.push(socket);
    return socket;
  }

  /** @returns a new account with a key and 1,000,000 of every quote and 100 of every other asset */
  async account(roles: readonly Role[] = ['trader', 'fundManager']): Promise<TestAccount> {
    const accountId = FIRST_CLIENT_ACCOUNT_ID + this.#accounts;
    this.#accounts += 1;
    for (const { assetId, code, decimals } of defaultMarkets().assets) {
      const units = (code === 'USD' ? 1_000_000n : 100n) * 10n ** BigInt(decimals);
      await this.ledger.credit({ operationId: 0, accountId, assetId, units, timestampMs: 0 });
    }
    return this.key(accountId, roles);
  }

  /** @returns a further key of an account */
  key(accountId: number, roles: readonly Role[] = ['trader']): TestAccount {
    const keyId = ++keyCount;
    const apiKey: ApiKey = {
      keyId,
      key: `account-test${keyId}`,
      secret: `secret-${keyId}`,
      accountId,
      accountName: `desk-${accountId}`,
      roles,
    };
    this.keyStore.add(apiKey);
    return { accountId, keyId, key: apiKey.key, secret: apiKey.secret };
  }

  post(account: Credentials, request: string, fields: object = {}, nonce?: string): Promise<Answer> {
    return signedPost(this.baseUrl, account, request, fields, ...(nonce === undefined ? [] : [nonce]));
  }

  async get(path: string): Promise<Answer> {
    const response = await fetch(this.baseUrl + path);
    return { status: response.status, body: await response.json() };
  }

  /** Places a limit order on btcusd. */
  order(
    account: Credentials,
    side: 'buy' | 'sell',
    amount: string,
    price: string,
    fields: object = {},
  ): Promise<Answer> {
    const type = 'exchange limit';
    return this.post(account, '/v1/order/new', { symbol: 'btcusd', side, amount, price, type, ...fields });
  }

  /** Lets stopped or stalled work go on. */
  wake(): void {
    ringDoorbell(this.#words, CONTROL.ENGINE_DOORBELL);
  }

  set isDiskFull(isFull: boolean) {
    Atomics.store(this.#words, CONTROL.DISK_FULL, isFull ? 1 : 0);
  }

  #end(): void {
    this.gateway.close();
    for (const loop of this.#loops) loop.stop();
  }

  /** Applies what the command ring holds and makes it durable, as both threads would. */
  #turn(): boolean {
    if (this.isEngineStopped) return false;
    const ring = this.#engineCommands;
    const available = ring.available();
    for (let index = 0; index < available; ) {
      const at = ring.offsetAt(index);
      const slots = commandSlots(ring.window, at);
      this.#kept.journal.push(copySlots(ring, index, slots));
      this.engine.apply(ring.window, at, ring.offsetAt(index + 1));
      index += slots;
    }
    ring.release(available);
    this.#journalCommands.release(available);
    this.#events.flush();
    if (!this.isDiskStalled) Atomics.store(this.#words, CONTROL.DURABLE_COMMAND, this.engine.lastCommandSequence);
    this.#logEvents();
    ringDoorbell(this.#words, CONTROL.GATEWAY_DOORBELL);
    return false;
  }

  #replay(): number {
    for (const record of this.#kept.journal) {
      const window = new RecordWindow(record.buffer as ArrayBuffer);
      this.engine.apply(window, 0, SLOT_BYTES);
    }
    this.#events.flush();
    Atomics.store(this.#words, CONTROL.DURABLE_COMMAND, this.engine.lastCommandSequence);
    return this.engine.lastCommandSequence;
  }

  /** What the journal thread's event log is to the consumers. */
  #logEvents(): void {
    const ring = this.#journalEvents;
    const available = ring.available();
    for (let index = 0; index < available; ) {
      const at = ring.offsetAt(index);
      this.history.take(decodeEvent(ring.window, at, ring.offsetAt(index + 1)));
      index += eventSlots(ring.window, at);
    }
    releaseEvents(ring, available, this.#words);
  }

  #drainEvents(): void {
    this.#logEvents();
    while (this.gateway.poll());
  }
}

let keyCount = 0;

/** Wall time that never goes back. */
class RisingClock {
  #lastMs = 0;

  nowMs(): number {
    this.#lastMs = Math.max(this.#lastMs, Date.now());
    return this.#lastMs;
  }
}

function copySlots(ring: RingReader, index: number, slots: number): Uint8Array {
  const copy = new Uint8Array(slots * SLOT_BYTES);
  for (let slot = 0; slot < slots; slot++) {
    const at = ring.offsetAt(index + slot);
    copy.set(ring.window.u8.subarray(at, at + SLOT_BYTES), slot * SLOT_BYTES);
  }
  return copy;
}
