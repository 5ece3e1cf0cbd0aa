import { expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import { FEE_ACCOUNT_ID, MAX_POOL_UNITS } from '../../../core/money/asset.ts';
import type { Ledger, Leg, SettlementBatch } from '../../../core/ports/ledger.ts';
import { LedgerInvariantError } from '../../../workers/ledger/ledger-errors.ts';
import { ledgerDebits } from './ledger-debits.ts';
import { ledgerTraffic } from './ledger-traffic.ts';
import { expectChained, type LedgerUnderTest, type OpenLedger } from './ledger-under-test.ts';
import { oppositeOrders } from './opposite-orders.ts';

const ALICE = 100;
const BOB = 101;
const USD = 1;
const BTC = 2;
const NOW = 1_760_000_000_000;
const TEN_MINUTES_MS = 600_000;

let lastOperationId = 1_000_000;

function credit(ledger: Ledger, accountId: number, units: bigint, assetId = USD) {
  lastOperationId += 1;
  return ledger.credit({ operationId: lastOperationId, accountId, assetId, units, timestampMs: NOW });
}

function hold(ledger: Ledger, commandId: number, accountId: number, units: bigint, assetId = USD) {
  return ledger.hold({ commandId, accountId, assetId, units, timestampMs: NOW });
}

function cancelLeg(eventSequence: number, accountId: number, units: bigint): Leg {
  return {
    eventSequence,
    accountId,
    assetId: USD,
    availableDeltaUnits: units,
    heldDeltaUnits: -units,
    reason: 'cancel',
  };
}

function batch(
  beforeSequence: number,
  legs: readonly Leg[],
  lastSequence = legs.at(-1)!.eventSequence,
  settledCommands: SettlementBatch['settledCommands'] = [],
): SettlementBatch {
  return { partition: 3, beforeSequence, lastSequence, timestampMs: NOW, legs, settledCommands };
}

async function usd(ledger: Ledger, accountId: number): Promise<[available: bigint, held: bigint]> {
  const balance = (await ledger.balances(accountId)).balances.find(({ assetId }) => assetId === USD);
  return [balance?.availableUnits ?? 0n, balance?.heldUnits ?? 0n];
}

/** What every adapter of the ledger must do. Run by a test file per adapter. */
export function ledgerContract(adapter: LedgerUnderTest): void {
  const contract = (name: string, act: (opened: OpenLedger) => Promise<void>): void => {
    test(`${adapter.name}: ${name}`, async () => {
      const opened = await adapter.open();
      try {
        await act(opened);
        await expectChained(opened);
      } finally {
        await opened.close();
      }
    });
  };

  /** Runs an act that must be refused, and proves that it has written nothing. */
  async function refused<Answer>(opened: OpenLedger, act: () => Promise<Answer>): Promise<Answer> {
    const state = async (): Promise<unknown> => [
      await opened.ledger.ledgerSequence(),
      await opened.entries(),
      await opened.ledger.watermarks(),
      await opened.dump(),
    ];
    const before = await state();
    try {
      return await act();
    } finally {
      expect(await state()).toEqual(before);
    }
  }

  contract('0.02 less 0.1 × 0.2 is nothing, not -3.5e-18', async (opened) => {
    const { ledger } = opened;
    const [price, amount, funds] = [1n, 2n, 2n * 10n ** 16n]; // in 10^-1, 10^-1 and 10^-18
    const need = price * amount * 10n ** 16n;
    await credit(ledger, ALICE, funds);
    expect(await hold(ledger, 1, ALICE, need)).toMatchObject({ outcome: 'HELD', availableUnits: 0n });
    expect(await ledger.settle(batch(0, [cancelLeg(1, ALICE, need)]))).toMatchObject({ outcome: 'APPLIED' });
    await hold(ledger, 2, ALICE, need);
    expect(await usd(ledger, ALICE)).toEqual([0n, need]);
    expect(await refused(opened, () => hold(ledger, 3, ALICE, 1n))).toEqual({
      outcome: 'INSUFFICIENT_FUNDS',
      availableUnits: 0n,
    });
  });

  for (const units of [1n, 10n ** 14n - 1n, 10n ** 14n + 1n, 2n ** 53n - 1n, 2n ** 53n + 1n, MAX_POOL_UNITS])
    contract(`${units} units go through every operation to the unit`, async (opened) => {
      const { ledger } = opened;
      expect(await credit(ledger, ALICE, units)).toMatchObject({ outcome: 'CREDITED', availableUnits: units });
      expect(await refused(opened, () => hold(ledger, 1, ALICE, units + 1n))).toEqual({
        outcome: 'INSUFFICIENT_FUNDS',
        availableUnits: units,
      });
      expect(await hold(ledger, 1, ALICE, units)).toMatchObject({ outcome: 'HELD', availableUnits: 0n });
      expect(await ledger.release(1, NOW)).toMatchObject({ outcome: 'RELEASED', units });
      expect(await usd(ledger, ALICE)).toEqual([units, 0n]);
      await hold(ledger, 2, ALICE, units);
      const toBob: Leg[] = [
        { ...cancelLeg(5, ALICE, units), availableDeltaUnits: 0n, reason: 'fill' },
        { ...cancelLeg(5, BOB, units), heldDeltaUnits: 0n, reason: 'fill' },
      ];
      await ledger.settle(batch(0, toBob, 5, [{ commandId: 2, eventSequence: 5 }]));
      expect(await usd(ledger, ALICE)).toEqual([0n, 0n]);
      expect(await usd(ledger, BOB)).toEqual([units, 0n]);
    });

  contract('a repeated hold gives the first answer, whatever happened since', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    const first = await hold(ledger, 1, ALICE, 30n);
    if (first.outcome !== 'HELD') throw new Error(first.outcome);
    await hold(ledger, 2, ALICE, 50n);
    expect(await refused(opened, () => hold(ledger, 1, ALICE, 30n))).toEqual({ ...first, outcome: 'REPEATED' });
    expect(await refused(opened, () => hold(ledger, 1, ALICE, 31n))).toEqual({
      outcome: 'HOLD_DIFFERS',
      heldUnits: 30n,
    });
    expect(await refused(opened, () => hold(ledger, 1, ALICE, 30n, BTC))).toMatchObject({ outcome: 'HOLD_DIFFERS' });
    expect(await refused(opened, () => hold(ledger, 1, BOB, 30n))).toMatchObject({ outcome: 'HOLD_DIFFERS' });
    expect(await usd(ledger, ALICE)).toEqual([20n, 80n]);
  });

  contract('a hundred requests of one hold at once hold once', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    const answers = await Promise.all(Array.from({ length: 100 }, () => hold(ledger, 1, ALICE, 10n)));
    expect(answers.filter(({ outcome }) => outcome === 'HELD')).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === 'REPEATED')).toHaveLength(99);
    expect(await usd(ledger, ALICE)).toEqual([90n, 10n]);
  });

  contract('a hundred clients at once never hold more than there is', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 1_000n);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => hold(ledger, 1 + at, ALICE, 30n)));
    expect(answers.filter(({ outcome }) => outcome === 'HELD')).toHaveLength(33);
    expect(answers.filter(({ outcome }) => outcome === 'INSUFFICIENT_FUNDS')).toHaveLength(67);
    expect(await usd(ledger, ALICE)).toEqual([10n, 990n]);
  });

  contract('a release gives all back once; a released id is never held again', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    await hold(ledger, 1, ALICE, 40n);
    const first = await ledger.release(1, NOW);
    expect(first).toMatchObject({ outcome: 'RELEASED', units: 40n });
    const again = await refused(opened, () => ledger.release(1, NOW));
    if (first.outcome !== 'RELEASED' || again.outcome !== 'REPEATED') throw new Error(`${again.outcome} is no repeat`);
    expect(again.ledgerSequence).toBeGreaterThanOrEqual(first.ledgerSequence); // whoever waits for it has the release
    expect(await refused(opened, () => hold(ledger, 1, ALICE, 40n))).toEqual({ outcome: 'RELEASED' });
    expect(await usd(ledger, ALICE)).toEqual([100n, 0n]);
  });

  contract('a release that comes before its hold refuses it, for ten minutes at least', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    expect(await ledger.release(7, NOW)).toEqual({ outcome: 'REPEATED', ledgerSequence: expect.any(Number) });
    for (let id = 8; id < 20; id++) await ledger.release(id, NOW + TEN_MINUTES_MS - 1);
    expect(await refused(opened, () => hold(ledger, 7, ALICE, 1n))).toEqual({ outcome: 'RELEASED' });
    expect(await usd(ledger, ALICE)).toEqual([100n, 0n]);
  });

  contract('what settlement has met can neither be released nor held again', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    await hold(ledger, 1, ALICE, 40n);
    await hold(ledger, 2, ALICE, 5n);
    await ledger.settle(batch(0, [], 10, [{ commandId: 1, eventSequence: 10 }]));
    expect(await refused(opened, () => ledger.release(1, NOW))).toEqual({ outcome: 'SETTLED' });
    expect(await refused(opened, () => hold(ledger, 1, ALICE, 40n))).toEqual({ outcome: 'RELEASED' });
    expect(await ledger.openHoldsBelow(100)).toEqual([{ commandId: 2, accountId: ALICE, assetId: USD, units: 5n }]);
    expect(await usd(ledger, ALICE)).toEqual([55n, 45n]);
  });

  contract('a batch settled a hundred times at once is applied once', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    await hold(ledger, 1, ALICE, 40n);
    const settlement = batch(0, [cancelLeg(2, ALICE, 15n)], 4, [{ commandId: 1, eventSequence: 1 }]);
    const answers = await Promise.all(Array.from({ length: 100 }, () => ledger.settle(settlement)));
    expect(answers.filter(({ outcome }) => outcome === 'APPLIED')).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === 'REPEATED')).toHaveLength(99);
    expect(answers.every((answer) => answer.watermark === 4)).toBe(true);
    expect(await usd(ledger, ALICE)).toEqual([75n, 25n]);
    expect((await opened.entries()).filter(({ reason }) => reason === 'cancel')).toHaveLength(1);
  });

  contract('batches cut anew are trimmed event by event, and nothing applies beyond a gap', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    await hold(ledger, 1, ALICE, 60n);
    const legs = [1, 2, 3, 4, 5, 6].map((event) => cancelLeg(event * 10, ALICE, BigInt(event)));
    expect(await refused(opened, () => ledger.settle(batch(10, legs.slice(1))))).toEqual({
      outcome: 'GAP',
      watermark: 0,
    });
    await ledger.settle(batch(0, legs.slice(0, 2)));
    expect(await usd(ledger, ALICE)).toEqual([43n, 57n]);
    expect(await refused(opened, () => ledger.settle(batch(30, legs.slice(3))))).toEqual({
      outcome: 'GAP',
      watermark: 20,
    });
    expect(await ledger.settle(batch(10, legs.slice(1, 4)))).toMatchObject({ outcome: 'APPLIED', watermark: 40 });
    expect(await usd(ledger, ALICE)).toEqual([50n, 50n]);
    expect(await refused(opened, () => ledger.settle(batch(20, legs.slice(2, 4))))).toMatchObject({
      outcome: 'REPEATED',
      watermark: 40,
    });
    expect(await ledger.settle(batch(0, legs))).toMatchObject({ outcome: 'APPLIED', watermark: 60 });
    expect(await usd(ledger, ALICE)).toEqual([61n, 39n]);
    expect(await ledger.watermarks()).toEqual([0, 0, 0, 60, 0, 0, 0, 0]);
    expect((await ledger.balances(ALICE)).watermarks[3]).toBe(60);
  });

  contract('a batch that would break a balance applies nothing of it', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    await hold(ledger, 1, ALICE, 10n);
    const tooMuch = batch(0, [cancelLeg(1, ALICE, 6n), cancelLeg(2, ALICE, 5n)]);
    await refused(opened, () => expect(ledger.settle(tooMuch)).rejects.toThrow(LedgerInvariantError));
    const fromNothing = batch(0, [cancelLeg(1, ALICE, 6n), { ...cancelLeg(2, ALICE, 4n), availableDeltaUnits: 5n }]);
    await refused(opened, () => expect(ledger.settle(fromNothing)).rejects.toThrow(/event 2: .* add up to 1/));
    const betweenEvents = batch(0, [
      { ...cancelLeg(1, ALICE, 4n), availableDeltaUnits: 5n },
      { ...cancelLeg(2, ALICE, 4n), availableDeltaUnits: 3n },
    ]);
    await refused(opened, () => expect(ledger.settle(betweenEvents)).rejects.toThrow(/event 1/));
    const negative = batch(0, [
      { ...cancelLeg(1, BOB, 0n), availableDeltaUnits: -1n },
      { ...cancelLeg(1, FEE_ACCOUNT_ID, 0n), availableDeltaUnits: 1n },
    ]);
    await refused(opened, () => expect(ledger.settle(negative)).rejects.toThrow(/account 101/));
    expect(await usd(ledger, ALICE)).toEqual([90n, 10n]);
  });

  contract('a batch that contradicts itself is a bug, and applies nothing', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    await hold(ledger, 1, ALICE, 10n);
    const [first, second] = [cancelLeg(1, ALICE, 1n), cancelLeg(2, ALICE, 1n)];
    for (const wrong of [
      batch(0, [second, first], 2),
      batch(1, [first, second]),
      batch(0, [first, second], 1),
      batch(5, [], 5),
      { ...batch(0, [first]), partition: 8 },
      batch(0, [], 4, [{ commandId: 1, eventSequence: 5 }]),
    ])
      await refused(opened, () => expect(ledger.settle(wrong)).rejects.toThrow(InvariantError));
  });

  contract('a credit is applied once by its id, a hundred at once or later', async (opened) => {
    const { ledger } = opened;
    const request = { operationId: 5, accountId: ALICE, assetId: USD, units: 70n, timestampMs: NOW };
    const answers = await Promise.all(Array.from({ length: 100 }, () => ledger.credit(request)));
    expect(answers.filter(({ outcome }) => outcome === 'CREDITED')).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === 'REPEATED')).toHaveLength(99);
    await credit(ledger, ALICE, 1n);
    const first = answers.find(({ outcome }) => outcome === 'CREDITED');
    expect(await refused(opened, () => ledger.credit(request))).toEqual({ ...first, outcome: 'REPEATED' });
    for (const other of [{ units: 71n }, { accountId: BOB }, { assetId: BTC }])
      expect(await refused(opened, () => ledger.credit({ ...request, ...other }))).toEqual({
        outcome: 'CREDIT_DIFFERS',
      });
    expect(await usd(ledger, ALICE)).toEqual([71n, 0n]);
  });

  contract('all accounts together never have more than 64 bits hold', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, MAX_POOL_UNITS - 10n);
    expect(await refused(opened, () => credit(ledger, BOB, 11n))).toEqual({
      outcome: 'POOL_LIMIT',
      poolUnits: MAX_POOL_UNITS - 10n,
    });
    expect(await credit(ledger, BOB, 10n)).toMatchObject({ outcome: 'CREDITED' });
    expect(await refused(opened, () => credit(ledger, BOB, 1n))).toMatchObject({ outcome: 'POOL_LIMIT' });
    expect(await credit(ledger, BOB, MAX_POOL_UNITS, BTC)).toMatchObject({ outcome: 'CREDITED' });
    expect(await refused(opened, () => hold(ledger, 1, ALICE, 2n ** 63n))).toMatchObject({
      outcome: 'INSUFFICIENT_FUNDS',
    });
  });

  contract('ids from before this start are held no more, but still released', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    await hold(ledger, 10, ALICE, 30n);
    await hold(ledger, 60, ALICE, 5n);
    await ledger.raiseFloor(50);
    await refused(opened, () => ledger.raiseFloor(50)); // by the same start
    expect(await refused(opened, () => hold(ledger, 49, ALICE, 1n))).toEqual({ outcome: 'BELOW_FLOOR' });
    expect(await refused(opened, () => hold(ledger, 10, ALICE, 30n))).toEqual({ outcome: 'BELOW_FLOOR' });
    expect(await ledger.openHoldsBelow(50)).toEqual([{ commandId: 10, accountId: ALICE, assetId: USD, units: 30n }]);
    expect(await ledger.release(10, NOW)).toMatchObject({ outcome: 'RELEASED', units: 30n });
    expect(await ledger.openHoldsBelow(50)).toEqual([]);
    expect(await hold(ledger, 50, ALICE, 1n)).toMatchObject({ outcome: 'HELD' });
  });

  contract('a start that is not newer than the one that has the ledger is given nothing', async (opened) => {
    await credit(opened.ledger, ALICE, 100n);
    await hold(opened.ledger, 60, ALICE, 30n);
    await opened.ledger.raiseFloor(50);
    for (const firstCommandId of [20, 50]) {
      const crashed = await opened.crash();
      const before = [await crashed.entries(), await crashed.dump()];
      const { ledger } = crashed;
      for (const act of [
        () => ledger.raiseFloor(firstCommandId),
        () => hold(ledger, 70, ALICE, 1n),
        () => ledger.release(60, NOW),
        () => ledger.abandon(60, NOW),
        () => ledger.settle(batch(0, [cancelLeg(1, ALICE, 30n)])),
        () => credit(ledger, ALICE, 1n),
        () => ledger.debit({ operationId: 60, timestampMs: NOW }),
        () => ledger.balances(ALICE),
        () => ledger.ledgerSequence(),
      ])
        await expect(act()).rejects.toMatchObject({ name: 'StaleWriterError', code: 'STALE_WRITER' });
      expect(await crashed.dump()).toEqual(before[1]);
      await crashed.close();
    }
    const next = await opened.crash();
    await next.ledger.raiseFloor(51);
    expect(await next.ledger.release(60, NOW)).toMatchObject({ outcome: 'RELEASED', units: 30n });
    await next.close();
  });

  contract('a debit takes a whole hold out of the ledger, once by its id', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, MAX_POOL_UNITS);
    await hold(ledger, 1, ALICE, 30n);
    await hold(ledger, 2, ALICE, 7n);
    const debit = { operationId: 1, timestampMs: NOW };
    const answers = await Promise.all(Array.from({ length: 100 }, () => ledger.debit(debit)));
    const first = answers.find(({ outcome }) => outcome === 'DEBITED');
    expect(first).toMatchObject({ units: 30n });
    expect(answers.filter(({ outcome }) => outcome === 'REPEATED')).toHaveLength(99);
    expect(await refused(opened, () => ledger.debit(debit))).toEqual({ ...first, outcome: 'REPEATED' });
    expect(await usd(ledger, ALICE)).toEqual([MAX_POOL_UNITS - 37n, 7n]);
    expect(await refused(opened, () => ledger.release(1, NOW))).toEqual({ outcome: 'SETTLED' });
    expect(await refused(opened, () => hold(ledger, 1, ALICE, 30n))).toEqual({ outcome: 'RELEASED' });
    expect(await credit(ledger, BOB, 30n)).toMatchObject({ outcome: 'CREDITED' }); // there is room for as much again
    expect(await refused(opened, () => credit(ledger, BOB, 1n))).toMatchObject({ outcome: 'POOL_LIMIT' });
  });

  contract('what is not held, or was given back, is never debited', async (opened) => {
    const { ledger } = opened;
    await credit(ledger, ALICE, 100n);
    await hold(ledger, 1, ALICE, 30n);
    await ledger.release(1, NOW);
    for (const operationId of [1, 2])
      expect(await refused(opened, () => ledger.debit({ operationId, timestampMs: NOW }))).toEqual({
        outcome: 'NOT_HELD',
      });
    expect(await usd(ledger, ALICE)).toEqual([100n, 0n]);
  });

  contract('tombstones are dropped after ten minutes, a few at a time', async ({ ledger }) => {
    await credit(ledger, ALICE, 100n);
    for (let id = 1; id <= 10; id++) await ledger.release(id, NOW);
    const later = NOW + TEN_MINUTES_MS;
    for (let id = 101; id <= 105; id++) await ledger.release(id, later); // two of the old ones go with each
    for (let id = 1; id <= 10; id++) expect(await hold(ledger, id, ALICE, 1n)).toMatchObject({ outcome: 'HELD' });
    for (let id = 101; id <= 105; id++) expect(await hold(ledger, id, ALICE, 1n)).toEqual({ outcome: 'RELEASED' });
    expect(await ledger.openHoldsBelow(1_000)).toHaveLength(10);
  });

  oppositeOrders(contract);

  contract('amounts and ids that no caller of ours may send are bugs', async (opened) => {
    const { ledger } = opened;
    for (const act of [
      () => hold(ledger, 1, ALICE, 0n),
      () => hold(ledger, 1, ALICE, -1n),
      () => hold(ledger, 0.5, ALICE, 1n),
      () => hold(ledger, 2 ** 53, ALICE, 1n),
      () => ledger.release(0, NOW),
      () => credit(ledger, ALICE, 0n),
    ])
      await refused(opened, () => expect(act()).rejects.toThrow(InvariantError));
  });

  contract('each writing operation takes one change sequence, and each change one entry', async (opened) => {
    const { ledger } = opened;
    const start = await ledger.ledgerSequence();
    expect(await credit(ledger, ALICE, 100n)).toMatchObject({ ledgerSequence: start + 1 });
    expect(await hold(ledger, 1, ALICE, 10n)).toMatchObject({ ledgerSequence: start + 2 });
    const settlement = batch(0, [cancelLeg(1, ALICE, 4n), cancelLeg(2, ALICE, 6n)]);
    expect(await ledger.settle(settlement)).toMatchObject({ ledgerSequence: start + 3 });
    const entries = await opened.entries();
    expect(entries.map(({ ledgerSequence, reason, operationId }) => [ledgerSequence, reason, operationId])).toEqual([
      [start + 1, 'deposit', lastOperationId],
      [start + 2, 'hold', 1],
      [start + 3, 'cancel', 1],
      [start + 3, 'cancel', 2],
    ]);
    expect(entries.every(({ timestampMs }) => timestampMs === NOW)).toBe(true);
  });

  ledgerDebits(adapter);
  ledgerTraffic(adapter);
}
