import { LineSplitter } from './line-splitter.ts';
import { MessageKind, MessageParser } from './message-parser.ts';
import { type Probe, type ProbeAnswer, Probes } from './probes.ts';
import { ReplayBook, type ReplayLimits } from './replay-book.ts';
import { type ReportCounts, ReportWriter } from './report-writer.ts';

export interface ReplaySummary {
  readonly lines: number;
  readonly messages: { readonly new: number; readonly cancel: number; readonly modify: number };
  readonly reports: Readonly<ReportCounts>;
  readonly restingOrders: number;
  readonly bestBid: number | null; // null: nobody buys
  readonly bestAsk: number | null;
  readonly probes: readonly ProbeAnswer[];
  readonly sha256: string; // of the report
}

export interface ReplayOptions {
  readonly limits: ReplayLimits;
  readonly probes: readonly Probe[];
  /** Takes the report, some lines at a time. */
  readonly write: (text: string) => void;
  /** Told after every chunk. */
  readonly onProgress: (lines: number, bytes: number) => void;
}

/**
 * Replays a list of messages into one bare book. Memory is bounded by the limits, whatever the length of the list.
 * @param chunks the list's bytes, cut anywhere
 * @throws MalformedLineError, ReplayFullError; the reports of all lines before have been written then
 */
export async function replay(chunks: AsyncIterable<Uint8Array>, options: ReplayOptions): Promise<ReplaySummary> {
  const report = new ReportWriter(options.write);
  const book = new ReplayBook(options.limits, report);
  const probes = new Probes(options.probes);
  const parser = new MessageParser();
  const messages = { new: 0, cancel: 0, modify: 0 };
  const splitter = new LineSplitter((bytes, from, to, line) => {
    if (parser.parse(bytes, from, to, line)) {
      if (parser.kind === MessageKind.NEW) messages.new += 1;
      else if (parser.kind === MessageKind.CANCEL) messages.cancel += 1;
      else messages.modify += 1;
      book.apply(parser, line);
    }
    probes.afterLine(line, book.book);
  });
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      splitter.push(chunk);
      bytes += chunk.length;
      options.onProgress(splitter.lineCount, bytes);
    }
    splitter.end();
  } catch (error) {
    report.flush();
    throw error;
  }
  const sha256 = report.end();
  book.engine.verifyInvariants();
  probes.requireAllAnswered(splitter.lineCount);
  const { bestBidTicks, bestAskTicks } = book.book;
  return {
    lines: splitter.lineCount,
    messages,
    reports: report.counts,
    restingOrders: book.engine.restingOrders,
    bestBid: bestBidTicks === 0 ? null : bestBidTicks,
    bestAsk: bestAskTicks === 0 ? null : bestAskTicks,
    probes: probes.answers,
    sha256,
  };
}
