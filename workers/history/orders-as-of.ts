import { fail } from '../../core/assert.ts';
import type { OrderAsOf } from '../../core/ports/history.ts';
import type { OrderType, SelfTradePrevention, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import type { SqliteDatabase } from '../storage/sqlite-database.ts';

const ORDERS_PER_QUERY = 5_000;

/**
 * One text of JSON a query: the driver takes several times as long to make as many rows of as many columns. Amounts
 * that may pass 2^53 are text in it.
 */
const ORDERS_AS_OF = `
  SELECT json_group_array(json_array(order_id, account_id, key_id, instrument_id, side, order_type, time_in_force,
    self_trade_prevention, flags, stop_price_ticks, CAST(budget_units AS TEXT), expires_at_ms, client_order_id,
    accepted_sequence, created_ms, accepted_price_ticks, accepted_quantity_lots, executed_lots, executed_units,
    NOT EXISTS (
      SELECT 1 FROM orders AS later
      WHERE later.key_id = orders.key_id AND later.client_order_id = orders.client_order_id AND later.client_order_id <> ''
        AND later.accepted_sequence > orders.accepted_sequence AND later.accepted_sequence <= ?2
    ))) AS json
  FROM orders WHERE order_id IN (SELECT value FROM json_each(?1))`;

/** Only orders that events have changed since then are looked through for fills. */
const FILLS_AFTER = ['maker', 'taker']
  .map(
    (role) => `
  SELECT order_id AS orderId, trades.quantity_lots AS quantityLots, CAST(notional_units AS TEXT) AS notionalUnits
  FROM orders JOIN trades ON ${role}_order_id = order_id AND trade_id > ?2
  WHERE order_id IN (SELECT value FROM json_each(?1)) AND last_sequence > ?2`,
  )
  .join(' UNION ALL ');

interface LaterFill {
  readonly orderId: number;
  readonly quantityLots: number;
  readonly notionalUnits: string;
}

type OrderAsOfRow = readonly [
  orderId: number,
  accountId: number,
  keyId: number,
  instrumentId: number,
  side: Side,
  orderType: OrderType,
  timeInForce: TimeInForce,
  selfTradePrevention: SelfTradePrevention,
  flags: number,
  stopPriceTicks: number,
  budgetUnits: string,
  expiresAtMs: number,
  clientOrderId: string,
  acceptedSequence: number,
  createdMs: number,
  acceptedPriceTicks: number,
  acceptedQuantityLots: number,
  executedLots: number,
  executedUnits: string,
  isNewestOfClientOrderId: 0 | 1,
];

type MutableOrderAsOf = { -readonly [Field in keyof OrderAsOf]: OrderAsOf[Field] };

/** @returns by order id; see HistoryStore.ordersAsOf */
export async function readOrdersAsOf(
  database: SqliteDatabase,
  orderIds: readonly number[],
  eventSequence: number,
): Promise<Map<number, OrderAsOf>> {
  const orders = new Map<number, MutableOrderAsOf>();
  for (let first = 0; first < orderIds.length; first += ORDERS_PER_QUERY) {
    const values = [JSON.stringify(orderIds.slice(first, first + ORDERS_PER_QUERY)), eventSequence];
    const [found] = await database.all<{ json: string }>(ORDERS_AS_OF, values);
    for (const row of JSON.parse(found!.json) as OrderAsOfRow[]) {
      const order = orderOf(row);
      orders.set(order.orderId, order);
    }
    for (const fill of await database.all<LaterFill>(FILLS_AFTER, values)) {
      const order = orders.get(fill.orderId) ?? fail(`trade of order ${fill.orderId}, which the history lacks`);
      order.executedLots -= fill.quantityLots;
      order.executedUnits -= BigInt(fill.notionalUnits);
    }
  }
  return orders;
}

/** Field by field: this runs for every live order of the exchange, at each start. */
function orderOf(row: OrderAsOfRow): MutableOrderAsOf {
  return {
    orderId: row[0],
    accountId: row[1],
    keyId: row[2],
    instrumentId: row[3],
    side: row[4],
    orderType: row[5],
    timeInForce: row[6],
    selfTradePrevention: row[7],
    flags: row[8],
    stopPriceTicks: row[9],
    budgetUnits: BigInt(row[10]),
    expiresAtMs: row[11],
    clientOrderId: row[12],
    acceptedSequence: row[13],
    createdMs: row[14],
    acceptedPriceTicks: row[15],
    acceptedQuantityLots: row[16],
    executedLots: row[17],
    executedUnits: BigInt(row[18]),
    isNewestOfClientOrderId: row[19] === 1,
  };
}
