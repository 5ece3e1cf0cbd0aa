import peer, { type IProcessOrder, type LimitOrderOptions } from 'nodejs-order-book';
import * as commandRecord from '../../core/protocol/command-record.ts';
import * as kinds from '../../core/protocol/kinds.ts';
import * as recordWindow from '../../core/protocol/record-window.ts';
import { addTrade, newTape, type TradeTape } from './trade-tape.ts';
import { FIRST_COMMAND_ID, type Workload } from './workload-recorder.ts';

const { AMEND_ORDER, CANCEL_ORDER, COMMAND, NEW_ORDER } = commandRecord;
const { CommandKind, Side, TimeInForce } = kinds;
const { SLOT_BYTES } = recordWindow;
const { OrderBook, Side: PeerSide } = peer;
const { BUY, SELL } = PeerSide;
type PeerTimeInForce = NonNullable<LimitOrderOptions['timeInForce']>;
const GTC = 'GTC' as PeerTimeInForce; // its enum is not among its exports
const IOC = 'IOC' as PeerTimeInForce;
const firstCommandId = FIRST_COMMAND_ID;

/**
 * nodejs-order-book on the same commands: the fields are read from the records (about 5 ns), its ids are text that is
 * there before the clock starts. Trades are what its answers say: the makers that are done, and the one partly filled.
 */
export class PeerArm {
  readonly tape: TradeTape = newTape();
  readonly #workload: Workload;
  readonly #ids: readonly string[];
  readonly #book = new OrderBook();
  #next: number;

  /** @param ids a text for each command of the workload */
  constructor(workload: Workload, ids: readonly string[]) {
    this.#workload = workload;
    this.#ids = ids;
    this.#next = 0;
    this.runTo(workload.setupCount);
  }

  /** Applies the commands up to that one. */
  runTo(end: number): void {
    const { u8, i32, f64 } = this.#workload.window;
    const ids = this.#ids;
    const book = this.#book;
    for (let index = this.#next; index < end; index++) {
      const at = index * SLOT_BYTES;
      switch (u8[at + COMMAND.KIND]) {
        case CommandKind.NEW_ORDER: {
          const id = ids[f64[(at + COMMAND.COMMAND_ID) >> 3]! - firstCommandId]!;
          const answer = book.limit({
            id,
            side: u8[at + COMMAND.SIDE] === Side.BUY ? BUY : SELL,
            size: f64[(at + NEW_ORDER.QUANTITY_LOTS) >> 3]!,
            price: i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!,
            timeInForce: u8[at + NEW_ORDER.TIME_IN_FORCE] === TimeInForce.IOC ? IOC : GTC,
          });
          this.#readTrades(answer, id);
          break;
        }
        case CommandKind.CANCEL_ORDER:
          if (book.cancel(ids[f64[(at + CANCEL_ORDER.ORDER_ID) >> 3]! - firstCommandId]!) === undefined)
            throw new Error(`the peer does not know the order that command ${index} cancels`);
          break;
        case CommandKind.AMEND_ORDER: {
          const id = ids[f64[(at + AMEND_ORDER.ORDER_ID) >> 3]! - firstCommandId]!;
          this.#readTrades(book.modify(id, { price: i32[(at + AMEND_ORDER.PRICE_TICKS) >> 2]! }), id);
          break;
        }
        default: // definitions: the peer has none
      }
    }
    this.#next = end;
  }

  #readTrades(answer: IProcessOrder, takerId: string): void {
    if (answer.err !== null) throw answer.err;
    for (const order of answer.done) {
      if (order.id !== takerId && 'price' in order) addTrade(this.tape, indexOf(order.id), order.price, order.size);
    }
    const { partial } = answer;
    if (partial !== null && partial.id !== takerId)
      addTrade(this.tape, indexOf(partial.id), partial.price, answer.partialQuantityProcessed);
  }
}

/** @returns ids of the shape that `indexOf` reads back */
export function peerIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `order-${index}`);
}

function indexOf(id: string): number {
  return Number(id.slice(6));
}
