import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { HistoryRange } from '../../core/ports/history.ts';
import type { CurrentHistory } from '../accounts/current-history.ts';
import type { PayloadFields } from '../auth/payload.ts';
import { jsonReply } from '../http/reply.ts';
import { orderOfHistory } from '../orders/order.ts';
import { orderJson } from './order-json.ts';
import { numberText, optionalInstrument, optionalTimestampMs, rowLimit } from './query-fields.ts';
import type { PrivateEndpoint } from './router.ts';
import { accountTradeJson } from './trade-json.ts';

const ROWS = { usual: 50, maximum: 500 };

/** What an account has done. Each list waits, up to a second, until the account finds its own latest doings in it. */
export function historyRoutes(history: CurrentHistory, catalogue: Catalogue): PrivateEndpoint[] {
  const instrumentOf = (instrumentId: number): Instrument =>
    catalogue.instrument(instrumentId) ?? fail(`no instrument ${instrumentId}`);

  return [
    {
      method: 'POST',
      pattern: '/v1/mytrades',
      roles: ['trader', 'auditor'],
      async answer({ apiKey, fields }) {
        const range = readRange(fields, 'limit_trades', catalogue);
        const store = await history.of(apiKey.accountId);
        const trades = await store.accountTrades(apiKey.accountId, range);
        return jsonReply(trades.map((trade) => accountTradeJson(trade, instrumentOf(trade.instrumentId))));
      },
    },
    {
      method: 'POST',
      pattern: '/v1/orders/history',
      roles: ['trader', 'auditor'],
      async answer({ apiKey, fields }) {
        const range = readRange(fields, 'limit_orders', catalogue);
        const store = await history.of(apiKey.accountId);
        const orders = await store.accountOrders(apiKey.accountId, 'closed', range);
        const trades = await store.tradesOfOrders(orders.map(({ orderId }) => orderId));
        const rows = orders.map((order) => {
          const instrument = instrumentOf(order.instrumentId);
          return orderJson(orderOfHistory(order, instrument), instrument, trades.get(order.orderId) ?? []);
        });
        return jsonReply(rows);
      },
    },
  ];
}

/** @throws ApiError naming field and rule */
function readRange(fields: PayloadFields, limitName: string, catalogue: Catalogue): HistoryRange {
  const instrument = optionalInstrument(fields.get('symbol'), catalogue);
  const timestamp = numberText(fields.get('timestamp'));
  const sinceMs = optionalTimestampMs(timestamp, 'timestamp', 'InvalidTimestampInPayload');
  return {
    ...(instrument === undefined ? {} : { instrumentId: instrument.instrumentId }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    limit: rowLimit(numberText(fields.get(limitName)), limitName, ROWS, 'InvalidJson'),
  };
}
