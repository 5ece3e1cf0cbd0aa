import { parentPort, workerData } from 'node:worker_threads';
import { CommandKind } from '../../core/protocol/kinds.ts';
import { RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { CommandStream } from './command-stream.ts';
import { EngineHarness } from './engine-harness.ts';
import { type ExchangeCommand, encodeCommand } from './exchange-command.ts';
import type { RecordedStream, StreamRequest } from './recorded-stream.ts';

/** What is not done all the time: definitions and their changes, a walk of all books; and orders by budget, in BigInt. */
const RARE: readonly number[] = [
  CommandKind.DEFINE_ASSET,
  CommandKind.DEFINE_INSTRUMENT,
  CommandKind.UPDATE_INSTRUMENT,
  CommandKind.CHECKPOINT,
];

function isSteady(command: ExchangeCommand): boolean {
  if (RARE.includes(command.kind)) return false;
  return command.kind !== CommandKind.NEW_ORDER || command.order.budgetUnits === 0n;
}

const { seed, count, steadyFrom } = workerData as StreamRequest;
const stream = new CommandStream(seed);
const harness = new EngineHarness({ limits: stream.limits, checksBytes: false });
const slots = new SharedArrayBuffer(2 * count * SLOT_BYTES);
const window = new RecordWindow(slots);
for (let recorded = 0; recorded < count; ) {
  const made = stream.next();
  if (recorded >= steadyFrom && !isSteady(made)) continue;
  const command = { ...made, header: { ...made.header, commandSequence: recorded + 1 } } as ExchangeCommand;
  const at = 2 * recorded * SLOT_BYTES;
  encodeCommand(window, at, at + SLOT_BYTES, command);
  stream.observe(harness.apply(command));
  recorded += 1;
}
const { lastEventSequence } = harness.engine;
parentPort!.postMessage({ limits: stream.limits, slots, lastEventSequence } satisfies RecordedStream);
