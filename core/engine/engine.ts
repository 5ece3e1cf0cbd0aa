import { fail } from '../assert.ts';
import { ExpiryQueue } from '../book/expiry-queue.ts';
import { BookMemory, OrderBook } from '../book/order-book.ts';
import * as orderRecord from '../book/order-record.ts';
import { sideOfHead } from '../book/order-record.ts';
import { restoreBooks } from '../book/restore-books.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as eventRecord from '../protocol/event-record.ts';
import * as kinds from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import { SectionWriter, StateFormatError, StateReader, StateSection } from '../protocol/state-sections.ts';
import { createCommonCommands } from './common-commands.ts';
import { Definitions } from './definitions.ts';
import type { EngineLimits, EngineState } from './engine-state.ts';
import type { EventWriter } from './event-writer.ts';
import { Matcher } from './matcher.ts';
import { type CommandContext, OrderEvents } from './order-events.ts';
import { createReadAhead, type ReadAhead } from './read-ahead.ts';
import { Removals } from './removals.ts';
import { RestingOrders } from './resting-orders.ts';
import { StateHash } from './state-hash.ts';
import { verifyEngine } from './verify-engine.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { ORDER_NUMBERS, ORDER_WORDS, ORDER, TERMS_NUMBERS } = orderRecord;
const { COMMAND } = commandRecord;
const { CHECKPOINTED } = eventRecord;
const { CommandKind, EventKind, Side } = kinds;
type CommandKind = kinds.CommandKind;

export { DEFAULT_ENGINE_LIMITS, type EngineLimits } from './engine-state.ts';

/**
 * The exchange's core: every book, and the only place where a command becomes events. Same commands in, same events
 * out, same state hash, on any machine: no clock, no randomness, no allocation per order command.
 */
export class Engine {
  readonly #limits: EngineLimits;
  readonly #memory: BookMemory;
  readonly #writer: EventWriter;
  readonly #context: CommandContext = {
    commandSequence: 0,
    commandId: 0,
    timestampMs: 0,
    eventSequence: 0,
    usesLaterRules: false,
  };
  #highestLedgerSequence = 0;
  readonly #events: OrderEvents;
  readonly #expiries: ExpiryQueue;
  readonly #resting: RestingOrders;
  readonly #matcher: Matcher;
  readonly #removals: Removals;
  readonly #applyCommon: (command: RecordWindow, at: number) => boolean;
  readonly #definitions: Definitions;
  readonly #readAhead: ReadAhead;
  /** Made once: a closure within apply would have every command allocate its context. */
  readonly #createBook = (): OrderBook => new OrderBook(this.#memory);

  /** @param memory given by tests that look into it, or break it */
  constructor(limits: EngineLimits, writer: EventWriter, memory = new BookMemory(limits.maxOrders, limits.maxLevels)) {
    this.#limits = limits;
    this.#memory = memory;
    this.#writer = writer;
    this.#events = new OrderEvents(writer, this.#context, this.#memory.orders);
    this.#expiries = new ExpiryQueue(this.#memory.orders);
    this.#applyCommon = createCommonCommands({ memory: this.#memory, writer, context: this.#context }, (instrumentId) =>
      this.#definitions.market(instrumentId),
    );
    this.#readAhead = createReadAhead(this.#memory.orders);
    this.#resting = new RestingOrders(this.#memory, this.#expiries);
    this.#matcher = new Matcher(this.#memory, this.#resting, this.#events, this.#context);
    this.#removals = new Removals(
      this.#memory,
      this.#expiries,
      this.#resting,
      this.#events,
      this.#context,
      (instrumentId) => this.#definitions.market(instrumentId),
    );
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

  /** @returns the book of an instrument that is defined: for looking at it between commands, never for changing it */
  book(instrumentId: number): OrderBook | undefined {
    return this.#definitions.market(instrumentId)?.book;
  }

  /**
   * Reads ahead what the commands of these slots, which follow each other in memory, will need. Changes nothing.
   * @returns a number that means nothing
   */
  readAhead(commands: RecordWindow, at: number, slots: number): number {
    return this.#readAhead(commands, at, slots);
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

    if (this.#applyCommon(command, at)) return;
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
      case CommandKind.AMEND_ORDER:
        context.usesLaterRules = true;
        this.#matcher.amendOrder(this.#market(command, at), command, at);
        break;
      case CommandKind.MASS_CANCEL:
        context.usesLaterRules = true;
        this.#removals.massCancel(command, at);
        break;
      case CommandKind.TIME:
        context.usesLaterRules = true;
        this.#removals.advanceTime();
        break;
      case CommandKind.DEFINE_ASSET:
        this.#definitions.defineAsset(command, at);
        break;
      case CommandKind.DEFINE_INSTRUMENT:
        this.#definitions.defineInstrument(command, at, this.#createBook);
        break;
      case CommandKind.SET_INSTRUMENT_STATE:
        context.usesLaterRules = true;
        this.#definitions.setInstrumentState(command, at);
        break;
      case CommandKind.UPDATE_INSTRUMENT:
        context.usesLaterRules = true;
        this.#definitions.updateInstrument(command, at);
        break;
      default:
        fail(`command ${commandSequence}: kind ${kind as number} is not known to this program`);
    }
    this.#writer.endCommand();
  }

  /**
   * Everything that shapes what later commands do, copied: trading goes on at once. Between commands only. A component
   * with state of its own adds a section here and in importState.
   * @param withHash costs a walk over every order: 190 ms at a million of them, where copying takes 25
   */
  exportState(withHash = true): EngineState {
    const { commandSequence, eventSequence, timestampMs } = this.#context;
    const limits = this.#limits;
    const engine = new SectionWriter().number(limits.maxOrders).number(limits.maxLevels).number(limits.maxInstruments);
    engine.number(commandSequence).number(eventSequence).number(timestampMs).number(this.#highestLedgerSequence);
    const definitions = new SectionWriter();
    this.#definitions.exportTo(definitions);
    const markets = new SectionWriter().number(Number(this.#context.usesLaterRules));
    for (const market of this.#definitions.markets()) market.exportTo(markets);
    const orders = new SectionWriter();
    this.#memory.orders.exportTo(orders);
    const terms = new SectionWriter();
    this.#memory.orders.exportTermsTo(terms);
    return {
      limits,
      commandSequence,
      eventSequence,
      timestampMs,
      restingOrders: this.restingOrders,
      stateHash: withHash ? this.stateHash() : null,
      sections: [
        { id: StateSection.ENGINE, version: 1, bytes: engine.finish() },
        { id: StateSection.DEFINITIONS, version: 1, bytes: definitions.finish() },
        { id: StateSection.MARKETS, version: 1, bytes: markets.finish() },
        { id: StateSection.ORDERS, version: 1, bytes: orders.finish() },
        { id: StateSection.ORDER_TERMS, version: 1, bytes: terms.finish() },
      ],
    };
  }

  /**
   * Puts a fresh engine where the one was whose state this is: the next commands give the same events.
   * @throws StateFormatError when the state is not one of this program's, of other limits, or not what its hash says;
   *   InvariantError when its books do not hold together. The engine must not be used afterwards.
   */
  importState(state: EngineState): void {
    if (this.#context.commandSequence !== 0) fail('a state is put into an engine that has applied commands');
    const reader = new StateReader(state.sections);
    const engine = reader.section(StateSection.ENGINE, 1);
    const { maxOrders, maxLevels, maxInstruments } = this.#limits;
    engine.integer('maxOrders', maxOrders, maxOrders);
    engine.integer('maxLevels', maxLevels, maxLevels);
    engine.integer('maxInstruments', maxInstruments, maxInstruments);
    this.#context.commandSequence = engine.integer('commandSequence', 1, Number.MAX_SAFE_INTEGER);
    this.#context.eventSequence = engine.integer('eventSequence', 1, Number.MAX_SAFE_INTEGER);
    this.#context.timestampMs = engine.number();
    this.#highestLedgerSequence = engine.number();
    this.#definitions.importFrom(reader.section(StateSection.DEFINITIONS, 1), this.#createBook);
    const markets = reader.section(StateSection.MARKETS, 1);
    this.#context.usesLaterRules = markets.integer('usesLaterRules', 0, 1) === 1;
    for (const market of this.#definitions.markets()) market.importFrom(markets);
    this.#memory.orders.importFrom(reader.section(StateSection.ORDERS, 1));
    restoreBooks(this.#memory.orders, (instrumentId, slot) => {
      const market = this.#definitions.market(instrumentId);
      if (market !== undefined) this.#resting.restore(market, slot);
      return market !== undefined;
    });
    this.#memory.orders.importTermsFrom(reader.section(StateSection.ORDER_TERMS, 1));
    this.#expiries.rebuild();
    reader.requireAllRead();
    this.verifyInvariants();
    if (state.stateHash === null) return;
    const stateHash = this.stateHash();
    if (stateHash !== state.stateHash)
      throw new StateFormatError(`the state's hash is ${stateHash}, ${state.stateHash} was written with it`);
  }

  /** @returns 16 hex digits over everything that shapes what later commands do. Walks it all: not for the hot path. */
  stateHash(): string {
    return this.#hash().digest();
  }

  /** @throws InvariantError naming the first fact of the books or pools that does not hold */
  verifyInvariants(): void {
    verifyEngine(this.#memory, this.#definitions.markets(), this.#expiries);
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
    const { usesLaterRules } = this.#context;
    if (usesLaterRules) for (const market of this.#definitions.markets()) market.addTo(hash);
    const { orders } = this.#memory;
    const addOrder = (slot: number): void => {
      hash.addWord(slot);
      hash.addNumber(orders.orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!);
      hash.addNumber(orders.orderF64[slot * ORDER_NUMBERS + ORDER.ORDER_ID]!);
      hash.addWord(orders.orderU32[slot * ORDER_WORDS + ORDER.ACCOUNT_ID]!);
      hash.addWord(orders.orderU32[slot * ORDER_WORDS + ORDER.GENERATION]!);
      const row = slot * ORDER_WORDS;
      for (let field = ORDER.KEY_ID; field <= ORDER.TAKER_RATE_PPM; field++)
        hash.addWord(orders.orderU32[row + field]!);
      const head = orders.orderU32[row + ORDER.HEAD]!;
      hash.addWord(head >>> 16);
      hash.addWord(sideOfHead(head));
      if (!usesLaterRules) return;
      for (let field = 0; field < TERMS_NUMBERS; field++) hash.addNumber(orders.terms[slot * TERMS_NUMBERS + field]!);
    };
    for (const market of this.#definitions.markets()) {
      market.book.visit(Side.BUY, addOrder);
      market.book.visit(Side.SELL, addOrder);
      if (market.stops === null) continue;
      market.stops.visit(Side.BUY, addOrder);
      market.stops.visit(Side.SELL, addOrder);
    }
    orders.visitFreeSlots((slot, generation) => {
      hash.addWord(slot);
      hash.addWord(generation);
    });
    return hash;
  }
}
