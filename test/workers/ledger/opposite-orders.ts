import { expect } from 'vitest';
import type { Leg } from '../../../core/ports/ledger.ts';
import type { OpenLedger } from './ledger-under-test.ts';

const [ALICE, BOB] = [100, 101];
const [USD, BTC] = [1, 2];
const CLIENTS = 100;
const ROUNDS = 5;
const PARTITIONS = 8;
const FUNDS = 1_000_000n;
const NOW = 1_760_000_000_000;

/** Alice's bitcoin for Bob's dollars, a unit each: what both have held becomes available to the other. */
function swapLegs(eventSequence: number): Leg[] {
  const common = { eventSequence, reason: 'fill' } as const;
  return [
    { ...common, accountId: ALICE, assetId: BTC, availableDeltaUnits: 0n, heldDeltaUnits: -1n },
    { ...common, accountId: BOB, assetId: BTC, availableDeltaUnits: 1n, heldDeltaUnits: 0n },
    { ...common, accountId: BOB, assetId: USD, availableDeltaUnits: 0n, heldDeltaUnits: -1n },
    { ...common, accountId: ALICE, assetId: USD, availableDeltaUnits: 1n, heldDeltaUnits: 0n },
  ];
}

/**
 * The deadlock of row locks: one client takes Alice's row and waits for Bob's, another the other way round. Here every
 * step is whole by itself, in whatever order they come: each is asked for exactly once and answered with success.
 */
export function oppositeOrders(contract: (name: string, act: (opened: OpenLedger) => Promise<void>) => void): void {
  contract(
    'a hundred clients take the same two accounts in opposite orders: no deadlock, no retry',
    async ({ ledger }) => {
      for (const [index, [accountId, assetId]] of [[ALICE, BTC] as const, [BOB, USD] as const].entries())
        await ledger.credit({ operationId: 1 + index, accountId, assetId, units: FUNDS, timestampMs: NOW });
      let lastId = 1_000;
      const lastSequences: number[] = Array(PARTITIONS).fill(0);
      const turns: Promise<unknown>[] = Array(PARTITIONS).fill(Promise.resolve());

      const settleSwap = (partition: number, commandIds: readonly number[]): Promise<void> => {
        const settled = turns[partition]!.then(async () => {
          const beforeSequence = lastSequences[partition]!;
          const lastSequence = beforeSequence + 1;
          const legs = swapLegs(lastSequence);
          const settledCommands = commandIds.map((commandId) => ({ commandId, eventSequence: lastSequence }));
          const batch = { partition, beforeSequence, lastSequence, timestampMs: NOW, legs, settledCommands };
          expect(await ledger.settle(batch)).toMatchObject({ outcome: 'APPLIED' });
          lastSequences[partition] = lastSequence;
        });
        turns[partition] = settled;
        return settled;
      };

      const client = async (index: number): Promise<void> => {
        const sides: [accountId: number, assetId: number][] = [
          [ALICE, BTC],
          [BOB, USD],
        ];
        if (index % 2 === 1) sides.reverse();
        for (let round = 0; round < ROUNDS; round++) {
          const commandIds: number[] = [];
          for (const [accountId, assetId] of sides) {
            lastId += 1;
            commandIds.push(lastId);
            const request = { commandId: lastId, accountId, assetId, units: 1n, timestampMs: NOW };
            expect(await ledger.hold(request)).toMatchObject({ outcome: 'HELD' });
          }
          await settleSwap(index % PARTITIONS, commandIds);
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));

      const moved = BigInt(CLIENTS * ROUNDS);
      expect((await ledger.balances(ALICE)).balances).toEqual([
        { assetId: USD, availableUnits: moved, heldUnits: 0n },
        { assetId: BTC, availableUnits: FUNDS - moved, heldUnits: 0n },
      ]);
      expect((await ledger.balances(BOB)).balances).toEqual([
        { assetId: USD, availableUnits: FUNDS - moved, heldUnits: 0n },
        { assetId: BTC, availableUnits: moved, heldUnits: 0n },
      ]);
      expect(await ledger.openHoldsBelow(Number.MAX_SAFE_INTEGER)).toEqual([]);
    },
  );
}
