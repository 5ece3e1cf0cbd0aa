import type { RestingOrder } from '../../core/journal/snapshot-reader.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { partitionOf } from '../../core/ports/event-feed.ts';
import type { DailyVolume, HistoryOrder, HistoryTrade } from '../../core/ports/history.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind, OrderFlag } from '../../core/protocol/kinds.ts';
import { countTrade, emptyVolume, type MutableVolume, volumeKeysOf, volumeKeyText } from '../history/daily-volumes.ts';
import { advanceOrders, changedOrderIds, type MutableOrder } from '../history/order-progress.ts';
import { tradeOf } from '../history/trade.ts';
import type { Findings } from './check-report.ts';
import { IdSet } from './id-set.ts';
import type { StoredHistory } from './stored-history.ts';

/** Orders that wait to be compared with their rows, and volumes: one lookup for many. */
const LOOKUP_ROWS = 5_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Follows the replayed events up to the history's watermarks and compares what they tell with what it stores: each
 * trade when it happens, each order when it closes or at the end, each day's volumes when the day is over.
 */
export class HistoryCheck {
  readonly #history: StoredHistory;
  readonly #findings: Findings;
  readonly #catalogue: Catalogue;
  readonly #fromSequence: number; // events up to here are not replayed
  readonly #fromDayMs: number; // volumes of days up to here are not whole
  readonly #pages: AsyncGenerator<HistoryTrade[]>;
  #page: HistoryTrade[] = [];
  #nextTrade = 0;
  readonly #orders = new Map<number, MutableOrder>(); // live ones
  readonly #oldOrderIds = new Set<number>(); // of which only a snapshot tells, and not all
  readonly #acceptedIds = new IdSet();
  #closed: HistoryOrder[] = [];
  #volumes = new Map<string, MutableVolume>();
  #volumeCount = 0;

  /** @param from the event and time that the replay begins after; 0 and 0 for the first */
  constructor(
    history: StoredHistory,
    findings: Findings,
    catalogue: Catalogue,
    from: { readonly eventSequence: number; readonly timestampMs: number },
  ) {
    this.#history = history;
    this.#findings = findings;
    this.#catalogue = catalogue;
    this.#fromSequence = from.eventSequence;
    this.#fromDayMs = from.eventSequence === 0 ? -1 : dayOf(from.timestampMs);
    this.#pages = history.trades(from.eventSequence);
  }

  /** Takes an order that rested before the first replayed event: what it did before is not known. */
  putOld(order: RestingOrder): void {
    const { watermarks } = this.#history;
    if (watermarks[order.instrumentId % watermarks.length]! < this.#fromSequence) return; // its row is older than that
    this.#oldOrderIds.add(order.orderId);
    this.#orders.set(order.orderId, {
      ...order,
      quantityLots: order.totalLots,
      acceptedPriceTicks: 0,
      acceptedQuantityLots: 0,
      budgetUnits: 0n,
      clientOrderId: '',
      acceptedSequence: 0,
      lastSequence: 0,
      createdMs: 0,
      closedMs: null,
      status: (order.flags & OrderFlag.UNTRIGGERED) === 0 ? 'RESTING' : 'WAITING',
      remainingUnits: 0n,
      executedLots: 0,
      executedUnits: 0n,
      cancelReason: null,
    });
  }

  async compare(events: readonly ExchangeEvent[]): Promise<void> {
    const { watermarks } = this.#history;
    for (const event of events) {
      if (event.eventSequence > watermarks[partitionOf(event, watermarks.length)]!) continue;
      if (event.kind === EventKind.ACCEPTED) this.#acceptedIds.add(event.orderId);
      if (event.kind === EventKind.FILLED) await this.#compareTrade(tradeOf(event, this.#catalogue));
      advanceOrders(this.#orders, event, this.#catalogue);
      for (const orderId of changedOrderIds(event)) this.#takeIfClosed(orderId);
    }
    if (this.#closed.length >= LOOKUP_ROWS) await this.#compareClosed();
  }

  async finish(): Promise<void> {
    await this.#compareClosed();
    this.#closed = [...this.#orders.values()];
    await this.#compareClosed();
    await this.#compareVolumes();
    for (let extra = await this.#peekTrade(); extra !== null; extra = await this.#peekTrade()) this.#refuseTrade(extra);
    for await (const page of this.#history.orderIds(this.#fromSequence))
      for (const orderId of page)
        this.#findings.require(
          7,
          this.#acceptedIds.has(orderId),
          () => `history: order ${orderId} is stored, the journal yields none`,
        );
    const storedVolumes = await this.#history.volumeCount(this.#fromDayMs);
    this.#findings.require(
      7,
      storedVolumes <= this.#volumeCount,
      () => `history: ${storedVolumes} daily volumes are stored, the trades give ${this.#volumeCount}`,
    );
  }

  async #compareTrade(trade: HistoryTrade): Promise<void> {
    let stored = await this.#peekTrade();
    for (; stored !== null && stored.tradeId < trade.tradeId; stored = await this.#peekTrade())
      this.#refuseTrade(stored);
    const isThere = stored?.tradeId === trade.tradeId;
    if (isThere) this.#nextTrade += 1;
    this.#findings.require(7, isThere && isSame(stored!, trade), () =>
      isThere
        ? `history: trade ${trade.tradeId} has ${differences(stored!, trade)}`
        : `history: trade ${trade.tradeId} is missing (${textOf(trade)})`,
    );
    await this.#countTrade(trade);
  }

  #refuseTrade(trade: HistoryTrade): void {
    this.#nextTrade += 1;
    this.#findings.require(7, false, () => `history: trade ${trade.tradeId} is stored, the journal yields none`);
  }

  async #peekTrade(): Promise<HistoryTrade | null> {
    if (this.#nextTrade === this.#page.length) {
      const { value, done } = await this.#pages.next();
      this.#page = done ? [] : value;
      this.#nextTrade = 0;
    }
    return this.#page[this.#nextTrade] ?? null;
  }

  #takeIfClosed(orderId: number): void {
    const order = this.#orders.get(orderId)!;
    if (order.closedMs === null) return;
    this.#orders.delete(orderId);
    this.#closed.push(order);
  }

  async #compareClosed(): Promise<void> {
    for (let from = 0; from < this.#closed.length; from += LOOKUP_ROWS) {
      const orders = this.#closed.slice(from, from + LOOKUP_ROWS);
      const stored = await this.#history.orders(orders.map(({ orderId }) => orderId));
      for (const order of orders) this.#compareOrder(order, stored.get(order.orderId));
    }
    this.#closed = [];
  }

  #compareOrder(order: HistoryOrder, stored: HistoryOrder | undefined): void {
    const isOld = this.#oldOrderIds.delete(order.orderId);
    const known = isOld ? stateOf(order) : order;
    const found = stored !== undefined && isOld ? stateOf(stored) : stored;
    this.#findings.require(7, found !== undefined && isSame(found, known), () =>
      found === undefined
        ? `history: order ${order.orderId} is missing`
        : `history: order ${order.orderId} has ${differences(found, known)}`,
    );
  }

  async #countTrade(trade: HistoryTrade): Promise<void> {
    const [makerKey, takerKey] = volumeKeysOf(trade);
    if (makerKey.dayStartMs <= this.#fromDayMs) return;
    const [anyVolume] = this.#volumes.values();
    if (anyVolume !== undefined && anyVolume.dayStartMs !== makerKey.dayStartMs) await this.#compareVolumes();
    for (const key of [makerKey, takerKey]) {
      const text = volumeKeyText(key);
      if (!this.#volumes.has(text)) this.#volumes.set(text, emptyVolume(key));
    }
    countTrade(this.#volumes, trade);
  }

  /** Of one day, which is over: time never goes back along the events. */
  async #compareVolumes(): Promise<void> {
    const volumes = [...this.#volumes.values()];
    this.#volumes = new Map();
    this.#volumeCount += volumes.length;
    for (let from = 0; from < volumes.length; from += LOOKUP_ROWS) {
      const wanted = volumes.slice(from, from + LOOKUP_ROWS);
      const keys = wanted.map(
        ({ accountId, dayStartMs, instrumentId }) => [accountId, dayStartMs, instrumentId] as const,
      );
      const stored = new Map((await this.#history.volumes(keys)).map((row) => [volumeKeyText(row), row]));
      for (const volume of wanted) this.#compareVolume(volume, stored.get(volumeKeyText(volume)));
    }
  }

  #compareVolume(volume: DailyVolume, stored: DailyVolume | undefined): void {
    const { accountId, instrumentId, dayStartMs } = volume;
    const day = new Date(dayStartMs).toISOString().slice(0, 10);
    this.#findings.require(7, stored !== undefined && isSame(stored, volume), () => {
      const found = stored === undefined ? 'is missing' : `has ${differences(stored, volume)}`;
      return `history: the volume of account ${accountId}, instrument ${instrumentId}, ${day} ${found}`;
    });
  }
}

/** What is known of an order that was there before the first replayed event. */
function stateOf(order: HistoryOrder): Partial<HistoryOrder> {
  const { orderId, accountId, keyId, instrumentId, side, priceTicks, status, closedMs, remainingLots } = order;
  const { cancelReason, slot, generation } = order;
  return {
    ...{ orderId, accountId, keyId, instrumentId, side, priceTicks, status, closedMs, remainingLots },
    ...{ cancelReason, slot, generation },
  };
}

function dayOf(timestampMs: number): number {
  return timestampMs - (timestampMs % DAY_MS);
}

function isSame(found: object, wanted: object): boolean {
  const fields = found as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([name, value]) => {
    const other = fields[name];
    return value !== null && typeof value === 'object' ? isSame(other as object, value) : other === value;
  });
}

/** @returns the fields that differ, for a person: "priceTicks 5, must be 4" */
function differences(found: object, wanted: object): string {
  const [foundFields, wantedFields] = [fieldsOf(found), fieldsOf(wanted)];
  return [...wantedFields]
    .filter(([name, value]) => foundFields.get(name) !== value)
    .map(([name, value]) => `${name} ${foundFields.get(name)}, must be ${value}`)
    .join('; ');
}

function textOf(row: object): string {
  return [...fieldsOf(row)].map(([name, value]) => `${name} ${value}`).join(', ');
}

/** Fields by name, sorted, those of parts with the part's name before theirs. */
function fieldsOf(row: object, prefix = ''): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1)))
    if (value !== null && typeof value === 'object')
      for (const [part, text] of fieldsOf(value, `${prefix}${name}.`)) fields.set(part, text);
    else fields.set(prefix + name, String(value));
  return fields;
}
