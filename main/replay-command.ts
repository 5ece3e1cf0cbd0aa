import { closeSync, createReadStream, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { describeProbe, type Probe, parseProbe } from './replay/probes.ts';
import type { ReplaySummary } from './replay/replay.ts';
import { ReplayInputError } from './replay/replay-errors.ts';

/** The list and the report, told so that they can be written and checked with any language. README.md says the same. */
const FORMAT = `
The list is plain text, one message a line, fields separated by spaces:
  new ID buy|sell PRICE QUANTITY       rests with what is left of it
  new ID buy|sell PRICE QUANTITY ioc   takes what it can at once; the rest is cancelled
  cancel ID
  modify ID PRICE QUANTITY             cancel and new in one: same side, last in its queue, QUANTITY is all that is left of it
IDs are your own: whole numbers from 0 to 2^53 - 1. One is free again once its order is filled or cancelled. Prices go from
1 to 2^31 - 1, quantities from 1 to 2^53 - 1. Empty lines and lines that begin with # are counted and passed over.

The report has one line each, in order, beginning with the number of the line in the list that caused it:
  LINE order-ack ID                    before the order's trades
  LINE order-reject ID REASON          duplicate-id: an order of that id rests; side-full: see below
  LINE trade PRICE MAKER TAKER QUANTITY   the price is the maker's, the one that rested
  LINE cancel-ack ID QUANTITY          what was taken away; also of an ioc's rest, after its trades
  LINE cancel-reject ID REASON         unknown-id: no order of that id rests
  LINE modify-ack ID                   before the order's trades
  LINE modify-reject ID REASON         unknown-id or side-full; the order is as it was
side-full: what rests on one side may not pass 2^53 - 1 in sum; asked of the whole quantity before the order trades.

  printf 'new 1 sell 100 5\\nnew 2 buy 101 7\\nmodify 2 99 1\\n' | npm run -s ringbook -- replay - --report report.txt --probe 2:101`;

/** Of orders and levels: more would not fit into typed arrays that anyone has the memory for. */
const MAX_LIMIT = 2 ** 26;

interface ReplayCommandOptions {
  readonly report?: string;
  readonly probe: readonly Probe[];
  readonly maxOrders: number;
  readonly maxLevels: number;
  readonly json?: boolean;
}

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description('replay a text list of orders into one bare book, and report all that follows from them')
    .argument('<file>', 'the list; - for standard input')
    .option('--report <file>', 'where the report goes; without it, only its hash is printed')
    .option(
      '--probe <line[:price]>',
      'best bid, best ask and what rests at a price after that line; may be given often',
      (text: string, probes: readonly Probe[]) => [...probes, parseProbe(text)],
      [] as readonly Probe[],
    )
    .option('--max-orders <number>', 'orders that may rest at once', parseLimit('--max-orders'), 2 ** 20)
    .option('--max-levels <number>', 'prices that may be in use at once', parseLimit('--max-levels'), 2 ** 17)
    .option('--json', 'as JSON')
    .addHelpText('after', FORMAT)
    .action((file: string, options: ReplayCommandOptions) => runReplay(file, options));
}

/** @throws ReplayInputError, MalformedLineError, ReplayFullError */
async function runReplay(file: string, options: ReplayCommandOptions): Promise<void> {
  const { replay } = await import('./replay/replay.ts'); // the matching core: no other command pays for loading it
  const inputFd = file === '-' ? 0 : openOrRefuse(file, 'r');
  const reportFd = options.report === undefined ? null : openReport(options.report, inputFd);
  const totalBytes = fstatSync(inputFd).size;
  let printedMs = performance.now();
  try {
    const summary = await replay(readChunks(file, inputFd), {
      limits: { maxOrders: options.maxOrders, maxLevels: options.maxLevels },
      probes: options.probe,
      write: (text) => {
        if (reportFd !== null) writeWhole(options.report ?? '', reportFd, text);
      },
      onProgress: (lines, bytes) => {
        if (performance.now() - printedMs < 1_000) return;
        printedMs = performance.now();
        const percent = totalBytes > 0 ? `, ${Math.floor((bytes * 100) / totalBytes)} %` : '';
        console.error(`replaying: ${lines} lines${percent} …`);
      },
    });
    console.log(options.json === true ? JSON.stringify(summary, null, 2) : describe(summary));
  } finally {
    if (reportFd !== null) closeSync(reportFd);
  }
}

async function* readChunks(file: string, fd: number): AsyncGenerator<Uint8Array> {
  try {
    yield* fd === 0 ? process.stdin : createReadStream(file, { fd, highWaterMark: 2 ** 18 });
  } catch (error) {
    throw unusable(file, 'read: name a text file, or - for standard input', error);
  }
}

function openOrRefuse(file: string, flags: 'r' | 'w'): number {
  try {
    return openSync(file, flags);
  } catch (error) {
    if (flags === 'w') throw unusable(file, 'written: name another file', error);
    throw unusable(file, 'read: name a text file, or - for standard input', error);
  }
}

function unusable(file: string, what: string, error: unknown): ReplayInputError {
  return new ReplayInputError(`${file} can't be ${what} (${(error as Error).message})`);
}

/** Opening it empties it: a list that is named twice by mistake must survive. */
function openReport(file: string, inputFd: number): number {
  const existing = statSync(file, { throwIfNoEntry: false });
  const input = fstatSync(inputFd);
  if (existing?.isFile() && existing.dev === input.dev && existing.ino === input.ino)
    throw new ReplayInputError(`--report ${file} is the list itself: name another file`);
  return openOrRefuse(file, 'w');
}

function writeWhole(file: string, fd: number, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } catch (error) {
    throw unusable(file, 'written: make room or name another file', error);
  }
}

function parseLimit(option: string): (text: string) => number {
  return (text) => {
    const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (limit < 1 || limit > MAX_LIMIT)
      throw new ReplayInputError(`${option} ${JSON.stringify(text)}: expected a whole number from 1 to ${MAX_LIMIT}`);
    return limit;
  };
}

function describe({
  lines,
  messages,
  reports,
  restingOrders,
  bestBid,
  bestAsk,
  probes,
  sha256,
}: ReplaySummary): string {
  return [
    ...probes.map(describeProbe),
    `list       ${lines} lines: ${messages.new} new, ${messages.cancel} cancel, ${messages.modify} modify`,
    `report     ${reports.orderAcks} order acks, ${reports.orderRejects} order rejects, ${reports.trades} trades, ` +
      `${reports.cancelAcks} cancel acks, ${reports.cancelRejects} cancel rejects, ` +
      `${reports.modifyAcks} modify acks, ${reports.modifyRejects} modify rejects`,
    `book       ${restingOrders} orders rest, best bid ${bestBid ?? 'none'}, best ask ${bestAsk ?? 'none'}; every invariant holds`,
    `sha256     ${sha256}`,
  ].join('\n');
}
