import { FEE_ACCOUNT_ID } from '../../core/money/asset.ts';
import type { Ledger, Leg, SettlementBatch } from '../../core/ports/ledger.ts';

/** What both arms are measured at: as many holds as one turn of a busy gateway has, as many fills as settlement takes. */
export const BATCH = 100;
export const PARTITIONS = 8;
export const ACCOUNTS = 200;
export const FIRST_ACCOUNT = 100;
const LANES = 4; // batches of settlement under way, of a partition each
const [BASE, QUOTE] = [1, 2];
export const FUNDS = 10n ** 15n;
const NOW = 1_760_000_000_000;
const FIRST_COMMAND = 2 ** 33;

/** Gives each account enough of both assets, and holds enough of each for what will be settled. */
export async function fund(ledger: Ledger, accountCount = ACCOUNTS): Promise<void> {
  const accounts = Array.from({ length: accountCount }, (_, index) => FIRST_ACCOUNT + index);
  for (let from = 0; from < accounts.length; from += BATCH)
    await Promise.all(
      accounts.slice(from, from + BATCH).flatMap((accountId) =>
        [BASE, QUOTE].map(async (assetId) => {
          const operationId = accountId * 4 + assetId;
          await ledger.credit({ operationId, accountId, assetId, units: FUNDS, timestampMs: NOW });
          const commandId = FIRST_COMMAND - operationId;
          await ledger.hold({ commandId, accountId, assetId, units: FUNDS / 2n, timestampMs: NOW });
        }),
      ),
    );
}

/** Holds of one batch together, one batch behind the other. @param seed where accounts begin */
export async function holdAll(ledger: Ledger, count: number, seed: number): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const answers = await Promise.all(
      Array.from({ length: Math.min(BATCH, count - from) }, (_, index) => {
        const at = from + index;
        const accountId = FIRST_ACCOUNT + ((at * 7_919 + seed) % ACCOUNTS);
        const units = BigInt(1_000_000 + (at % 1_000));
        return ledger.hold({ commandId: FIRST_COMMAND + at, accountId, assetId: QUOTE, units, timestampMs: NOW });
      }),
    );
    for (const { outcome } of answers) if (outcome !== 'HELD') throw new Error(`a hold was ${outcome}`);
  }
}

/** Fills between two accounts each, a partition's batches in order, several partitions at a time. */
export async function settleAll(ledger: Ledger, fills: number, seed: number): Promise<void> {
  const batches = fills / BATCH;
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      for (let batch = lane; batch < batches; batch += LANES) {
        const { outcome } = await ledger.settle(fillBatch(lane, Math.floor(batch / LANES), batch, seed));
        if (outcome !== 'APPLIED') throw new Error(`a batch was ${outcome}`);
      }
    }),
  );
}

/** A batch of fills as settlement makes it of events: five legs a fill, and the taker's command, which is met. */
function fillBatch(partition: number, turn: number, batch: number, seed: number): SettlementBatch {
  const legs: Leg[] = [];
  const settledCommands: { commandId: number; eventSequence: number }[] = [];
  const beforeSequence = turn * BATCH;
  for (let index = 0; index < BATCH; index++) {
    const eventSequence = beforeSequence + index + 1;
    const at = batch * BATCH + index;
    const buyer = FIRST_ACCOUNT + ((at * 7_919 + seed) % ACCOUNTS);
    const seller = FIRST_ACCOUNT + ((at * 7_919 + seed + 1) % ACCOUNTS);
    const [paid, delivered, fee] = [1_000_000n + BigInt(at % 1_000), 500n, 2_000n];
    const leg = (accountId: number, assetId: number, available: bigint, held: bigint, reason: 'fill' | 'fee'): void => {
      legs.push({ eventSequence, accountId, assetId, availableDeltaUnits: available, heldDeltaUnits: held, reason });
    };
    leg(buyer, QUOTE, 0n, -paid - fee, 'fill');
    leg(buyer, BASE, delivered, 0n, 'fill');
    leg(seller, BASE, 0n, -delivered, 'fill');
    leg(seller, QUOTE, paid - fee, 0n, 'fill');
    leg(FEE_ACCOUNT_ID, QUOTE, 2n * fee, 0n, 'fee');
    settledCommands.push({ commandId: FIRST_COMMAND * 2 + at, eventSequence });
  }
  const lastSequence = beforeSequence + BATCH;
  return { partition, beforeSequence, lastSequence, timestampMs: NOW, legs, settledCommands };
}

export const LANES_OF = { holds: 1, fills: LANES } as const;
