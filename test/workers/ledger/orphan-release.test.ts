import { expect, test } from 'vitest';
import { auditDataFolder } from '../../../workers/audit/audit.ts';
import { releaseOrphanedHolds } from '../../../workers/ledger/orphan-release.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { LIMITS, randomOrder, TradingFolder } from '../trading-folder.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

function release(trading: TradingFolder): Promise<{ released: number }> {
  return releaseOrphanedHolds({
    ledger: trading.ledger,
    feed: trading.feed,
    clock: { nowMs: () => trading.timestampMs },
    endSequenceAtStart: trading.endSequence,
    firstCommandId: trading.firstCommandId,
    heldWithdrawals: new Set(),
  });
}

test(`killed between hold and journal a thousand times: those holds are released, and only those (SEED=${seed})`, async () => {
  const random = new RandomIntegers(seed);
  const folder = temporaryFolder();
  let trading = await TradingFolder.open(folder);
  const commandIds = new Set<number>();
  let orphans = 0;
  for (let start = 0; start < 10; start++) {
    await trading.settle();
    await trading.trade(random, 20);
    await trading.feed.settledThrough(trading.endSequence);
    await trading.feed.stop();
    await trading.trade(random, 20); // in the journal, not settled: theirs are no orphans
    let lost = 0;
    while (lost < 100) {
      const hold = await trading.holdOnly({ ...randomOrder(random), quantityLots: 10_000 });
      if (hold === null) continue;
      expect(commandIds.has(hold.commandId)).toBe(false);
      commandIds.add(hold.commandId);
      lost += 1;
    }
    await trading.abandon();

    trading = await TradingFolder.open(folder);
    trading.startSettlement();
    const running = release(trading); // waits for settlement, which runs while trading goes on
    await trading.place({ ...randomOrder(random), quantityLots: 10_000 });
    trading.commit();
    const { released } = await running;
    expect(released).toBe(100);
    orphans += released;
    expect(await trading.ledger.openHoldsBelow(Number.MAX_SAFE_INTEGER)).toEqual([]);
    await trading.abandon();
    expect((await auditDataFolder(folder, { limits: LIMITS })).statements.filter(({ ok }) => !ok)).toEqual([]);
    trading = await TradingFolder.open(folder);
  }
  expect(orphans).toBe(1_000);
  await trading.abandon();
});
