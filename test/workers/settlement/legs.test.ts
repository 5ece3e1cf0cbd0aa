import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import { FEE_ACCOUNT_ID } from '../../../core/money/asset.ts';
import { Catalogue } from '../../../core/money/catalogue.ts';
import { defaultMarkets } from '../../../core/money/default-markets.ts';
import { notionalUnits } from '../../../core/money/instrument.ts';
import { amendHoldUnits, budgetNeedUnits, needUnits } from '../../../core/money/need.ts';
import type { Leg } from '../../../core/ports/ledger.ts';
import type {
  AcceptedEvent,
  AmendedEvent,
  AmendRejectedEvent,
  ExchangeEvent,
  FilledEvent,
  ReducedEvent,
  RejectedEvent,
} from '../../../core/protocol/event-decoder.ts';
import { CancelReason, EventKind, OrderFlag, RejectReason, Side } from '../../../core/protocol/kinds.ts';
import { effectsOf } from '../../../workers/settlement/legs.ts';
import { PLAIN_ORDER } from '../../support/plain-order.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const USD = 1;
const BTC = 2;
const BUYER = 100;
const SELLER = 101;
const BTCUSD = defaultMarkets().instruments[0]!;
const CENT = 10n ** 8n; // of USD's 10 decimals

function catalogue(): Catalogue {
  const filled = new Catalogue();
  filled.putInstrument(BTCUSD);
  return filled;
}

const HEADER = { eventSequence: 7, commandSequence: 3, timestampMs: 1, isLastOfCommand: true };

/** 1 BTC at 99.00: a buyer that came with a limit of 100.00 and wants 3, and a seller that rests with 2. */
const FILL: FilledEvent = {
  kind: EventKind.FILLED,
  ...HEADER,
  instrumentId: 1,
  takerSide: Side.BUY,
  priceTicks: 99_00,
  quantityLots: 100_000_000,
  makerOrderId: 1,
  makerAccountId: SELLER,
  makerLimitTicks: 99_00,
  makerRemainingLots: 100_000_000,
  makerMakerRatePpm: 2_000,
  makerTakerRatePpm: 4_000,
  makerSlot: 0,
  makerGeneration: 1,
  takerOrderId: 2,
  takerAccountId: BUYER,
  takerLimitTicks: 100_00,
  takerRemainingLots: 200_000_000,
  takerRemainingUnits: 0n,
  takerFlags: 0,
  takerMakerRatePpm: 1_000,
  takerTakerRatePpm: 5_000,
};

const STATE = {
  ...HEADER,
  ...PLAIN_ORDER,
  instrumentId: 1,
  accountId: BUYER,
  orderId: 2,
  side: Side.BUY,
  priceTicks: 100_00,
  makerRatePpm: 2_000,
  takerRatePpm: 4_000,
  remainingAfterLots: 0,
  remainingAfterUnits: 0n,
  remainingBeforeLots: 300_000_000,
  remainingBeforeUnits: 0n,
  slot: -1,
  generation: 0,
  commandId: 2,
} as const;

function legsOf(event: ExchangeEvent): readonly Leg[] {
  return effectsOf([event], catalogue()).legs;
}

function brief(legs: readonly Leg[]) {
  return legs.map(({ accountId, assetId, availableDeltaUnits, heldDeltaUnits, reason }) => [
    accountId,
    assetId,
    availableDeltaUnits,
    heldDeltaUnits,
    reason,
  ]);
}

test('a trade: the buyer pays price and fee out of its hold, the seller gets the price less its fee', () => {
  // The buyer's need falls from 300.00 + 0.5 % to 200.00 + 0.5 %: by 100.50. It pays 99.00 and a fee of 0.495.
  expect(brief(legsOf(FILL))).toEqual([
    [BUYER, USD, (1_00n * CENT * 1005n) / 1000n, -100_50n * CENT, 'fill'],
    [BUYER, BTC, 100_000_000n, 0n, 'fill'],
    [SELLER, BTC, 0n, -100_000_000n, 'fill'],
    [SELLER, USD, 98_802n * (CENT / 10n), 0n, 'fill'],
    [FEE_ACCOUNT_ID, USD, (495n + 198n) * (CENT / 10n), 0n, 'fee'],
  ]);
});

test('each side is charged its own rate, by whether it made or took', () => {
  const swapped: FilledEvent = {
    ...FILL,
    takerSide: Side.SELL,
    makerAccountId: BUYER,
    makerLimitTicks: 99_00,
    takerAccountId: SELLER,
    takerLimitTicks: 98_00,
  };
  const legs = legsOf(swapped);
  const fee = legs.find(({ accountId }) => accountId === FEE_ACCOUNT_ID)!;
  expect(fee.availableDeltaUnits).toBe((99_00n * CENT * (2_000n + 5_000n)) / 1_000_000n);
  const buyer = legs.find(({ accountId, assetId }) => accountId === BUYER && assetId === USD)!;
  expect(buyer.heldDeltaUnits).toBe((-99_00n * CENT * 1_004n) / 1_000n); // its need is at its higher rate
  expect(buyer.availableDeltaUnits).toBe((99_00n * CENT * 2n) / 1_000n);
});

test('without fees nothing goes to the fee account, and without improvement nothing is released', () => {
  const free = { makerMakerRatePpm: 0, makerTakerRatePpm: 0, takerMakerRatePpm: 0, takerTakerRatePpm: 0 };
  const legs = legsOf({ ...FILL, ...free, takerLimitTicks: 99_00 });
  expect(legs.map(({ accountId }) => accountId)).toEqual([BUYER, BUYER, SELLER, SELLER]);
  expect(legs[0]).toMatchObject({ availableDeltaUnits: 0n, heldDeltaUnits: -99_00n * CENT });
});

test('a close gives back what the order still needed, on either side', () => {
  const need = needUnits(BTCUSD, Side.BUY, 100_00, 300_000_000, STATE);
  const cancelled = { kind: EventKind.CANCELLED, ...STATE, reason: CancelReason.REQUESTED } as const;
  expect(brief(legsOf(cancelled))).toEqual([[BUYER, USD, need, -need, 'cancel']]);
  expect(brief(legsOf({ ...cancelled, side: Side.SELL }))).toEqual([
    [BUYER, BTC, 300_000_000n, -300_000_000n, 'cancel'],
  ]);
  const byBudget = { flags: OrderFlag.BY_BUDGET, remainingBeforeLots: 0, remainingBeforeUnits: 777n };
  const budgetNeed = budgetNeedUnits(777n, STATE);
  expect(brief(legsOf({ ...cancelled, ...byBudget }))).toEqual([[BUYER, USD, budgetNeed, -budgetNeed, 'cancel']]);
});

test('an order that expires gives back what it still needed', () => {
  const need = needUnits(BTCUSD, Side.BUY, 100_00, 300_000_000, STATE);
  expect(brief(legsOf({ kind: EventKind.EXPIRED, ...STATE }))).toEqual([[BUYER, USD, need, -need, 'expire']]);
});

test('a reduction gives back the difference of the needs, on either side and by budget', () => {
  const reduced: ReducedEvent = {
    kind: EventKind.REDUCED,
    ...STATE,
    remainingAfterLots: 100_000_001,
    reason: CancelReason.SELF_TRADE,
  };
  const freed =
    needUnits(BTCUSD, Side.BUY, 100_00, 300_000_000, STATE) - needUnits(BTCUSD, Side.BUY, 100_00, 100_000_001, STATE);
  expect(brief(legsOf(reduced))).toEqual([[BUYER, USD, freed, -freed, 'reduce']]);
  expect(brief(legsOf({ ...reduced, side: Side.SELL }))).toEqual([[BUYER, BTC, 199_999_999n, -199_999_999n, 'reduce']]);
  const units = { remainingBeforeLots: 0, remainingAfterLots: 0, remainingBeforeUnits: 777n, remainingAfterUnits: 7n };
  const freedUnits = budgetNeedUnits(777n, STATE) - budgetNeedUnits(7n, STATE);
  expect(brief(legsOf({ ...reduced, ...units, flags: OrderFlag.BY_BUDGET }))).toEqual([
    [BUYER, USD, freedUnits, -freedUnits, 'reduce'],
  ]);
});

describe('an amend', () => {
  /** From 3 BTC at 100.00 to 4 BTC at 110.00; of the three, one was filled while the amend was on its way. */
  const seen = { limitTicks: 100_00, remainingLots: 300_000_000, totalLots: 300_000_000 };
  const heldUnits = amendHoldUnits(BTCUSD, Side.BUY, seen, 110_00, 400_000_000, STATE);
  const amended: AmendedEvent = {
    kind: EventKind.AMENDED,
    ...STATE,
    priceTicks: 110_00,
    priceTicksBefore: 100_00,
    remainingBeforeLots: 200_000_000,
    remainingAfterLots: 300_000_000,
    totalLots: 400_000_000,
    heldUnits,
    commandId: 9,
  };

  test('gives back what old need and hold have beyond the new need, and ends its own hold record', () => {
    expect(heldUnits).toBe(140_00n * CENT + (140_00n * CENT * 4n) / 1000n); // 110 for one more, 10 for each of three
    const units = 10_00n * CENT + (10_00n * CENT * 4n) / 1000n; // of the third, which was filled at the old limit
    const { legs, settledCommands } = effectsOf([amended], catalogue());
    expect(brief(legs)).toEqual([[BUYER, USD, units, -units, 'amend']]);
    expect(settledCommands).toEqual([{ commandId: 9, eventSequence: 7 }]);
  });

  test('without a hold of its own ends no hold record', () => {
    const smaller = { ...amended, heldUnits: 0n, priceTicks: 100_00, remainingAfterLots: 100_000_000 };
    const units = needUnits(BTCUSD, Side.BUY, 100_00, 100_000_000, STATE);
    const { legs, settledCommands } = effectsOf([smaller], catalogue());
    expect(brief(legs)).toEqual([[BUYER, USD, units, -units, 'amend']]);
    expect(settledCommands).toEqual([]);
  });

  test('that held one unit too little stops settlement', () => {
    const exact = { ...amended, remainingBeforeLots: 300_000_000, remainingAfterLots: 400_000_000 };
    expect(brief(legsOf(exact))).toEqual([]);
    expect(() => legsOf({ ...exact, heldUnits: heldUnits - 1n })).toThrow(
      /event 7: the hold of the amend lacks 1 unit/,
    );
  });

  test('of a sell holds base', () => {
    const heldLots = amendHoldUnits(BTCUSD, Side.SELL, seen, 90_00, 400_000_000, STATE);
    expect(heldLots).toBe(100_000_000n);
    const sell = { ...amended, side: Side.SELL, priceTicks: 90_00, heldUnits: heldLots };
    expect(brief(legsOf(sell))).toEqual([]);
    expect(brief(legsOf({ ...sell, remainingAfterLots: 150_000_000 }))).toEqual([
      [BUYER, BTC, 150_000_000n, -150_000_000n, 'amend'],
    ]);
  });

  test('that is rejected gives its whole hold back, of the asset that its side says', () => {
    const rejected: AmendRejectedEvent = {
      kind: EventKind.AMEND_REJECTED,
      ...STATE,
      heldUnits: 55n,
      commandId: 9,
      reason: RejectReason.UNKNOWN_ORDER,
    };
    const { legs, settledCommands } = effectsOf([rejected], catalogue());
    expect(brief(legs)).toEqual([[BUYER, USD, 55n, -55n, 'reject']]);
    expect(settledCommands).toEqual([{ commandId: 9, eventSequence: 7 }]);
    expect(brief(legsOf({ ...rejected, side: Side.SELL }))).toEqual([[BUYER, BTC, 55n, -55n, 'reject']]);
    for (const nothing of [{ heldUnits: 0n }, { heldUnits: -1n }, { instrumentId: 99 }])
      expect(effectsOf([{ ...rejected, ...nothing }], catalogue())).toEqual({ legs: [], settledCommands: [] });
  });
});

test('a stop that waits or is triggered moves no money', () => {
  for (const kind of [EventKind.STOP_PLACED, EventKind.TRIGGERED])
    expect(effectsOf([{ kind, ...STATE }], catalogue())).toEqual({ legs: [], settledCommands: [] });
});

test('the first event of an order ends its hold record, whether accepted or rejected', () => {
  const accepted: AcceptedEvent = {
    kind: EventKind.ACCEPTED,
    ...STATE,
    quantityLots: 300_000_000,
    budgetUnits: 0n,
    expiresAtMs: 0,
    clientOrderId: '',
  };
  const rejected: RejectedEvent = { kind: EventKind.REJECTED, ...STATE, reason: RejectReason.BOOK_FULL };
  const booked = { kind: EventKind.BOOKED, ...STATE } as const;
  const later = { ...rejected, orderId: 9, eventSequence: 8 };
  const { legs, settledCommands } = effectsOf([accepted, booked, later], catalogue());
  expect(settledCommands).toEqual([
    { commandId: 2, eventSequence: 7 },
    { commandId: 9, eventSequence: 8 },
  ]);
  const need = needUnits(BTCUSD, Side.BUY, 100_00, 300_000_000, STATE);
  expect(brief(legs)).toEqual([[BUYER, USD, need, -need, 'reject']]);
});

test('a rejected order of nonsense, for which nothing can be held, moves nothing', () => {
  const rejected: RejectedEvent = { kind: EventKind.REJECTED, ...STATE, reason: RejectReason.MALFORMED };
  for (const nonsense of [
    { instrumentId: 99 },
    { remainingBeforeLots: Number.NaN },
    { remainingBeforeLots: -1 },
    { remainingBeforeLots: 0.5 },
    { remainingBeforeLots: 2 ** 53 },
    { priceTicks: -5 },
    { flags: OrderFlag.BY_BUDGET, remainingBeforeUnits: -1n },
    { flags: OrderFlag.BY_BUDGET, side: Side.SELL },
  ])
    expect(effectsOf([{ ...rejected, ...nonsense }], catalogue())).toEqual({ legs: [], settledCommands: [] });
});

test('a trade of an instrument that is not known stops settlement, naming the event', () => {
  expect(() => legsOf({ ...FILL, instrumentId: 2 })).toThrow(InvariantError);
  expect(() => legsOf({ ...FILL, instrumentId: 2 })).toThrow(/event 7: instrument 2/);
});

test('a fill above the buyer’s limit would take more than is held: settlement stops', () => {
  expect(() => legsOf({ ...FILL, priceTicks: 101_00 })).toThrow(/event 7: the buyer's hold lacks/);
});

test(`orders by budget: legs add up to zero and leave nothing held at the close (SEED=${seed})`, () => {
  const random = new RandomIntegers(seed);
  for (let order = 0; order < 500; order++) {
    const rates = { takerMakerRatePpm: random.below(1_000_001), takerTakerRatePpm: random.below(1_000_001) };
    const orderRates = { makerRatePpm: rates.takerMakerRatePpm, takerRatePpm: rates.takerTakerRatePpm };
    let budget = BigInt(random.between(1, 10 ** random.between(3, 15)));
    let held = budgetNeedUnits(budget, orderRates);
    const total = (legs: readonly Leg[]): void => {
      const sums = new Map<number, bigint>();
      for (const leg of legs)
        sums.set(leg.assetId, (sums.get(leg.assetId) ?? 0n) + leg.availableDeltaUnits + leg.heldDeltaUnits);
      expect([...sums.values()].every((sum) => sum === 0n)).toBe(true);
      for (const leg of legs) if (leg.accountId === BUYER && leg.assetId === USD) held += leg.heldDeltaUnits;
      expect(held >= 0n).toBe(true);
    };
    for (let fill = 0; fill < 8; fill++) {
      const priceTicks = random.between(1, 20_000);
      const quantityLots = random.between(1, 10_000);
      const paid = notionalUnits(BTCUSD, priceTicks, quantityLots);
      if (paid > budget) continue;
      budget -= paid;
      const taker = { takerFlags: OrderFlag.BY_BUDGET, takerRemainingLots: 0, takerRemainingUnits: budget };
      total(legsOf({ ...FILL, ...taker, ...rates, priceTicks, quantityLots, makerLimitTicks: priceTicks }));
      expect(held).toBe(budgetNeedUnits(budget, orderRates));
    }
    const closing = { flags: OrderFlag.BY_BUDGET, remainingBeforeLots: 0, remainingBeforeUnits: budget };
    const reason = CancelReason.IMMEDIATE_OR_CANCEL;
    total(legsOf({ kind: EventKind.CANCELLED, ...STATE, ...closing, ...orderRates, reason }));
    expect(held).toBe(0n);
  }
});
