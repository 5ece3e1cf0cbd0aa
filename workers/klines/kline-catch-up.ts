import type { MinutePart } from './candle.ts';
import type { HistoryMinutes } from './history-minutes.ts';
import type { KlineWriter } from './kline-writer.ts';

export interface KlineCatchUp {
  readonly writer: KlineWriter;
  readonly trades: HistoryMinutes;
  readonly onProgress?: (eventSequence: number, ofEventSequence: number) => void;
  readonly windowEvents?: number; // trades are looked for in so many events at a time
}

/** What one step holds in memory are its minutes: of a busy market a few, of many quiet ones at most a row an event. */
const WINDOW_EVENTS = 200_000;

/**
 * Brings candles that lag behind the history up to it, from the history's trades: a file that is new, or was lost, begins
 * where the trades begin, whether or not the event log still reaches back to there. May be interrupted and run again.
 */
export async function catchUpKlines(catchUp: KlineCatchUp): Promise<void> {
  const { writer, trades, onProgress = () => {}, windowEvents = WINDOW_EVENTS } = catchUp;
  const wanted = await trades.watermarks();
  const ofEventSequence = Math.max(...wanted);
  for (;;) {
    const behind = wanted.map((_, partition) => partition).filter((each) => writer.watermarks[each]! < wanted[each]!);
    if (behind.length === 0) return;
    // Those that are farthest behind go on together until the next one joins them, or one of them has arrived.
    const after = Math.min(...behind.map((partition) => writer.watermarks[partition]!));
    const moving = behind.filter((partition) => writer.watermarks[partition] === after);
    const ahead = behind.map((partition) => writer.watermarks[partition]!).filter((sequence) => sequence > after);
    const through = Math.min(after + windowEvents, ...ahead, ...moving.map((partition) => wanted[partition]!));
    const parts = await trades.ofPartitions(moving, after, through);
    const byPartition = Map.groupBy(parts, ({ instrumentId }) => writer.partitionOf(instrumentId));
    await Promise.all(
      moving.map((partition) =>
        writer.inTurn(partition, () => writer.add(partition, through, byPartition.get(partition) ?? NOTHING)),
      ),
    );
    onProgress(through, ofEventSequence);
  }
}

const NOTHING: readonly MinutePart[] = [];
