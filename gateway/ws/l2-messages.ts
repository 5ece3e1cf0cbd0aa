import type { Instrument } from '../../core/money/instrument.ts';
import { Side } from '../../core/protocol/kinds.ts';
import type { MarketData } from '../market-data/market-data.ts';
import type { MarketTurn } from '../market-data/market-feed.ts';
import type { PublicTrade } from '../market-data/trade-tape.ts';
import { formatPrice, formatQuantity } from '../rest/formatting.ts';

/** Trades that a snapshot shows. */
const SNAPSHOT_TRADES = 50;

/** @returns the whole book with the last trades: the first message after a subscription */
export function l2Snapshot(instrument: Instrument, { depth, tape }: MarketData): Buffer {
  const { instrumentId } = instrument;
  const bids = depth
    .bids(instrumentId, 0)
    .map((level) => levelJson(instrument, Side.BUY, level.priceTicks, level.lots));
  const asks = depth
    .asks(instrumentId, 0)
    .map((level) => levelJson(instrument, Side.SELL, level.priceTicks, level.lots));
  return encode({
    type: 'l2_updates',
    symbol: instrument.symbol.toUpperCase(),
    changes: [...bids, ...asks],
    trades: tape.newest(instrumentId, SNAPSHOT_TRADES).map((trade) => tradeJson(instrument, trade)),
    auction_events: [], // clients take a message that has all three lists for the whole book
  });
}

/** @returns the turn's messages, in order: its trades, then every level that changed, as it is now */
export function l2Update({ instrument, events }: MarketTurn): Buffer[] {
  const messages: Buffer[] = [];
  const changes = new Map<string, unknown>();
  for (const event of events) {
    if (event.type === 'trade') {
      messages.push(encode(tradeJson(instrument, event.trade)));
      continue;
    }
    const { side, priceTicks, lots } = event.change;
    changes.set(`${side} ${priceTicks}`, levelJson(instrument, side, priceTicks, lots));
  }
  messages.push(
    encode({ type: 'l2_updates', symbol: instrument.symbol.toUpperCase(), changes: [...changes.values()] }),
  );
  return messages;
}

/** Quantities are absolute: `0` takes the level away. */
function levelJson(instrument: Instrument, side: Side, priceTicks: number, lots: number): readonly string[] {
  return [sideName(side), formatPrice(instrument, priceTicks), formatQuantity(instrument, lots)];
}

function tradeJson(instrument: Instrument, trade: PublicTrade): unknown {
  return {
    type: 'trade',
    symbol: instrument.symbol.toUpperCase(),
    event_id: trade.tradeId,
    tid: trade.tradeId,
    timestamp: trade.timestampMs,
    price: formatPrice(instrument, trade.priceTicks),
    quantity: formatQuantity(instrument, trade.quantityLots),
    side: sideName(trade.takerSide),
  };
}

function sideName(side: Side): 'buy' | 'sell' {
  return side === Side.BUY ? 'buy' : 'sell';
}

function encode(message: unknown): Buffer {
  return Buffer.from(JSON.stringify(message));
}
