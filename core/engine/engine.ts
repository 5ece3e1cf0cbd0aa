import { fail } from '../assert.ts';
import { BookMemory, OrderBook } from '../book/order-book.ts';
import { COLD_WORDS, HOT, HOT_WORDS } from '../book/order-pool.ts';
import { COMMAND } from '../protocol/command-record.ts';
import { CHECKPOINTED } from '../protocol/event-record.ts';
import { CommandKind, EventKind, Side } from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import { Definitions } from './definitions.ts';
import type { EventWriter } from './event-writer.ts';
import { Matcher } from './matcher.ts';
import { type CommandContext, OrderEvents } from './order-events.ts';
import { StateHash } from './state-hash.ts';

/** Room that is set aside at start. Full is a typed reject, never a resize. */
export interface EngineLimits {
  readonly maxOrders: number; // resting, all instruments together: 68 bytes each
  readonly maxLevels: number; // price levels in use, all instruments together
  readonly maxInstruments: number; // instrument ids are 1 … this
}

export const DEFAULT_ENGINE_LIMITS: EngineLimits = { maxOrders: 2 ** 20, maxLevels: 2 ** 17, maxInstruments: 1_024 };

/**
 * The exchange's core: every book, and the only place where a command becomes events. Same commands in, same events
 * out, same state hash, on any machine: no clock, no randomness, no allocation per order command.
 */
export class Engine {
  readonly #memory: BookMemory;
  readonly #writer: EventWriter;
  readonly #context: CommandContext = { commandSequence: 0, commandId: 0, timestampMs: 0, eventSequence: 0 };
  #highestLedgerSequence = 0;
  readonly #events: OrderEvents;
  readonly #matcher: Matcher;
  readonly #definitions: Definitions;

  constructor(limits: EngineLimits, writer: EventWriter) {
    this.#memory = new BookMemory(limits.maxOrders, limits.maxLevels);
    this.#writer = writer;
    this.#events = new OrderEvents(writer, this.#context, this.#memory.orders);
    this.#matcher = new Matcher(this.#memory, this.#events, this.#context);
    this.#definitions = new Definitions(limits.maxInstruments, writer, this.#events, this.#context);
  }

  get lastCommandSequence(): number {
    return this.#context.commandSequence;
  }
  get lastEventSequence(): number {
    return this.#context.eventSequence;
  }
  get lastTimestampMs(): number {
    return this.#context.timestampMs;
  }
  /** Highest change sequence that a command carried: a ledger that knows less has lost something. */
  get highestLedgerSequence(): number {
    return this.#highestLedgerSequence;
  }
  get restingOrders(): number {
    return this.#memory.orders.live;
  }

  /**
   * Applies one command. Its events are pending in the event writer until flush.
   * @param continuationAt offset of the record's second slot; read only for a long client order id
   * @throws InvariantError when the sequence has a gap, time goes back, the kind is unknown or a fact of ours is broken
   */
  apply(command: RecordWindow, at: number, continuationAt: number): void {
    const context = this.#context;
    const commandSequence = command.f64[(at + COMMAND.COMMAND_SEQUENCE) >> 3]!;
    const timestampMs = command.f64[(at + COMMAND.TIMESTAMP_MS) >> 3]!;
    if (commandSequence !== context.commandSequence + 1)
      fail(`command ${commandSequence} after ${context.commandSequence}`);
    if (!(timestampMs >= context.timestampMs))
      fail(`command ${commandSequence}: time ${timestampMs} after ${context.timestampMs}`);
    context.commandSequence = commandSequence;
    context.timestampMs = timestampMs;
    context.commandId = command.f64[(at + COMMAND.COMMAND_ID) >> 3]!;

    const ledgerSequence = command.f64[(at + COMMAND.LEDGER_SEQUENCE) >> 3]!;
    if (ledgerSequence > this.#highestLedgerSequence) this.#highestLedgerSequence = ledgerSequence;

    const kind = command.u8[at + COMMAND.KIND] as CommandKind;
    switch (kind) {
      case CommandKind.NEW_ORDER:
        this.#matcher.newOrder(this.#market(command, at), command, at, continuationAt);
        break;
      case CommandKind.CANCEL_ORDER:
        this.#matcher.cancelOrder(this.#market(command, at), command, at);
        break;
      case CommandKind.CHECKPOINT:
        this.#checkpoint();
        break;
      case CommandKind.DEFINE_ASSET:
        this.#definitions.defineAsset(command, at);
        break;
      case CommandKind.DEFINE_INSTRUMENT:
        this.#definitions.defineInstrument(command, at, () => new OrderBook(this.#memory));
        break;
      default:
        fail(`command ${commandSequence}: kind ${kind as number} is not known to this program`);
    }
    this.#writer.endCommand();
  }

  /** @returns 16 hex digits over everything that shapes what later commands do. Walks it all: not for the hot path. */
  stateHash(): string {
    return this.#hash().digest();
  }

  /** @throws InvariantError naming the first fact of the books or pools that does not hold */
  verifyInvariants(): void {
    let orders = 0;
    let levels = 0;
    for (const market of this.#definitions.markets()) {
      const found = market.book.verifyInvariants(market.instrumentId);
      orders += found.orders;
      levels += found.levels;
    }
    this.#memory.orders.verifyInvariants();
    if (orders !== this.#memory.orders.live) fail(`live orders ${this.#memory.orders.live}, in books ${orders}`);
    if (levels !== this.#memory.levels.used) fail(`levels in use ${this.#memory.levels.used}, in books ${levels}`);
  }

  #market(command: RecordWindow, at: number) {
    return this.#definitions.market(command.u16[(at + COMMAND.INSTRUMENT_ID) >> 1]!);
  }

  #checkpoint(): void {
    const hash = this.#hash();
    const at = this.#writer.claim();
    this.#events.header(at, EventKind.CHECKPOINTED, 0, 0, 0, 0);
    const { u32, f64 } = this.#writer.ring.window;
    f64.fill(0, (at + 40) >> 3, (at + 128) >> 3);
    u32[(at + CHECKPOINTED.HASH_LOW) >> 2] = hash.lowWord;
    u32[(at + CHECKPOINTED.HASH_HIGH) >> 2] = hash.highWord;
    f64[(at + CHECKPOINTED.RESTING_ORDERS) >> 3] = this.#memory.orders.live;
    f64[(at + CHECKPOINTED.COMMAND_ID) >> 3] = this.#context.commandId;
  }

  #hash(): StateHash {
    const hash = new StateHash();
    hash.addNumber(this.#context.commandSequence);
    hash.addNumber(this.#context.eventSequence);
    hash.addNumber(this.#context.timestampMs);
    this.#definitions.addTo(hash);
    const { orders } = this.#memory;
    const addOrder = (slot: number): void => {
      hash.addWord(slot);
      hash.addNumber(orders.hotF64[slot * 4 + HOT.RESTING_LOTS]!);
      hash.addNumber(orders.hotF64[slot * 4 + HOT.ORDER_ID]!);
      hash.addWord(orders.hotU32[slot * HOT_WORDS + HOT.ACCOUNT_ID]!);
      hash.addWord(orders.hotU32[slot * HOT_WORDS + HOT.GENERATION]!);
      for (let field = 0; field < COLD_WORDS; field++) hash.addWord(orders.coldU32[slot * COLD_WORDS + field]!);
    };
    for (const market of this.#definitions.markets()) {
      market.book.visit(Side.BUY, addOrder);
      market.book.visit(Side.SELL, addOrder);
    }
    orders.visitFreeSlots((slot, generation) => {
      hash.addWord(slot);
      hash.addWord(generation);
    });
    return hash;
  }
}
