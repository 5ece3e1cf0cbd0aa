interface SlowOrder {
  readonly id: number;
  readonly isBuy: boolean;
  readonly price: number;
  quantity: number;
}

const MOST = 2 ** 53 - 1;

/**
 * The replay again from its description alone: one plain array of resting orders in the order in which they came, searched
 * from end to end. It shares no line with the book that it is compared with.
 */
export class SlowReplay {
  readonly reports: string[] = [];
  #resting: SlowOrder[] = [];
  #line = 0;

  static of(text: string): SlowReplay {
    const slow = new SlowReplay();
    for (const line of text.split('\n')) slow.apply(line);
    return slow;
  }

  apply(line: string): void {
    this.#line += 1;
    const [word, id, ...fields] = line.trim().split(/[ \t]+/);
    if (word === 'new') this.#new(Number(id), fields[0] === 'buy', Number(fields[1]), Number(fields[2]), fields[3]);
    if (word === 'cancel') this.#cancel(Number(id));
    if (word === 'modify') this.#modify(Number(id), Number(fields[0]), Number(fields[1]));
  }

  /** @returns the report as the file has it */
  get report(): string {
    return this.reports.map((report) => `${report}\n`).join('');
  }

  bestPrice(isBuy: boolean): number | null {
    const prices = this.#resting.filter((order) => order.isBuy === isBuy).map((order) => order.price);
    if (prices.length === 0) return null;
    return prices.reduce((best, price) => (price > best === isBuy ? price : best));
  }

  depthAt(price: number): { quantity: number; orders: number } {
    const there = this.#resting.filter((order) => order.price === price);
    return { quantity: there.reduce((sum, order) => sum + order.quantity, 0), orders: there.length };
  }

  #new(id: number, isBuy: boolean, price: number, quantity: number, flag: string | undefined): void {
    const isIoc = flag === 'ioc';
    if (this.#resting.some((order) => order.id === id)) {
      this.#tell(`order-reject ${id} duplicate-id`);
    } else if (!isIoc && this.#isSideFull(isBuy, quantity, this.#resting)) {
      this.#tell(`order-reject ${id} side-full`);
    } else {
      this.#tell(`order-ack ${id}`);
      this.#trade({ id, isBuy, price, quantity }, isIoc);
    }
  }

  #cancel(id: number): void {
    const order = this.#resting.find((resting) => resting.id === id);
    if (order === undefined) {
      this.#tell(`cancel-reject ${id} unknown-id`);
    } else {
      this.#resting = this.#resting.filter((resting) => resting !== order);
      this.#tell(`cancel-ack ${id} ${order.quantity}`);
    }
  }

  #modify(id: number, price: number, quantity: number): void {
    const order = this.#resting.find((resting) => resting.id === id);
    const others = this.#resting.filter((resting) => resting !== order);
    if (order === undefined) {
      this.#tell(`modify-reject ${id} unknown-id`);
    } else if (this.#isSideFull(order.isBuy, quantity, others)) {
      this.#tell(`modify-reject ${id} side-full`);
    } else {
      this.#resting = others;
      this.#tell(`modify-ack ${id}`);
      this.#trade({ id, isBuy: order.isBuy, price, quantity }, false);
    }
  }

  #trade(taker: SlowOrder, isIoc: boolean): void {
    for (let maker = this.#bestFor(taker); maker !== undefined && taker.quantity > 0; maker = this.#bestFor(taker)) {
      const quantity = Math.min(maker.quantity, taker.quantity);
      this.#tell(`trade ${maker.price} ${maker.id} ${taker.id} ${quantity}`);
      maker.quantity -= quantity;
      taker.quantity -= quantity;
      this.#resting = this.#resting.filter((order) => order.quantity > 0);
    }
    if (taker.quantity === 0) return;
    if (isIoc) this.#tell(`cancel-ack ${taker.id} ${taker.quantity}`);
    else this.#resting.push(taker);
  }

  /** @returns the opposite order of the best price that the taker's limit reaches, of these the first that came */
  #bestFor(taker: SlowOrder): SlowOrder | undefined {
    const best = this.bestPrice(!taker.isBuy);
    if (best === null || (taker.isBuy ? best > taker.price : best < taker.price)) return undefined;
    return this.#resting.find((order) => order.isBuy !== taker.isBuy && order.price === best);
  }

  #isSideFull(isBuy: boolean, quantity: number, resting: readonly SlowOrder[]): boolean {
    const all = resting.filter((order) => order.isBuy === isBuy).map((order) => BigInt(order.quantity));
    return all.reduce((sum, lots) => sum + lots, BigInt(quantity)) > BigInt(MOST);
  }

  #tell(report: string): void {
    this.reports.push(`${this.#line} ${report}`);
  }
}
