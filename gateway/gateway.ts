import type { Logger } from 'pino';
import { fail } from '../core/assert.ts';
import type { SnapshotReader } from '../core/journal/snapshot-reader.ts';
import { Catalogue } from '../core/money/catalogue.ts';
import type { Markets } from '../core/money/default-markets.ts';
import type { Instrument } from '../core/money/instrument.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { HistoryStore } from '../core/ports/history.ts';
import type { AccountAdmin, KeyStore } from '../core/ports/keys.ts';
import type { KlineStore } from '../core/ports/klines.ts';
import type { Ledger } from '../core/ports/ledger.ts';
import type { BalanceEntries, DepositAddresses, TransferDesk } from '../core/ports/transfers.ts';
import { InstrumentState } from '../core/protocol/kinds.ts';
import type { RingBuffers } from '../core/ring/ring.ts';
import { AccountSequences } from './accounts/account-sequences.ts';
import { CurrentHistory } from './accounts/current-history.ts';
import { SettledBalances } from './accounts/settled-balances.ts';
import { Valuation } from './accounts/valuation.ts';
import { accountRoutes as adminAccountRoutes } from './admin/account-routes.ts';
import type { AdminRoute } from './admin/admin-route.ts';
import { entryRoutes } from './admin/entry-routes.ts';
import { instrumentRoutes } from './admin/instrument-routes.ts';
import { transferRoutes } from './admin/transfer-routes.ts';
import { Authenticator } from './auth/authenticator.ts';
import { DEFAULT_ANSWER_TIMEOUT_MS } from './default-limits.ts';
import { htmlReply } from './http/reply.ts';
import { CatalogueEvents } from './market-data/catalogue-events.ts';
import { CurrentCandles } from './market-data/current-candles.ts';
import { MarketData } from './market-data/market-data.ts';
import { type Checkpoint, OperatorCommands } from './operator-commands.ts';
import type { CommandIds } from './orders/command-ids.ts';
import { CommandOutcomes } from './orders/command-outcomes.ts';
import { CommandPublisher } from './orders/command-publisher.ts';
import { EventReader } from './orders/event-reader.ts';
import { ExpirySchedule } from './orders/expiry-schedule.ts';
import { liveOrdersAt } from './orders/live-orders.ts';
import { OrderEntry } from './orders/order-entry.ts';
import { OrderView } from './orders/order-view.ts';
import { PastOrders } from './orders/past-orders.ts';
import { ProtectionPrices } from './orders/protection-prices.ts';
import { accountRoutes } from './rest/account-routes.ts';
import { candleRoutes } from './rest/candle-routes.ts';
import { fundRoutes } from './rest/fund-routes.ts';
import { historyRoutes } from './rest/history-routes.ts';
import { marketRoutes } from './rest/market-routes.ts';
import { orderRoutes } from './rest/order-routes.ts';
import { publicRoutes } from './rest/public-routes.ts';
import { PRIVATE_LIMIT, PUBLIC_LIMIT, RateLimiter } from './rest/rate-limiter.ts';
import { RestServer } from './rest/rest-server.ts';
import { type Endpoint, type PublicEndpoint, Router } from './rest/router.ts';
import { answeredWithin } from './rest/unknown-outcome.ts';
import { volumeRoutes } from './rest/volume-routes.ts';
import { withdrawalRoutes } from './rest/withdrawal-routes.ts';
import { currencyPage } from './web/currency-page.ts';
import { CandleHub } from './ws/candle-hub.ts';
import { L2Hub } from './ws/l2-hub.ts';
import { marketEndpoint } from './ws/market-endpoint.ts';
import { orderEventEndpoint } from './ws/order-event-endpoint.ts';
import { OrderEventHub } from './ws/order-event-hub.ts';
import { SocketServer } from './ws/socket-server.ts';
import { updateEndpoints } from './ws/update-endpoints.ts';
import { UpdateHub } from './ws/update-hub.ts';

/** What the gateway asks about money that comes in and goes out. */
export interface Funds {
  readonly desk: TransferDesk;
  readonly addresses: DepositAddresses;
  readonly entries: BalanceEntries;
}

export interface GatewayDependencies {
  readonly control: SharedArrayBuffer; // CONTROL words
  readonly commandRing: RingBuffers;
  readonly eventRing: RingBuffers;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly keyStore: KeyStore;
  readonly history: HistoryStore;
  readonly klines: KlineStore;
  readonly funds: Funds;
  readonly commandIds: CommandIds;
  readonly partitionCount: number; // of settlement's watermarks
  readonly rateLimit: 'gemini' | 'off';
  readonly logger: Logger;
  readonly publicUrl?: string; // how clients reach it; by default the address it listens on
  readonly answerTimeoutMs?: number; // after which an order's or a withdrawal's outcome is called unknown; 30 s by default
  readonly marketProtectionPpm?: number; // how far a market order may move the price; 5 % by default
  readonly closedOrders?: number; // that are kept in memory; older ones are asked from the history
  readonly socketBufferBytes?: number; // what a socket's client may leave unread; 1 MiB by default
}

/** Where the core stands after its start. */
export interface RecoveredSequences {
  readonly lastCommandSequence: number;
  readonly lastEventSequence: number;
}

/** What exists once the core has recovered. */
interface Running {
  readonly publisher: CommandPublisher;
  readonly orderEntry: OrderEntry;
  readonly operator: OperatorCommands;
  readonly sockets: SocketServer;
  readonly server: RestServer;
}

/**
 * The exchange's door: requests become commands, events become answers. It reads the event ring from when the core
 * begins its replay (`poll`), or from where it has been brought to a snapshot (`beginAt`), takes requests once the core
 * has recovered (`resume`, then `listen`), and ends in the reverse order: `beginShutdown`, `drained`, `close`.
 */
export class Gateway {
  /** Assets and instruments as the journal has defined them so far. */
  readonly catalogue = new Catalogue();
  /** Orders as the events so far say. */
  readonly orders: OrderView;
  readonly #dependencies: GatewayDependencies;
  readonly #control: Int32Array;
  readonly #catalogueEvents = new CatalogueEvents(this.catalogue);
  readonly #market = new MarketData(this.catalogue);
  readonly #orderEvents: OrderEventHub;
  readonly #sequences: AccountSequences;
  readonly #history: CurrentHistory;
  readonly #candles: CurrentCandles;
  readonly #expiries: ExpirySchedule;
  readonly #outcomes = new CommandOutcomes();
  readonly #reader: EventReader;
  #catchUp: { readonly sequence: number; readonly resolve: () => void } | null = null;
  #running: Running | null = null;
  #publicUrl = '';

  constructor(dependencies: GatewayDependencies) {
    this.#dependencies = dependencies;
    this.#control = new Int32Array(dependencies.control);
    this.orders = new OrderView(dependencies.closedOrders);
    this.#expiries = new ExpirySchedule(this.orders, dependencies.clock, dependencies.logger);
    this.#sequences = new AccountSequences(dependencies.partitionCount);
    this.#history = new CurrentHistory(dependencies.history, this.#sequences);
    const { klines, clock, partitionCount } = dependencies;
    this.#candles = new CurrentCandles(klines, this.#market.tape, clock, partitionCount);
    const keyText = (keyId: number): string => dependencies.keyStore.keyOf(keyId)?.key ?? '';
    this.#orderEvents = new OrderEventHub(this.orders, this.catalogue, keyText);
    this.#reader = new EventReader(dependencies.eventRing, this.#control, [
      this.#catalogueEvents,
      this.orders,
      this.#market,
      this.#sequences,
      this.#orderEvents,
      this.#expiries,
      this.#outcomes, // last: who waits for a command finds its effect in every view
    ]);
  }

  /** Sequence of the newest event that is in the views. */
  get lastEventSequence(): number {
    return this.#reader.lastSequence;
  }

  /** Sequence of the newest command that was published; 0 before resume. */
  get lastCommandSequence(): number {
    return this.#running?.publisher.lastSequence ?? 0;
  }

  /** Orders between their request and their answer. */
  get ordersInFlight(): number {
    return this.#running?.orderEntry.inFlight.count ?? 0;
  }

  /** WebSockets that are open. */
  get socketCount(): number {
    return this.#running?.sockets.socketCount ?? 0;
  }

  /**
   * Begins at a snapshot instead of at the first event: catalogue, books and states. Before the first poll; the live
   * orders must follow.
   */
  beginAt(snapshot: SnapshotReader): void {
    this.#catalogueEvents.prime(snapshot.definitions(), snapshot.markets());
    this.#market.beginAt(snapshot);
    this.#reader.beginAfter(snapshot.state.eventSequence);
    this.#sequences.beginAfter(snapshot.state.eventSequence);
  }

  /** Settlement has passed the snapshot that it began at. Until then each balance is waited for, up to a second. */
  settledBegin(): void {
    this.#sequences.settledBegin();
  }

  /**
   * The second part of a beginning at a snapshot, still before the first poll.
   * @returns when the snapshot's orders are in the view; the history must have every event through the snapshot
   * @throws HistoryMismatchError
   */
  async loadLiveOrders(snapshot: SnapshotReader): Promise<void> {
    const orders = await liveOrdersAt(snapshot, this.#dependencies.history, this.catalogue);
    this.orders.prime(orders, snapshot.state);
  }

  /**
   * Takes what the event ring holds, up to a bound. To be called whenever the gateway's doorbell rings.
   * @returns true when more is left for the next turn
   * @throws InvariantError for a broken fact: the process must end
   */
  poll(): boolean {
    const hasMore = this.#reader.poll();
    if (this.#catchUp !== null && this.#catchUp.sequence <= this.#reader.lastSequence) {
      this.#catchUp.resolve();
      this.#catchUp = null;
    }
    return hasMore;
  }

  /**
   * Goes on where the recovered core stands. Once, before anything is published or listened to.
   * @returns when every event of the replay is in the views; `poll` must be running
   */
  async resume({ lastCommandSequence, lastEventSequence }: RecoveredSequences): Promise<void> {
    if (this.#running !== null) fail('the gateway was resumed before');
    const { commandRing, clock, commandIds, ledger, logger } = this.#dependencies;
    const [control, expiries] = [this.#control, this.#expiries.orders];
    const publisher = new CommandPublisher({
      ...{ ring: commandRing, control, clock, commandIds, expiries, lastCommandSequence },
    });
    const outcomes = this.#outcomes;
    const past = new PastOrders(this.#history, this.catalogue);
    const orderEntry = new OrderEntry({
      publisher,
      outcomes,
      commandIds,
      catalogue: this.catalogue,
      view: this.orders,
      past,
      states: this.#market.states,
      ledger,
      sequences: this.#sequences,
      clock,
      logger,
    });
    const operator = new OperatorCommands(publisher, outcomes, commandIds, this.catalogue);
    this.#running = { publisher, orderEntry, operator, ...this.#createServers(orderEntry, past) };
    await this.#eventsThrough(lastEventSequence);
    await this.#market.prime(this.#dependencies, this.catalogue, clock.nowMs());
  }

  /** Defines the markets that the journal lacks: all of them at the first start of a data folder. */
  ensureMarkets(markets: Markets): Promise<void> {
    return this.#resumed().operator.ensureMarkets(markets);
  }

  /** Has the core write its state hash into the event log. */
  publishCheckpoint(): Promise<Checkpoint> {
    return this.#resumed().operator.checkpoint();
  }

  /**
   * Nobody meets an order whose time came while the exchange was away: they go before the port is opened.
   * @param port 0 for any free one
   * @returns the port
   * @throws ListenError
   */
  async listen(host = '127.0.0.1', port = 0): Promise<number> {
    const { operator } = this.#resumed();
    await this.#expiries.start(() => operator.advanceTime());
    const listeningPort = await this.#resumed().server.listen(host, port);
    this.#publicUrl = this.#dependencies.publicUrl ?? `http://${host}:${listeningPort}`;
    return listeningPort;
  }

  /**
   * Halts what settlement or another consumer can't follow any more: every instrument of a partition that takes orders.
   * @returns their symbols
   * @throws AdminError, ApiError: those before it are halted; asked again it goes on
   */
  async haltPartition(partition: number): Promise<string[]> {
    const { operator } = this.#resumed();
    const { partitionCount } = this.#dependencies;
    const takesOrders = ({ instrumentId }: Instrument): boolean =>
      instrumentId % partitionCount === partition && this.#market.states.state(instrumentId) !== InstrumentState.HALTED;
    const symbols: string[] = [];
    for (const { instrumentId, symbol } of this.catalogue.instruments().filter(takesOrders)) {
      await operator.setInstrumentState(instrumentId, InstrumentState.HALTED);
      symbols.push(symbol);
    }
    return symbols;
  }

  /** What operators may do with a running exchange. */
  adminRoutes(accounts: AccountAdmin): AdminRoute[] {
    const { operator } = this.#resumed();
    const { desk, addresses, entries } = this.#dependencies.funds;
    const { catalogue } = this;
    return [
      ...adminAccountRoutes(accounts),
      ...entryRoutes(accounts, catalogue, entries),
      ...transferRoutes({ accounts, catalogue, desk, addresses }),
      ...instrumentRoutes({ accounts, catalogue, states: this.#market.states, operator }),
    ];
  }

  /** From now on orders and cancels get 503; what is on its way is finished, and everything may still be read. */
  beginShutdown(): void {
    this.#expiries.stop();
    this.#running?.orderEntry.close();
    this.#running?.operator.close();
  }

  /** @returns when every order and cancel on its way has its outcome, and every request its answer */
  async drained(): Promise<void> {
    await this.#running?.orderEntry.idle();
    await this.#running?.operator.idle();
    await this.#running?.server.idle();
  }

  /** Ends every connection at once. */
  close(): void {
    this.#expiries.stop();
    this.#running?.server.close();
  }

  #resumed(): Running {
    return this.#running ?? fail('the gateway has not been resumed');
  }

  #eventsThrough(sequence: number): Promise<void> {
    if (this.#reader.lastSequence >= sequence) return Promise.resolve();
    return new Promise((resolve) => {
      this.#catchUp = { sequence, resolve };
    });
  }

  #createServers(orderEntry: OrderEntry, past: PastOrders): Pick<Running, 'sockets' | 'server'> {
    const { keyStore, clock, rateLimit, logger } = this.#dependencies;
    const limiter = (limit: typeof PUBLIC_LIMIT): RateLimiter | null =>
      rateLimit === 'off' ? null : new RateLimiter(limit, () => clock.nowMs());
    const router = new Router(this.#endpoints(orderEntry, past));
    const isKnownPath = (path: string): boolean => router.match(path) !== undefined;
    const authenticator = new Authenticator(keyStore, isKnownPath, limiter(PRIVATE_LIMIT));
    const publicLimiter = limiter(PUBLIC_LIMIT);
    const sockets = this.#createSockets(authenticator, publicLimiter);
    return { sockets, server: new RestServer({ router, authenticator, publicLimiter, sockets, logger }) };
  }

  #createSockets(authenticator: Authenticator, publicLimiter: RateLimiter | null): SocketServer {
    const { clock, keyStore, logger, socketBufferBytes } = this.#dependencies;
    const endpoints = [
      marketEndpoint(this.catalogue, {
        books: new L2Hub(this.#market),
        candles: new CandleHub(this.#candles, this.#market.feed, clock, logger),
      }),
      ...updateEndpoints(this.catalogue, new UpdateHub(this.#market)),
      orderEventEndpoint(authenticator, keyStore, this.#orderEvents),
    ];
    const bounds = socketBufferBytes === undefined ? {} : { bufferBytes: socketBufferBytes };
    return new SocketServer({ endpoints, publicLimiter, clock, logger, ...bounds });
  }

  #endpoints(orderEntry: OrderEntry, past: PastOrders): Endpoint[] {
    const {
      ledger,
      clock,
      funds,
      marketProtectionPpm,
      answerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS,
    } = this.#dependencies;
    const { catalogue, orders: view } = this;
    const market = this.#market;
    const history = this.#history;
    const protection = new ProtectionPrices(market.depth, market.tape, marketProtectionPpm);
    const balances = new SettledBalances(ledger, this.#sequences);
    const valuation = new Valuation(catalogue, market);
    const answered = answeredWithin(answerTimeoutMs);
    const endpoints: Endpoint[] = [
      ...publicRoutes(catalogue, market),
      ...marketRoutes({ catalogue, market, history, clock }),
      ...candleRoutes({ catalogue, candles: this.#candles, depth: market.depth }),
      ...orderRoutes({ orderEntry, view, past, history, catalogue, protection, answered }),
      ...historyRoutes(history, catalogue),
      ...volumeRoutes({ history, catalogue, valuation, clock }),
      ...accountRoutes(balances, catalogue),
      ...fundRoutes({ ...funds, balances, valuation, catalogue, answered }),
      ...withdrawalRoutes({ desk: funds.desk, balances, catalogue, answered }),
    ];
    const page: PublicEndpoint = {
      method: 'GET',
      pattern: '/',
      answer: () => htmlReply(currencyPage(catalogue, endpoints, this.#publicUrl)),
    };
    return [page, ...endpoints];
  }
}
