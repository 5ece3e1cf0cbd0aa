import { expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import { MAX_POOL_UNITS } from '../../../core/money/asset.ts';
import type { Ledger } from '../../../core/ports/ledger.ts';
import { expectChained, type LedgerUnderTest, type OpenLedger } from './ledger-under-test.ts';

const ALICE = 100;
const USD = 1;
const NOW = 1_760_000_000_000;

const request = (operationId: number, units: bigint) => ({
  operationId,
  accountId: ALICE,
  assetId: USD,
  units,
  timestampMs: NOW,
});

const debit = (ledger: Ledger, operationId: number) => ledger.debit({ operationId, timestampMs: NOW });

function hold(ledger: Ledger, commandId: number, units: bigint) {
  return ledger.hold({ commandId, accountId: ALICE, assetId: USD, units, timestampMs: NOW });
}

async function usd(ledger: Ledger): Promise<[available: bigint, held: bigint]> {
  const balance = (await ledger.balances(ALICE)).balances.find(({ assetId }) => assetId === USD);
  return [balance?.availableUnits ?? 0n, balance?.heldUnits ?? 0n];
}

/** What debits must do on every adapter: units that are held leave the pool, once. */
export function ledgerDebits(adapter: LedgerUnderTest): void {
  const contract = (name: string, act: (opened: OpenLedger) => Promise<void>): void => {
    test(`${adapter.name}: ${name}`, async () => {
      const opened = await adapter.open();
      try {
        await opened.ledger.credit(request(1, 100n));
        await act(opened);
        await expectChained(opened);
      } finally {
        await opened.close();
      }
    });
  };

  contract('a hundred debits of one hold at once take it out once, with one entry', async (opened) => {
    const { ledger } = opened;
    await hold(ledger, 10, 40n);
    const answers = await Promise.all(Array.from({ length: 100 }, () => debit(ledger, 10)));
    expect(answers.filter(({ outcome }) => outcome === 'DEBITED')).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === 'REPEATED')).toHaveLength(99);
    expect(new Set(answers.map((answer) => 'ledgerSequence' in answer && answer.ledgerSequence)).size).toBe(1);
    expect(await usd(ledger)).toEqual([60n, 0n]);
    expect((await opened.entries()).filter(({ reason }) => reason === 'withdrawal')).toMatchObject([
      { operationId: 10, availableBefore: 60n, availableAfter: 60n, heldBefore: 40n, heldAfter: 0n },
    ]);
  });

  contract('a debited hold can neither be released nor held again', async ({ ledger }) => {
    await hold(ledger, 10, 40n);
    await debit(ledger, 10);
    expect(await ledger.release(10, NOW)).toEqual({ outcome: 'SETTLED' });
    expect(await hold(ledger, 10, 40n)).toEqual({ outcome: 'RELEASED' });
    expect(await ledger.openHoldsBelow(1_000)).toEqual([]);
    expect(await usd(ledger)).toEqual([60n, 0n]);
  });

  contract('what is not held is refused and nothing is written', async (opened) => {
    const { ledger } = opened;
    await hold(ledger, 11, 5n);
    await ledger.release(11, NOW);
    const before = [await ledger.ledgerSequence(), await opened.entries()];
    for (const id of [11, 12]) expect(await debit(ledger, id)).toEqual({ outcome: 'NOT_HELD' });
    expect([await ledger.ledgerSequence(), await opened.entries()]).toEqual(before);
  });

  contract('a release and a debit at once: one of them has it', async ({ ledger }) => {
    for (let id = 10; id < 30; id++) {
      await hold(ledger, id, 2n);
      const [taken, released] = await Promise.all([debit(ledger, id), ledger.release(id, NOW)]);
      expect([
        ['DEBITED', 'SETTLED'],
        ['NOT_HELD', 'RELEASED'],
      ]).toContainEqual([taken.outcome, released.outcome]);
    }
    expect((await usd(ledger))[1]).toBe(0n);
  });

  contract('what went out makes room in the pool again', async ({ ledger }) => {
    expect(await ledger.credit(request(2, MAX_POOL_UNITS - 100n))).toMatchObject({ outcome: 'CREDITED' });
    expect(await ledger.credit(request(3, 1n))).toMatchObject({ outcome: 'POOL_LIMIT' });
    await hold(ledger, 10, MAX_POOL_UNITS);
    expect(await ledger.credit(request(3, 1n))).toMatchObject({ outcome: 'POOL_LIMIT' });
    expect(await debit(ledger, 10)).toMatchObject({ outcome: 'DEBITED', units: MAX_POOL_UNITS });
    expect(await ledger.credit(request(3, MAX_POOL_UNITS))).toMatchObject({ outcome: 'CREDITED' });
  });

  contract(
    'a hold from before this start is still debited; a repeat after a crash gives the first answer',
    async (opened) => {
      const { ledger } = opened;
      await hold(ledger, 10, 40n);
      await ledger.raiseFloor(50);
      const first = await debit(ledger, 10);
      expect(first).toMatchObject({ outcome: 'DEBITED', units: 40n });
      const crashed = await opened.crash();
      expect(await debit(crashed.ledger, 10)).toEqual({ ...first, outcome: 'REPEATED' });
      expect(await usd(crashed.ledger)).toEqual([60n, 0n]);
      await crashed.close();
    },
  );

  contract('debits that no caller of ours may send are bugs', async ({ ledger }) => {
    for (const wrong of [0, -1, 0.5, 2 ** 53]) await expect(debit(ledger, wrong)).rejects.toThrow(InvariantError);
  });
}
