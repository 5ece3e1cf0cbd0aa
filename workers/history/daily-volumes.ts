import type { DailyVolume, HistoryTrade, VolumeSum } from '../../core/ports/history.ts';
import { Side } from '../../core/protocol/kinds.ts';

export type MutableVolume = { -readonly [Field in keyof DailyVolume]: DailyVolume[Field] };
type Part = 'buyMaker' | 'buyTaker' | 'sellMaker' | 'sellTaker';

/** What a day's row is found by: one account, instrument and day. */
export interface VolumeKey {
  readonly accountId: number;
  readonly instrumentId: number;
  readonly dayStartMs: number;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
const NOTHING: VolumeSum = { lots: 0n, notionalUnits: 0n, trades: 0 };

/** @returns the two rows that a trade counts in: its maker's, its taker's */
export function volumeKeysOf(trade: HistoryTrade): readonly [VolumeKey, VolumeKey] {
  const { instrumentId, timestampMs, maker, taker } = trade;
  const dayStartMs = timestampMs - (timestampMs % DAY_MS);
  return [
    { accountId: maker.accountId, instrumentId, dayStartMs },
    { accountId: taker.accountId, instrumentId, dayStartMs },
  ];
}

export function volumeKeyText({ accountId, instrumentId, dayStartMs }: VolumeKey): string {
  return `${accountId} ${instrumentId} ${dayStartMs}`;
}

export function emptyVolume(key: VolumeKey): MutableVolume {
  return { ...key, buyMaker: NOTHING, buyTaker: NOTHING, sellMaker: NOTHING, sellTaker: NOTHING };
}

/**
 * Counts a trade for both sides.
 * @param volumes by volumeKeyText; has both rows
 */
export function countTrade(volumes: ReadonlyMap<string, MutableVolume>, trade: HistoryTrade): void {
  const [makerKey, takerKey] = volumeKeysOf(trade);
  const isTakerBuyer = trade.takerSide === Side.BUY;
  count(volumes.get(volumeKeyText(makerKey))!, isTakerBuyer ? 'sellMaker' : 'buyMaker', trade);
  count(volumes.get(volumeKeyText(takerKey))!, isTakerBuyer ? 'buyTaker' : 'sellTaker', trade);
}

function count(volume: MutableVolume, part: Part, { quantityLots, notionalUnits }: HistoryTrade): void {
  const sum = volume[part];
  volume[part] = {
    lots: sum.lots + BigInt(quantityLots),
    notionalUnits: sum.notionalUnits + notionalUnits,
    trades: sum.trades + 1,
  };
}
