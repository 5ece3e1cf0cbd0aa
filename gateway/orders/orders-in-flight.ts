import { clientKey, type Order } from './order.ts';

/** Whose order it is, and what it is called. */
export type OrderOnItsWay = Pick<Order, 'accountId' | 'keyId' | 'clientOrderId'>;

/**
 * Orders between their request and the last event of their command. Who asks meanwhile waits for the same outcome
 * instead of hearing that there is no such order.
 */
export class OrdersInFlight {
  readonly #byRepeatKey = new Map<string, Promise<Order>>();
  readonly #byClientKey = new Map<string, Promise<Order>>();
  readonly #byOrderId = new Map<number, Promise<Order>>();
  readonly #byAccount = new Map<number, Set<Promise<Order>>>();

  get count(): number {
    return this.#byOrderId.size;
  }

  outcomes(): Promise<Order>[] {
    return [...this.#byOrderId.values()];
  }

  /** @returns once every order of the account that is on its way now has its outcome, whatever that is */
  async settledOf(accountId: number): Promise<void> {
    await Promise.allSettled(this.#byAccount.get(accountId) ?? []);
  }

  /** @param key of repeatKey() */
  repeatOf(key: string): Promise<Order> | undefined {
    return this.#byRepeatKey.get(key);
  }

  byClientOrderId(keyId: number, clientOrderId: string): Promise<Order> | undefined {
    return this.#byClientKey.get(clientKey(keyId, clientOrderId));
  }

  byOrderId(orderId: number): Promise<Order> | undefined {
    return this.#byOrderId.get(orderId);
  }

  /**
   * Takes note of an order on its way, until its outcome is there.
   * @param key of repeatKey(), '' without a client order id
   */
  add(orderId: number, order: OrderOnItsWay, key: string, outcome: Promise<Order>): void {
    const { accountId, keyId, clientOrderId } = order;
    this.#byOrderId.set(orderId, outcome);
    const ofAccount = this.#byAccount.get(accountId) ?? new Set();
    this.#byAccount.set(accountId, ofAccount.add(outcome));
    const byClient = clientKey(keyId, clientOrderId);
    if (key !== '') {
      this.#byRepeatKey.set(key, outcome);
      this.#byClientKey.set(byClient, outcome);
    }
    const remove = (): void => {
      this.#byOrderId.delete(orderId);
      ofAccount.delete(outcome);
      if (ofAccount.size === 0) this.#byAccount.delete(accountId);
      if (key === '') return;
      this.#byRepeatKey.delete(key);
      if (this.#byClientKey.get(byClient) === outcome) this.#byClientKey.delete(byClient);
    };
    outcome.then(remove, remove);
  }
}
