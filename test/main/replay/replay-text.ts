import type { Probe } from '../../../main/replay/probes.ts';
import { type ReplaySummary, replay } from '../../../main/replay/replay.ts';
import type { ReplayLimits } from '../../../main/replay/replay-book.ts';

export interface ReplayTextOptions {
  readonly limits?: ReplayLimits;
  readonly probes?: readonly Probe[];
  readonly chunkBytes?: number;
}

export interface ReplayedText {
  readonly report: string; // also when the replay has failed: what was written before
  readonly summary: ReplaySummary | null; // null when it has failed
  readonly error: unknown; // null when it has not
}

const SMALL_LIMITS: ReplayLimits = { maxOrders: 8_192, maxLevels: 512 };

/** Replays a text through the real book, as the command does. */
export async function tryReplayText(
  text: string,
  { limits = SMALL_LIMITS, probes = [], chunkBytes = 2 ** 16 }: ReplayTextOptions = {},
): Promise<ReplayedText> {
  let report = '';
  const write = (lines: string): void => {
    report += lines;
  };
  try {
    const summary = await replay(chunksOf(text, chunkBytes), { limits, probes, write, onProgress: () => {} });
    return { report, summary, error: null };
  } catch (error) {
    return { report, summary: null, error };
  }
}

/** @throws what the replay throws */
export async function replayText(
  text: string,
  options: ReplayTextOptions = {},
): Promise<{ report: string; summary: ReplaySummary }> {
  const { report, summary, error } = await tryReplayText(text, options);
  if (summary === null) throw error;
  return { report, summary };
}

/** @returns the reports of a list of messages, one after the other */
export async function reportsOf(...messages: readonly string[]): Promise<string[]> {
  const { report } = await replayText(messages.join('\n'));
  return report.split('\n').slice(0, -1);
}

async function* chunksOf(text: string, chunkBytes: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}
