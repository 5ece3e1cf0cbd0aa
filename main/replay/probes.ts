import type { OrderBook } from '../../core/book/order-book.ts';
import { MAX_PRICE_TICKS } from '../../core/money/instrument.ts';
import { ReplayInputError } from './replay-errors.ts';

/** What is asked about the book: how it stands after a line, and what rests at a price then. */
export interface Probe {
  readonly line: number;
  readonly price: number | null; // null: best prices only
}

export interface ProbeAnswer extends Probe {
  readonly bestBid: number | null; // null: nobody buys
  readonly bestAsk: number | null;
  readonly quantity: number | null; // that rests at the price; null when no price was asked
  readonly orders: number | null;
}

const PROBE = /^([1-9]\d{0,15})(?::([1-9]\d{0,9}))?$/;

/** @throws ReplayInputError */
export function parseProbe(text: string): Probe {
  const [, line, price] = PROBE.exec(text) ?? [];
  const probe = { line: Number(line), price: price === undefined ? null : Number(price) };
  if (line === undefined || (probe.price ?? 0) > MAX_PRICE_TICKS)
    throw new ReplayInputError(
      `--probe ${JSON.stringify(text)}: expected LINE or LINE:PRICE, a line from 1 and a price from 1 to 2^31 - 1, as in 12 or 12:100`,
    );
  return probe;
}

/** Answers probes in the order of their lines; of one line, in the order in which they were asked. */
export class Probes {
  readonly answers: ProbeAnswer[] = [];
  readonly #waiting: readonly Probe[];
  #nextLine: number;

  constructor(probes: readonly Probe[]) {
    this.#waiting = probes.toSorted((one, other) => one.line - other.line);
    this.#nextLine = this.#waiting[0]?.line ?? Number.POSITIVE_INFINITY;
  }

  /** @param line whose message has just been applied; every line is told, in order */
  afterLine(line: number, book: OrderBook): void {
    if (line < this.#nextLine) return;
    for (let probe = this.#next(); probe?.line === line; probe = this.#next()) this.answers.push(answer(probe, book));
    this.#nextLine = this.#next()?.line ?? Number.POSITIVE_INFINITY;
  }

  /** @throws ReplayInputError for a probe after a line that never came */
  requireAllAnswered(lineCount: number): void {
    const probe = this.#next();
    if (probe !== undefined)
      throw new ReplayInputError(`--probe ${probe.line}: the list has ${lineCount} lines; the report is written`);
  }

  #next(): Probe | undefined {
    return this.#waiting[this.answers.length];
  }
}

function answer({ line, price }: Probe, book: OrderBook): ProbeAnswer {
  const depth = price === null ? null : book.depthAt(price);
  return {
    line,
    price,
    bestBid: book.bestBidTicks === 0 ? null : book.bestBidTicks,
    bestAsk: book.bestAskTicks === 0 ? null : book.bestAskTicks,
    quantity: depth?.lots ?? null,
    orders: depth?.orderCount ?? null,
  };
}

export function describeProbe({ line, price, bestBid, bestAsk, quantity, orders }: ProbeAnswer): string {
  const best = `after line ${line}: best bid ${bestBid ?? 'none'}, best ask ${bestAsk ?? 'none'}`;
  return price === null ? best : `${best}, at ${price}: quantity ${quantity}, orders ${orders}`;
}
