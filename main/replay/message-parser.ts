import { MAX_PRICE_TICKS, MAX_QUANTITY_LOTS } from '../../core/money/instrument.ts';
import { Side } from '../../core/protocol/kinds.ts';
import { MalformedLineError } from './replay-errors.ts';

export const MessageKind = { NEW: 0, CANCEL: 1, MODIFY: 2 } as const;
export type MessageKind = (typeof MessageKind)[keyof typeof MessageKind];

const MAX_ORDER_ID = Number.MAX_SAFE_INTEGER;
const ID = 'an order id, a whole number from 0 to 2^53 - 1';
const PRICE = 'a price, a whole number from 1 to 2^31 - 1';
const QUANTITY = 'a quantity, a whole number from 1 to 2^53 - 1';

const SPACE = 0x20;
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const HASH = 0x23;
const DIGIT_0 = 0x30;
const MAX_DIGITS = 16; // of 2^53 - 1

/**
 * One message of a text list, read field by field from its bytes: millions of lines make no strings. The form of a line
 * is told in replay-command.ts. The fields hold the last line parsed; those that its kind does not have mean nothing.
 */
export class MessageParser {
  kind: MessageKind = MessageKind.NEW;
  orderId = 0;
  side: Side = Side.BUY;
  priceTicks = 0;
  quantityLots = 0;
  isImmediateOrCancel = false;
  #line: Uint8Array = new Uint8Array(0);
  #lineNumber = 0;
  #lineFrom = 0;
  #lineTo = 0;
  #at = 0; // the current word: #at … #wordEnd
  #wordEnd = 0;

  /**
   * @param bytes the line lies at `from` … `to`, without its line feed
   * @param lineNumber from 1
   * @returns false for an empty line and a comment
   * @throws MalformedLineError
   */
  parse(bytes: Uint8Array, from: number, to: number, lineNumber: number): boolean {
    this.#line = bytes;
    this.#lineNumber = lineNumber;
    this.#lineFrom = from;
    this.#lineTo = to > from && bytes[to - 1] === CARRIAGE_RETURN ? to - 1 : to;
    this.#wordEnd = from;
    if (!this.#nextWord() || bytes[this.#at] === HASH) return false;
    if (this.#isWord('new')) this.#parseNew();
    else if (this.#isWord('cancel')) this.#parseCancel();
    else if (this.#isWord('modify')) this.#parseModify();
    else this.#refuse('"new", "cancel" or "modify"');
    if (this.#nextWord()) this.#refuse('the end of the line');
    return true;
  }

  #parseNew(): void {
    this.kind = MessageKind.NEW;
    this.orderId = this.#number(0, MAX_ORDER_ID, ID);
    this.side = this.#side();
    this.priceTicks = this.#number(1, MAX_PRICE_TICKS, PRICE);
    this.quantityLots = this.#number(1, MAX_QUANTITY_LOTS, QUANTITY);
    this.isImmediateOrCancel = this.#nextWord();
    if (this.isImmediateOrCancel && !this.#isWord('ioc')) this.#refuse('"ioc" or the end of the line');
  }

  #parseCancel(): void {
    this.kind = MessageKind.CANCEL;
    this.orderId = this.#number(0, MAX_ORDER_ID, ID);
  }

  #parseModify(): void {
    this.kind = MessageKind.MODIFY;
    this.orderId = this.#number(0, MAX_ORDER_ID, ID);
    this.priceTicks = this.#number(1, MAX_PRICE_TICKS, PRICE);
    this.quantityLots = this.#number(1, MAX_QUANTITY_LOTS, QUANTITY);
  }

  #side(): Side {
    const isThere = this.#nextWord();
    if (isThere && this.#isWord('buy')) return Side.BUY;
    if (isThere && this.#isWord('sell')) return Side.SELL;
    return this.#refuse('"buy" or "sell"');
  }

  #number(minimum: number, maximum: number, expected: string): number {
    if (!this.#nextWord()) this.#refuse(expected);
    const digits = this.#wordEnd - this.#at;
    if (digits > MAX_DIGITS || (digits > 1 && this.#line[this.#at] === DIGIT_0)) this.#refuse(expected);
    let value = 0;
    for (let at = this.#at; at < this.#wordEnd; at++) {
      const digit = this.#line[at]! - DIGIT_0;
      if (digit < 0 || digit > 9) this.#refuse(expected);
      value = value * 10 + digit; // of 16 digits at most: above 2^53 it may round, but never back below it
    }
    if (value < minimum || value > maximum) this.#refuse(expected);
    return value;
  }

  /** Goes to the next word. @returns false at the end of the line, which then stands for the word in a refusal */
  #nextWord(): boolean {
    const line = this.#line;
    let at = this.#wordEnd;
    while (at < this.#lineTo && (line[at] === SPACE || line[at] === TAB)) at += 1;
    this.#at = at;
    while (at < this.#lineTo && line[at] !== SPACE && line[at] !== TAB) at += 1;
    this.#wordEnd = at;
    return at > this.#at;
  }

  #isWord(word: string): boolean {
    if (this.#wordEnd - this.#at !== word.length) return false;
    for (let index = 0; index < word.length; index++)
      if (this.#line[this.#at + index] !== word.charCodeAt(index)) return false;
    return true;
  }

  #refuse(expected: string): never {
    const bytes = Buffer.from(this.#line.subarray(this.#lineFrom, this.#lineTo));
    const place = this.#at > this.#lineFrom ? ` at character ${this.#at - this.#lineFrom + 1}` : '';
    throw new MalformedLineError(this.#lineNumber, expected + place, bytes.toString('utf8'));
  }
}
