import type { DailyVolume, HistoryOrder, HistoryTrade, VolumeSum } from '../../core/ports/history.ts';
import type { TableShape } from '../storage/group-commit.ts';
import type { SqlValue } from '../storage/sqlite-database.ts';

/** How orders, trades and volumes lie in the tables of history-schema.ts, both ways. Columns are fields in snake case. */

const ORDER_FIELDS = [
  ...['orderId', 'accountId', 'keyId', 'instrumentId', 'side', 'orderType', 'timeInForce', 'selfTradePrevention'],
  ...['flags', 'priceTicks', 'stopPriceTicks', 'quantityLots', 'acceptedPriceTicks', 'acceptedQuantityLots'],
  ...['budgetUnits', 'expiresAtMs', 'makerRatePpm'],
  ...['takerRatePpm', 'clientOrderId', 'acceptedSequence', 'lastSequence', 'createdMs', 'closedMs', 'status'],
  ...['remainingLots', 'remainingUnits', 'executedLots', 'executedUnits', 'cancelReason', 'slot', 'generation'],
];
const TRADE_FIELDS = [
  ...['tradeId', 'instrumentId', 'timestampMs', 'takerSide', 'priceTicks', 'quantityLots', 'notionalUnits'],
  ...['feeAssetId', 'makerOrderId', 'makerAccountId', 'makerFeeUnits'],
  ...['takerOrderId', 'takerAccountId', 'takerFeeUnits'],
];
const VOLUME_PARTS = ['buyMaker', 'buyTaker', 'sellMaker', 'sellTaker'] as const;
const VOLUME_FIELDS = [
  ...['accountId', 'dayStartMs', 'instrumentId'],
  ...VOLUME_PARTS.flatMap((part) => [`${part}Lots`, `${part}Units`, `${part}Trades`]),
];

export const ORDERS: TableShape = { name: 'orders', columns: ORDER_FIELDS.map(columnOf), keyColumns: 1 };
export const TRADES: TableShape = { name: 'trades', columns: TRADE_FIELDS.map(columnOf), keyColumns: 1 };
export const DAILY_VOLUMES: TableShape = {
  name: 'daily_volumes',
  columns: VOLUME_FIELDS.map(columnOf),
  keyColumns: 3,
};

/** What stands after SELECT, so that rows come back as the types below. */
export const ORDER_COLUMNS = selection(ORDER_FIELDS);
export const TRADE_COLUMNS = selection(TRADE_FIELDS);
export const VOLUME_COLUMNS = selection(VOLUME_FIELDS);

type Wide<Row, Fields extends keyof Row> = Omit<Row, Fields> & Record<Fields, string>;
export type OrderRow = Wide<HistoryOrder, 'budgetUnits' | 'remainingUnits' | 'executedUnits'>;
export type TradeRow = Wide<Omit<HistoryTrade, 'maker' | 'taker'>, 'notionalUnits'> & {
  readonly makerOrderId: number;
  readonly makerAccountId: number;
  readonly makerFeeUnits: string;
  readonly takerOrderId: number;
  readonly takerAccountId: number;
  readonly takerFeeUnits: string;
};
type VolumePart = (typeof VOLUME_PARTS)[number];
export type VolumeRow = Pick<DailyVolume, 'accountId' | 'dayStartMs' | 'instrumentId'> &
  Readonly<Record<`${VolumePart}Lots` | `${VolumePart}Units`, string> & Record<`${VolumePart}Trades`, number>>;

export function orderValues(order: HistoryOrder): SqlValue[] {
  return [
    order.orderId,
    order.accountId,
    order.keyId,
    order.instrumentId,
    order.side,
    order.orderType,
    order.timeInForce,
    order.selfTradePrevention,
    order.flags,
    order.priceTicks,
    order.stopPriceTicks,
    order.quantityLots,
    order.acceptedPriceTicks,
    order.acceptedQuantityLots,
    order.budgetUnits.toString(),
    order.expiresAtMs,
    order.makerRatePpm,
    order.takerRatePpm,
    order.clientOrderId,
    order.acceptedSequence,
    order.lastSequence,
    order.createdMs,
    order.closedMs,
    order.status,
    order.remainingLots,
    order.remainingUnits.toString(),
    order.executedLots,
    order.executedUnits.toString(),
    order.cancelReason,
    order.slot,
    order.generation,
  ];
}

export function orderOf(row: OrderRow): HistoryOrder {
  return {
    ...row,
    budgetUnits: BigInt(row.budgetUnits),
    remainingUnits: BigInt(row.remainingUnits),
    executedUnits: BigInt(row.executedUnits),
  };
}

export function tradeValues(trade: HistoryTrade): SqlValue[] {
  return [
    trade.tradeId,
    trade.instrumentId,
    trade.timestampMs,
    trade.takerSide,
    trade.priceTicks,
    trade.quantityLots,
    trade.notionalUnits.toString(),
    trade.feeAssetId,
    trade.maker.orderId,
    trade.maker.accountId,
    trade.maker.feeUnits.toString(),
    trade.taker.orderId,
    trade.taker.accountId,
    trade.taker.feeUnits.toString(),
  ];
}

export function tradeOfRow(row: TradeRow): HistoryTrade {
  const { makerOrderId, makerAccountId, makerFeeUnits, takerOrderId, takerAccountId, takerFeeUnits, ...shared } = row;
  return {
    ...shared,
    notionalUnits: BigInt(row.notionalUnits),
    maker: { orderId: makerOrderId, accountId: makerAccountId, feeUnits: BigInt(makerFeeUnits) },
    taker: { orderId: takerOrderId, accountId: takerAccountId, feeUnits: BigInt(takerFeeUnits) },
  };
}

export function volumeValues(volume: DailyVolume): SqlValue[] {
  const sums = VOLUME_PARTS.flatMap((part) => {
    const { lots, notionalUnits, trades } = volume[part];
    return [lots.toString(), notionalUnits.toString(), trades];
  });
  return [volume.accountId, volume.dayStartMs, volume.instrumentId, ...sums];
}

export function volumeOf(row: VolumeRow): DailyVolume {
  const sum = (part: VolumePart): VolumeSum => ({
    lots: BigInt(row[`${part}Lots`]),
    notionalUnits: BigInt(row[`${part}Units`]),
    trades: row[`${part}Trades`],
  });
  const { accountId, dayStartMs, instrumentId } = row;
  const [buyMaker, buyTaker, sellMaker, sellTaker] = VOLUME_PARTS.map(sum) as [
    VolumeSum,
    VolumeSum,
    VolumeSum,
    VolumeSum,
  ];
  return { accountId, dayStartMs, instrumentId, buyMaker, buyTaker, sellMaker, sellTaker };
}

function selection(fields: readonly string[]): string {
  return fields.map((field) => `${isWide(field) ? textOf(field) : columnOf(field)} AS ${field}`).join(', ');
}

/** What may pass 2^53 is read as text: the driver would make a double of it. */
function isWide(field: string): boolean {
  return field.endsWith('Units');
}

function textOf(field: string): string {
  return `CAST(${columnOf(field)} AS TEXT)`;
}

function columnOf(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
