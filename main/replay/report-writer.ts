import { createHash } from 'node:crypto';

const FLUSH_CHARACTERS = 64 * 1024;

/** How many reports of each kind there were, by the word that they begin with. */
export interface ReportCounts {
  orderAcks: number;
  orderRejects: number;
  trades: number;
  cancelAcks: number;
  cancelRejects: number;
  modifyAcks: number;
  modifyRejects: number;
}

/**
 * The report: one line each, in order, beginning with the number of the line that caused it. The forms are told in
 * replay-command.ts. The hash is over every byte written.
 */
export class ReportWriter {
  readonly counts: ReportCounts = {
    orderAcks: 0,
    orderRejects: 0,
    trades: 0,
    cancelAcks: 0,
    cancelRejects: 0,
    modifyAcks: 0,
    modifyRejects: 0,
  };
  readonly #write: (text: string) => void;
  readonly #digest = createHash('sha256');
  #text = '';

  /** @param write called with some lines at a time; all of them are ASCII */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  orderAck(line: number, orderId: number): void {
    this.counts.orderAcks += 1;
    this.#add(`${line} order-ack ${orderId}\n`);
  }

  orderReject(line: number, orderId: number, reason: string): void {
    this.counts.orderRejects += 1;
    this.#add(`${line} order-reject ${orderId} ${reason}\n`);
  }

  trade(line: number, priceTicks: number, makerId: number, takerId: number, quantityLots: number): void {
    this.counts.trades += 1;
    this.#add(`${line} trade ${priceTicks} ${makerId} ${takerId} ${quantityLots}\n`);
  }

  /** @param quantityLots what was taken away */
  cancelAck(line: number, orderId: number, quantityLots: number): void {
    this.counts.cancelAcks += 1;
    this.#add(`${line} cancel-ack ${orderId} ${quantityLots}\n`);
  }

  cancelReject(line: number, orderId: number, reason: string): void {
    this.counts.cancelRejects += 1;
    this.#add(`${line} cancel-reject ${orderId} ${reason}\n`);
  }

  modifyAck(line: number, orderId: number): void {
    this.counts.modifyAcks += 1;
    this.#add(`${line} modify-ack ${orderId}\n`);
  }

  modifyReject(line: number, orderId: number, reason: string): void {
    this.counts.modifyRejects += 1;
    this.#add(`${line} modify-reject ${orderId} ${reason}\n`);
  }

  flush(): void {
    this.#digest.update(this.#text);
    this.#write(this.#text);
    this.#text = '';
  }

  /** Flushes; nothing may be added afterwards. @returns SHA-256 of the whole report, 64 hex digits */
  end(): string {
    this.flush();
    return this.#digest.digest('hex');
  }

  #add(line: string): void {
    this.#text += line;
    if (this.#text.length >= FLUSH_CHARACTERS) this.flush();
  }
}
