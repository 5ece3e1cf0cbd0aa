import { expect, test } from 'vitest';
import type { Ledger } from '../../../core/ports/ledger.ts';
import { MAX_TRANSFER_ROWS, type Transfer, TransferFailure } from '../../../core/ports/transfers.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { ALICE, BOB, balanceOf, type OpenedDesk, openDesk, USD, WAY } from './opened-desk.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 100 : 16;
const ROUNDS_OF_A_FOLDER = 16; // so many that all its transfers are in one list
const STEPS = 150;
const CLIENTS = 10;
const KEYS = 15; // of each kind and round
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

class Lost extends Error {
  override readonly name = 'Lost';
}

/** A ledger whose calls are lost now and then, on the way there or on the way back: nobody knows which. */
function unreliable(ledger: Ledger, random: RandomIntegers, oneIn: () => number): Ledger {
  return new Proxy(ledger, {
    get(target, name: keyof Ledger) {
      const method = target[name].bind(target) as (...args: unknown[]) => Promise<unknown>;
      if (!['hold', 'release', 'credit', 'debit'].includes(name)) return method;
      return async (...args: unknown[]) => {
        if (random.onceIn(oneIn())) throw new Lost(`${name} was not sent`);
        const answer = await method(...args);
        if (random.onceIn(oneIn())) throw new Lost(`the answer of ${name} was lost`);
        return answer;
      };
    },
  });
}

/** Something that a client or an operator does, without looking at what others do. */
async function actOnce({ desk }: OpenedDesk, random: RandomIntegers, round: number): Promise<void> {
  const kind = random.oneOf(['deposit', 'withdrawal'] as const);
  const accountId = random.oneOf([ALICE, BOB]);
  const clientKey = `${round} ${random.below(KEYS)}`;
  const request = {
    accountId,
    assetId: USD,
    units: BigInt(random.between(1, kind === 'deposit' ? 500 : 50)),
    clientKey,
    ...WAY,
  };
  const id = async (): Promise<number> => {
    const rows: readonly Pick<Transfer, 'transferId'>[] = await desk.list({ kind, limit: 10 });
    return rows.length === 0 ? 1 : random.oneOf(rows).transferId;
  };
  const act = random.below(6);
  if (act < 3 && kind === 'deposit') await desk.submitDeposit(request);
  else if (act < 3) await desk.requestWithdrawal(request);
  else if (act < 5) await desk.confirm(kind, await id());
  else await desk.fail(kind, await id(), 'for a reason');
}

/** The plain model: what the rows alone say that accounts must have, now that nothing is on its way. */
function modelOf(transfers: readonly Transfer[], accountId: number): [available: bigint, held: bigint] {
  let [available, held] = [0n, 0n];
  for (const { kind, state, units, accountId: whose } of transfers) {
    if (whose !== accountId || state === 'failed') continue;
    if (kind === 'deposit' && state === 'done') available += units;
    if (kind === 'withdrawal') available -= units;
    if (kind === 'withdrawal' && state === 'pending') held += units;
  }
  return [available, held];
}

test(`transfers at random, by ${CLIENTS} at once, over a ledger that loses calls and starts that end anywhere, leave what the rows say (SEED=${seed})`, {
  timeout: ROUNDS * 20_000,
}, async () => {
  const random = new RandomIntegers(seed);
  let folder = '';
  let lost = 0;
  let interrupted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    if (round % ROUNDS_OF_A_FOLDER === 0) folder = temporaryFolder();
    let oneIn = 5;
    const opened = await openDesk(folder, (ledger) => unreliable(ledger, random, () => oneIn));
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        for (let step = 0; step < STEPS / CLIENTS; step++)
          await actOnce(opened, random, round).catch((error: Error & { code?: string }) => {
            expect(error.code, `SEED=${seed} ${error.stack}`).toBe('TRANSFER_OPEN');
            lost += 1;
          });
      }),
    );
    if (random.onceIn(2)) {
      await opened.close(); // what is stuck stays so: the next start finds it
      continue;
    }
    oneIn = 2 ** 31;
    await opened.stuck.finishAll(); // a round under way by now may have met a ledger that still lost calls
    expect(await opened.stuck.finishAll()).toMatchObject({ left: 0 });
    const transfers = await opened.desk.list({ limit: MAX_TRANSFER_ROWS });
    interrupted += transfers.filter(({ failure }) => failure === TransferFailure.INTERRUPTED).length;
    for (const accountId of [ALICE, BOB])
      expect(await balanceOf(opened.ledger, accountId), `round ${round} SEED=${seed}`).toEqual(
        modelOf(transfers, accountId),
      );
    const holds = await opened.ledger.openHoldsBelow(Number.MAX_SAFE_INTEGER);
    const waiting = transfers.filter(({ kind, state }) => kind === 'withdrawal' && state === 'pending');
    expect(holds.map(({ commandId }) => commandId)).toEqual(waiting.map(({ transferId }) => transferId).reverse());
    await opened.close();
  }
  expect(lost).toBeGreaterThan(20); // or nothing was tried
  expect(interrupted).toBeGreaterThan(0);
});
