import { Engine } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import * as eventRecord from '../../core/protocol/event-record.ts';
import * as kinds from '../../core/protocol/kinds.ts';
import * as recordWindow from '../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../core/ring/ring.ts';
import { addTrade, newTape, type TradeTape } from './trade-tape.ts';
import { FIRST_COMMAND_ID, type Workload } from './workload-recorder.ts';

const { EVENT, FILLED } = eventRecord;
const { EventKind } = kinds;
const { SLOT_BYTES } = recordWindow;
const BATCH = 64;
const firstCommandId = FIRST_COMMAND_ID;

/**
 * The whole core: from command records to event records in a ring, published a batch at a time, where a reader takes the
 * trades out again. More work than the peer's: every order and cancel has its events too.
 */
export class EngineArm {
  readonly tape: TradeTape = newTape();
  readonly engine: Engine;
  readonly #workload: Workload;
  readonly #reader: RingReader;
  readonly #writer: EventWriter;
  #next = 0;

  constructor(workload: Workload) {
    this.#workload = workload;
    const ring = createRing(2 ** 12, 1);
    this.#reader = new RingReader(ring, 0);
    this.#writer = new EventWriter(new RingWriter(ring), () => this.#read());
    this.engine = new Engine(workload.limits, this.#writer);
    this.runTo(workload.setupCount);
  }

  /** Applies the commands up to that one. */
  runTo(end: number): void {
    const { window } = this.#workload;
    const { engine } = this;
    let index = this.#next;
    while (index < end) {
      const batchEnd = Math.min(index + BATCH, end);
      if (batchEnd - index > 1) engine.readAhead(window, index * SLOT_BYTES, batchEnd - index);
      for (; index < batchEnd; index++) engine.apply(window, index * SLOT_BYTES, 0);
      this.#writer.flush();
      this.#read();
    }
    this.#next = end;
  }

  #read(): void {
    const reader = this.#reader;
    const { u8, i32, f64 } = reader.window;
    const available = reader.available();
    for (let index = 0; index < available; index++) {
      const at = reader.offsetAt(index);
      if (u8[at] !== EventKind.FILLED) continue;
      addTrade(
        this.tape,
        f64[(at + EVENT.ORDER_ID) >> 3]! - firstCommandId,
        i32[(at + FILLED.PRICE_TICKS) >> 2]!,
        f64[(at + FILLED.QUANTITY_LOTS) >> 3]!,
      );
    }
    reader.release(available);
  }
}
