import { Engine } from '../../../core/engine/engine.ts';
import { EventWriter } from '../../../core/engine/event-writer.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../../core/ring/ring.ts';
import { recordStream } from '../../support/recorded-stream.ts';

/** A program for a fresh process. Arguments: seed, commands. Prints what commands of every kind have allocated. */
const seed = Number(process.argv[2]);
const count = Number(process.argv[3]);
const WARM_UP_PARTS = 20;
/** Code that is rarely met is compiled late, which shows in few of them; what commands allocate shows in all. */
const CHUNK_COMMANDS = 5_000;
const measuredFrom = Math.floor(count / 2);

const { limits, slots, lastEventSequence } = await recordStream({ seed, count, steadyFrom: 2_000 });
const ring = createRing(4_096, 1);
const reader = new RingReader(ring, 0);
const writer = new EventWriter(new RingWriter(ring), () => reader.release(reader.available()));
const engine = new Engine(limits, writer);
const window = new RecordWindow(slots);

function apply(from: number, to: number): void {
  for (let command = from; command < to; command++) {
    const at = 2 * command * SLOT_BYTES;
    engine.apply(window, at, at + SLOT_BYTES);
    writer.flush();
    reader.release(reader.available());
  }
}

for (let part = 0; part < WARM_UP_PARTS; part++) {
  apply(Math.floor((measuredFrom * part) / WARM_UP_PARTS), Math.floor((measuredFrom * (part + 1)) / WARM_UP_PARTS));
  await new Promise(setImmediate); // code that was compiled meanwhile is taken into use
}
globalThis.gc!();
const growths: number[] = [];
for (let from = measuredFrom; from < count; from += CHUNK_COMMANDS) {
  const before = process.memoryUsage().heapUsed;
  apply(from, Math.min(from + CHUNK_COMMANDS, count));
  growths.push(process.memoryUsage().heapUsed - before);
}
if (engine.lastEventSequence !== lastEventSequence)
  throw new Error(`it ended at event ${engine.lastEventSequence}, the recording at ${lastEventSequence}`);
const medianGrowthBytes = growths.sort((left, right) => left - right)[growths.length >> 1]!;
console.log(JSON.stringify({ commands: count - measuredFrom, bytesPerCommand: medianGrowthBytes / CHUNK_COMMANDS }));
