import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { HistoryOrder, OrderRequest } from '../../core/ports/history.ts';
import type { ApiKey } from '../../core/ports/keys.ts';
import type { CurrentHistory } from '../accounts/current-history.ts';
import { tryLater } from '../rest/errors.ts';
import { isProtected, type Order, orderOfHistory, repeatKey, repeatKeyOfHistory } from './order.ts';
import { REPEAT_WINDOW_MS } from './order-view.ts';

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
   * @param request with a client order id
   * @param forgottenSequence the event that the history must have to know what the view has forgotten
   * @returns the order that this request repeats, if one was accepted within 24 hours
   * @throws ApiError when the history lags too far behind to tell: an order must not be placed twice
   */
  async repeatedOrder(request: OrderRequest, forgottenSequence: number, nowMs: number): Promise<Order | undefined> {
    if (!(await this.#history.hasReached(request.instrumentId, forgottenSequence)))
      throw tryLater('Whether this client_order_id was used before is not known yet; nothing was taken, try again');
    const sinceMs = nowMs - REPEAT_WINDOW_MS;
    const found = await this.#history.store.repeatedOrder(request, sinceMs, !isProtected(request.orderType));
    if (found === undefined) return undefined;
    if (repeatKeyOfHistory(found) !== repeatKey(request)) fail(`order ${found.orderId} is no repeat of what was asked`);
    return this.#asOrder(found);
  }

  #asOrder(order: HistoryOrder): Order {
    const instrument = this.#catalogue.instrument(order.instrumentId) ?? fail(`no instrument ${order.instrumentId}`);
    return orderOfHistory(order, instrument);
  }
}

type Actor = Pick<ApiKey, 'keyId' | 'accountId'>;
