import type { Logger } from 'pino';
import { fail } from '../core/assert.ts';
import { Catalogue } from '../core/money/catalogue.ts';
import type { Clock, KeyStore, Ledger } from '../core/ports.ts';
import type { RingBuffers } from '../core/ring/ring.ts';
import { AccountSequences } from './accounts/account-sequences.ts';
import { SettledBalances } from './accounts/settled-balances.ts';
import { Authenticator } from './auth/authenticator.ts';
import { htmlReply } from './http/reply.ts';
import { CatalogueEvents } from './market-data/catalogue-events.ts';
import { Depth } from './market-data/depth.ts';
import { type Checkpoint, OperatorCommands } from './operator-commands.ts';
import type { CommandIds } from './orders/command-ids.ts';
import { CommandOutcomes } from './orders/command-outcomes.ts';
import { CommandPublisher } from './orders/command-publisher.ts';
import { EventReader } from './orders/event-reader.ts';
import { OrderEntry } from './orders/order-entry.ts';
import { OrderView } from './orders/order-view.ts';
import { accountRoutes } from './rest/account-routes.ts';
import { orderRoutes } from './rest/order-routes.ts';
import { publicRoutes } from './rest/public-routes.ts';
import { PRIVATE_LIMIT, PUBLIC_LIMIT, RateLimiter } from './rest/rate-limiter.ts';
import { RestServer } from './rest/rest-server.ts';
import { type Endpoint, type PublicEndpoint, Router } from './rest/router.ts';
import { currencyPage } from './web/currency-page.ts';

export interface GatewayDependencies {
  readonly control: SharedArrayBuffer; // CONTROL words
  readonly commandRing: RingBuffers;
  readonly eventRing: RingBuffers;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly keyStore: KeyStore;
  readonly commandIds: CommandIds;
  readonly partitionCount: number; // of settlement's watermarks
  readonly rateLimit: 'gemini' | 'off';
  readonly logger: Logger;
  readonly publicUrl?: string; // how clients reach it; by default the address it listens on
  readonly answerTimeoutMs?: number; // after which an order's outcome is called unknown; 30 s by default
}

/** Where the core stands after its start. */
export interface RecoveredSequences {
  readonly lastCommandSequence: number;
  readonly lastEventSequence: number;
}

const DEFAULT_ANSWER_TIMEOUT_MS = 30_000;

/** What exists once the core has recovered. */
interface Running {
  readonly publisher: CommandPublisher;
  readonly orderEntry: OrderEntry;
  readonly operator: OperatorCommands;
  readonly server: RestServer;
}

/**
 * The exchange's door: requests become commands, events become answers. It reads the event ring from before the core
 * starts (`poll`), takes requests once the core has recovered (`resume`, then `listen`), and ends in the reverse order:
 * `beginShutdown`, `drained`, `close`.
 */
export class Gateway {
  /** Assets and instruments as the journal has defined them so far. */
  readonly catalogue = new Catalogue();
  /** Orders as the events so far say. */
  readonly orders = new OrderView();
  readonly #dependencies: GatewayDependencies;
  readonly #control: Int32Array;
  readonly #depth = new Depth();
  readonly #sequences: AccountSequences;
  readonly #outcomes = new CommandOutcomes();
  readonly #reader: EventReader;
  #catchUp: { readonly sequence: number; readonly resolve: () => void } | null = null;
  #running: Running | null = null;
  #publicUrl = '';

  constructor(dependencies: GatewayDependencies) {
    this.#dependencies = dependencies;
    this.#control = new Int32Array(dependencies.control);
    this.#sequences = new AccountSequences(dependencies.partitionCount);
    this.#reader = new EventReader(dependencies.eventRing, this.#control, [
      new CatalogueEvents(this.catalogue),
      this.orders,
      this.#depth,
      this.#sequences,
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
    const publisher = new CommandPublisher(commandRing, this.#control, clock, lastCommandSequence);
    const outcomes = this.#outcomes;
    const orderEntry = new OrderEntry({
      publisher,
      outcomes,
      commandIds,
      view: this.orders,
      ledger,
      clock,
      logger,
    });
    const operator = new OperatorCommands(publisher, outcomes, commandIds, this.catalogue);
    this.#running = { publisher, orderEntry, operator, server: this.#createServer(orderEntry) };
    await this.#eventsThrough(lastEventSequence);
  }

  /** Defines the default markets that the journal lacks: all of them at the first start of a data folder. */
  ensureDefaultMarkets(): Promise<void> {
    return this.#resumed().operator.ensureDefaultMarkets();
  }

  /** Has the core write its state hash into the event log. */
  publishCheckpoint(): Promise<Checkpoint> {
    return this.#resumed().operator.checkpoint();
  }

  /**
   * @param port 0 for any free one
   * @returns the port
   * @throws ListenError
   */
  async listen(host = '127.0.0.1', port = 0): Promise<number> {
    const listeningPort = await this.#resumed().server.listen(host, port);
    this.#publicUrl = this.#dependencies.publicUrl ?? `http://${host}:${listeningPort}`;
    return listeningPort;
  }

  /** From now on orders and cancels get 503; what is on its way is finished, and everything may still be read. */
  beginShutdown(): void {
    this.#running?.orderEntry.close();
  }

  /** @returns when every order and cancel on its way has its outcome, and every request its answer */
  async drained(): Promise<void> {
    await this.#running?.orderEntry.idle();
    await this.#running?.server.idle();
  }

  /** Ends every connection at once. */
  close(): void {
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

  #createServer(orderEntry: OrderEntry): RestServer {
    const { ledger, keyStore, clock, rateLimit, logger, answerTimeoutMs } = this.#dependencies;
    const limiter = (limit: typeof PUBLIC_LIMIT): RateLimiter | null =>
      rateLimit === 'off' ? null : new RateLimiter(limit, () => clock.nowMs());
    const router = new Router(this.#endpoints(orderEntry, ledger, answerTimeoutMs ?? DEFAULT_ANSWER_TIMEOUT_MS));
    const isKnownPath = (path: string): boolean => router.match(path) !== undefined;
    return new RestServer({
      router,
      authenticator: new Authenticator(keyStore, isKnownPath, limiter(PRIVATE_LIMIT)),
      publicLimiter: limiter(PUBLIC_LIMIT),
      logger,
    });
  }

  #endpoints(orderEntry: OrderEntry, ledger: Ledger, answerTimeoutMs: number): Endpoint[] {
    const { catalogue, orders: view } = this;
    const endpoints: Endpoint[] = [
      ...publicRoutes(catalogue, this.#depth),
      ...orderRoutes({ orderEntry, view, catalogue, answerTimeoutMs }),
      ...accountRoutes(new SettledBalances(ledger, this.#sequences), catalogue),
    ];
    const page: PublicEndpoint = {
      method: 'GET',
      pattern: '/',
      answer: () => htmlReply(currencyPage(catalogue, endpoints, this.#publicUrl)),
    };
    return [page, ...endpoints];
  }
}
