import { setTimeout as sleep } from 'node:timers/promises';
import { anyAmendment, orderOfAnyKind } from './order-kinds.ts';
import type { RandomIntegers } from './random-integers.ts';
import { type Answer, type Credentials, nextNonce, signedPost } from './signed-client.ts';

/** What one client knows of an order it sent. */
export interface SentOrder {
  readonly credentials: Credentials;
  readonly fields: Readonly<Record<string, unknown>> & { readonly client_order_id: string };
  /** The answer's order id; undefined while none came, null when the exchange refused it. */
  orderId: string | null | undefined;
}

const OPTIONS: readonly (readonly string[])[] = [
  [],
  [],
  [],
  [],
  ['immediate-or-cancel'],
  ['fill-or-kill'],
  ['maker-or-cancel'],
];

/** Between two requests of a client: in the short form other tests run beside, and the processor is what all wait for. */
const PAUSE_MS = process.env.RINGBOOK_TEST_LONG === '1' ? 0 : 5;

/**
 * Clients that trade with each other until the connection breaks: orders of every option around one price, a quarter
 * of the requests cancels. They keep what a careful client would: what was sent, and what was acknowledged. Of all kinds:
 * orders of every type there is, and as many amendments as cancels.
 */
export class TradingLoad {
  readonly orders: SentOrder[] = [];
  readonly nonces = new Map<string, string>(); // by key: the highest that was answered
  refusals = 0;
  readonly #accounts: readonly Credentials[];
  readonly #random: RandomIntegers;
  readonly #kinds: 'limit' | 'all';
  readonly #pauseMs: number;
  #orderCount = 0;
  #isOver = false;

  /** @param pauseMs of a client between two of its requests */
  constructor(
    accounts: readonly Credentials[],
    random: RandomIntegers,
    kinds: 'limit' | 'all' = 'limit',
    pauseMs = PAUSE_MS,
  ) {
    this.#accounts = accounts;
    this.#random = random;
    this.#kinds = kinds;
    this.#pauseMs = pauseMs;
  }

  /** Every client ends with the request that it waits for. */
  end(): void {
    this.#isOver = true;
  }

  /** @returns when every client has lost its connection, or has ended */
  async run(baseUrl: string, clients: number, round: number): Promise<void> {
    await Promise.all(Array.from({ length: clients }, (_, client) => this.#runClient(baseUrl, `${round}-${client}`)));
  }

  async #runClient(baseUrl: string, name: string): Promise<void> {
    for (let step = 0; step < 10_000 && !this.#isOver; step++) {
      try {
        if (this.#random.below(4) === 0) await this.#cancelOne(baseUrl);
        else if (this.#kinds === 'all' && this.#random.below(3) === 0) await this.#amendOne(baseUrl);
        else await this.#placeOne(baseUrl, `${name}-${step}`);
      } catch {
        return; // the exchange is gone: nothing is known of the last request
      }
      if (this.#pauseMs > 0) await sleep(this.#pauseMs);
    }
  }

  async #placeOne(baseUrl: string, name: string): Promise<void> {
    const random = this.#random;
    const side = random.below(2) === 0 ? 'buy' : 'sell';
    const order: SentOrder = {
      credentials: this.#accounts[random.below(this.#accounts.length)]!,
      fields: {
        symbol: random.below(3) === 0 ? 'ethusd' : 'btcusd',
        side,
        ...(this.#kinds === 'all' && random.below(3) > 0 ? orderOfAnyKind(random, side) : limitOrder(random)),
        client_order_id: `${name}-${this.#orderCount++}-${'x'.repeat(random.below(40))}`,
      },
      orderId: undefined,
    };
    this.orders.push(order);
    const answer = await this.#post(baseUrl, order.credentials, '/v1/order/new', order.fields);
    order.orderId = answer.status === 200 ? answer.body.order_id : null;
    if (answer.status !== 200) this.refusals += 1;
  }

  async #amendOne(baseUrl: string): Promise<void> {
    const order = this.orders[this.#random.below(this.orders.length + 1)];
    if (typeof order?.orderId !== 'string') return;
    const fields = { order_id: order.orderId, ...anyAmendment(this.#random) };
    await this.#post(baseUrl, order.credentials, '/v1/order/amend', fields);
  }

  async #cancelOne(baseUrl: string): Promise<void> {
    const order = this.orders[this.#random.below(this.orders.length + 1)];
    if (typeof order?.orderId !== 'string') return;
    await this.#post(baseUrl, order.credentials, '/v1/order/cancel', { order_id: order.orderId });
  }

  async #post(baseUrl: string, credentials: Credentials, path: string, fields: object): Promise<Answer> {
    const nonce = nextNonce();
    const answer = await signedPost(baseUrl, credentials, path, fields, nonce);
    const highest = this.nonces.get(credentials.key) ?? '0';
    if (BigInt(nonce) > BigInt(highest)) this.nonces.set(credentials.key, nonce);
    return answer;
  }
}

function limitOrder(random: RandomIntegers): Readonly<Record<string, unknown>> {
  return {
    amount: `0.0${1 + random.below(9)}`,
    price: `${100 + random.below(20)}.${10 + random.below(90)}`,
    type: 'exchange limit',
    options: OPTIONS[random.below(OPTIONS.length)],
  };
}
