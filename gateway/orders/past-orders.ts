import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { ApiKey, HistoryOrder } from '../../core/ports.ts';
import type { CurrentHistory } from '../accounts/current-history.ts';
import { tryLater } from '../rest/errors.ts';
import { type Order, orderOfHistory, repeatKeyOfHistory } from './order.ts';
import { REPEAT_WINDOW_MS } from './order-view.ts';

/** Orders of one key under one client order id that are looked through for a repeat, newest first. */
const MAX_REPEAT_CANDIDATES = 100;

/** Orders that the view has forgotten, from the history. */
export class PastOrders {
  readonly #history: CurrentHistory;
  readonly #catalogue: Catalogue;

  constructor(history: CurrentHistory, catalogue: Catalogue) {
    this.#history = history;
    this.#catalogue = catalogue;
  }

  /** @returns undefined also for another account's order */
  async order(accountId: number, orderId: number): Promise<Order | undefined> {
    const store = await this.#history.of(accountId);
    const found = await store.order(orderId);
    return found === undefined || found.accountId !== accountId ? undefined : this.#asOrder(found);
  }

  /** @returns the newest order that the key placed under this id of its own */
  async byClientOrderId({ keyId, accountId }: Actor, clientOrderId: string): Promise<Order | undefined> {
    const store = await this.#history.of(accountId);
    const [newest] = await store.ordersByClientOrderId(keyId, clientOrderId, 1);
    return newest === undefined ? undefined : this.#asOrder(newest);
  }

  /**
   * @param key of repeatKey()
   * @returns the order that a request with these fields repeats, if one was accepted within 24 hours
   * @throws ApiError when the history lags too far behind to tell: an order must not be placed twice
   */
  async repeatedOrder(actor: Actor, clientOrderId: string, key: string, nowMs: number): Promise<Order | undefined> {
    if (!(await this.#history.isCurrent(actor.accountId)))
      throw tryLater('Whether this client_order_id was used before is not known yet; nothing was taken, try again');
    const candidates = await this.#history.store.ordersByClientOrderId(
      actor.keyId,
      clientOrderId,
      MAX_REPEAT_CANDIDATES,
    );
    const repeated = candidates.find(
      (candidate) => nowMs - candidate.createdMs < REPEAT_WINDOW_MS && repeatKeyOfHistory(candidate) === key,
    );
    return repeated === undefined ? undefined : this.#asOrder(repeated);
  }

  #asOrder(order: HistoryOrder): Order {
    const instrument = this.#catalogue.instrument(order.instrumentId) ?? fail(`no instrument ${order.instrumentId}`);
    return orderOfHistory(order, instrument);
  }
}

type Actor = Pick<ApiKey, 'keyId' | 'accountId'>;
