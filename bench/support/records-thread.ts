import { parentPort, workerData } from 'node:worker_threads';
import { createOrderEncoder } from '../../core/protocol/order-encoder.ts';
import * as recordWindow from '../../core/protocol/record-window.ts';
import { RecordWindow } from '../../core/protocol/record-window.ts';
import { garbageCollector } from './garbage.ts';
import { median } from './pairs.ts';
import { decodedSum, encodePlain, type PlainCommand, plainCommands, plainSum } from './plain-commands.ts';
import type { RecordsThreadData, RecordTimes } from './record-times.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { SLOT_BYTES } = recordWindow;

const BATCH = 64; // commands: as many as the engine takes at once

/** Times a workload's records, once, in a thread that has one encoder, as whoever publishes commands has. */
const { records, setupCount, count, turns, rounds } = workerData as RecordsThreadData;
const recorded = new RecordWindow(records);
const commands: readonly PlainCommand[] = plainCommands(recorded, setupCount, count);
const window = new RecordWindow(new SharedArrayBuffer(commands.length * SLOT_BYTES));
const encoder = createOrderEncoder(window);
parentPort!.postMessage(timeRecords());

/**
 * A round takes half a millisecond, so that most of them see no other process take the processor.
 * @throws when what is encoded or decoded is not what was recorded
 */
function timeRecords(): RecordTimes {
  window.u8.fill(0xff);
  encodeAll();
  if (Buffer.compare(window.u8, recorded.u8.subarray(setupCount * SLOT_BYTES, count * SLOT_BYTES)) !== 0)
    throw new Error('an encoded record is another one');
  const fieldSum = commands.reduce((sum, command) => sum + plainSum(command), 0);
  const ways: readonly (readonly [way: () => number, sum: number])[] = [
    [walkAll, walkAll()],
    [encodeAll, commands.length],
    [decodeAll, fieldSum],
    [encodeAndDecodeAll, fieldSum],
    [encodeAndDecodeAll, fieldSum], // against itself: noise
  ];
  garbageCollector()();
  const times: number[][] = ways.map(() => []);
  for (let round = -Math.ceil(rounds / 4); round < rounds; round++) {
    for (const [index, [way, sum]] of ways.entries()) {
      const startMs = performance.now();
      for (let turn = 0; turn < turns; turn++)
        if (way() !== sum) throw new Error(`a round made something else than ${sum}`);
      const ns = ((performance.now() - startMs) * 1e6) / (turns * commands.length);
      if (round >= 0) times[index]!.push(ns); // the rounds before warm
    }
  }
  const [empty, encode, decode, both, again] = times as [number[], number[], number[], number[], number[]];
  return {
    commands: commands.length,
    fieldSum,
    emptyNs: median(empty),
    encodeNs: median(encode),
    decodeNs: median(decode),
    bothNs: median(both),
    aboveEmptyNs: median(both.map((ns, round) => ns - empty[round]!)),
    noise: median(both.map((ns, round) => Math.max(ns / again[round]!, again[round]! / ns))),
  };
}

// Each goes over all commands or their records, a batch at a time, and returns a number that shows that it did.

function walkAll(): number {
  let sum = 0;
  for (let index = 0; index < commands.length; index++) sum += commands[index]!.header.commandSequence;
  return sum;
}

function encodeAll(): number {
  for (let from = 0; from < commands.length; from += BATCH) encodePlain(encoder, commands, from, from + BATCH);
  return commands.length;
}

function decodeAll(): number {
  let sum = 0;
  for (let from = 0; from < commands.length; from += BATCH) sum += decodedSum(window, from, from + BATCH);
  return sum;
}

function encodeAndDecodeAll(): number {
  let sum = 0;
  for (let from = 0; from < commands.length; from += BATCH) {
    encodePlain(encoder, commands, from, from + BATCH);
    sum += decodedSum(window, from, from + BATCH);
  }
  return sum;
}
