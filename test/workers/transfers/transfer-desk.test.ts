import { expect, test } from 'vitest';
import { MAX_POOL_UNITS } from '../../../core/money/asset.ts';
import type { Ledger } from '../../../core/ports/ledger.ts';
import { EMBEDDED_ARCHIVE } from '../../../main/exchange-transfers.ts';
import { SqliteTransferDesk } from '../../../workers/transfers/sqlite-transfer-desk.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { ALICE, BOB, balanceOf, NOW, type OpenedDesk, openDesk, transferOf, USD, WAY } from './opened-desk.ts';

const deposit = (clientKey: string, units = 70n, accountId = ALICE) => ({
  accountId,
  assetId: USD,
  units,
  clientKey,
  ...WAY,
});
const withdrawal = (clientKey: string, units = 30n) => ({ ...deposit(clientKey, units), address: 'bc1-somewhere' });

async function withDesk(act: (opened: OpenedDesk) => Promise<void>): Promise<void> {
  const opened = await openDesk(temporaryFolder());
  await act(opened);
  await opened.close();
}

async function funded({ desk }: OpenedDesk, units = 70n): Promise<void> {
  const { transferId } = transferOf(await desk.submitDeposit(deposit('funds', units)));
  await desk.confirm('deposit', transferId);
}

const hundred = <Result>(act: (at: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: 100 }, (_, at) => act(at)));

test('a deposit submitted a hundred times at once is one; confirmed a hundred times at once it is credited once', () =>
  withDesk(async ({ desk, ledger, exchange }) => {
    const submitted = await hundred(() => desk.submitDeposit(deposit('a')));
    expect(submitted.filter(({ outcome }) => outcome === 'TAKEN')).toHaveLength(1);
    expect(submitted.filter(({ outcome }) => outcome === 'REPEATED')).toHaveLength(99);
    const { transferId, state } = transferOf(submitted[0]!);
    expect(state).toBe('start');
    expect(await balanceOf(ledger, ALICE)).toEqual([0n, 0n]);
    const confirmed = await hundred(() => desk.confirm('deposit', transferId));
    expect(confirmed.filter(({ outcome }) => outcome === 'TAKEN')).toHaveLength(1);
    expect(confirmed.every((answer) => transferOf(answer).state === 'done')).toBe(true);
    expect(await balanceOf(ledger, ALICE)).toEqual([70n, 0n]);
    expect(await exchange.database.all('SELECT operation_id AS id FROM credits')).toEqual([{ id: transferId }]);
  }));

test('a hundred different deposits under one key: the first stands, the others are told of it', () =>
  withDesk(async ({ desk }) => {
    const answers = await hundred((at) => desk.submitDeposit(deposit('a', BigInt(at + 1))));
    expect(answers.filter(({ outcome }) => outcome === 'TAKEN')).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === 'KEY_REUSED')).toHaveLength(99);
    const first = transferOf(answers.find(({ outcome }) => outcome === 'TAKEN')!);
    for (const answer of answers) expect(transferOf(answer)).toEqual(first);
    expect(await desk.submitDeposit(deposit('a', first.units, BOB))).toMatchObject({ outcome: 'KEY_REUSED' });
    expect(await desk.list({ limit: 10 })).toHaveLength(1);
  }));

test('what was never submitted, is of the other kind, or has ended otherwise can not be confirmed', () =>
  withDesk(async (opened) => {
    const { desk, ledger } = opened;
    expect(await desk.confirm('deposit', 7)).toEqual({ outcome: 'NOT_FOUND' });
    expect(await desk.fail('withdrawal', 7, 'no')).toEqual({ outcome: 'NOT_FOUND' });
    const { transferId } = transferOf(await desk.submitDeposit(deposit('a')));
    expect(await desk.confirm('withdrawal', transferId)).toEqual({ outcome: 'NOT_FOUND' });
    expect(await desk.fail('deposit', transferId, 'never came')).toMatchObject({
      outcome: 'TAKEN',
      transfer: { state: 'failed', failure: 'never came' },
    });
    expect(await desk.fail('deposit', transferId, 'said again')).toMatchObject({
      outcome: 'REPEATED',
      transfer: { failure: 'never came' },
    });
    expect(await desk.confirm('deposit', transferId)).toMatchObject({ outcome: 'WRONG_STATE' });
    expect(await desk.submitDeposit(deposit('a'))).toMatchObject({
      outcome: 'REPEATED',
      transfer: { state: 'failed' },
    });
    expect(await balanceOf(ledger, ALICE)).toEqual([0n, 0n]);
    await funded(opened);
    const taken = transferOf(await desk.requestWithdrawal(withdrawal('w')));
    await desk.confirm('withdrawal', taken.transferId);
    expect(await desk.fail('withdrawal', taken.transferId, 'no')).toMatchObject({ outcome: 'WRONG_STATE' });
    expect(await balanceOf(ledger, ALICE)).toEqual([40n, 0n]);
  }));

test('a deposit that the pool has no room for fails, and may be submitted again when there is', () =>
  withDesk(async (opened) => {
    const { desk, ledger } = opened;
    await funded(opened, MAX_POOL_UNITS - 69n);
    const { transferId } = transferOf(await desk.submitDeposit(deposit('a', 70n)));
    expect(await desk.confirm('deposit', transferId)).toMatchObject({
      outcome: 'POOL_LIMIT',
      poolUnits: MAX_POOL_UNITS - 69n,
      transfer: { state: 'failed', failure: 'POOL_LIMIT' },
    });
    expect(await desk.confirm('deposit', transferId)).toMatchObject({ outcome: 'WRONG_STATE' });
    const fits = transferOf(await desk.submitDeposit(deposit('a', 69n)));
    expect(await desk.confirm('deposit', fits.transferId)).toMatchObject({ transfer: { state: 'done' } });
    expect(await balanceOf(ledger, ALICE)).toEqual([MAX_POOL_UNITS, 0n]);
  }));

test('a withdrawal asked for a hundred times at once is held once', () =>
  withDesk(async (opened) => {
    const { desk, ledger } = opened;
    await funded(opened, 30n); // enough for one
    const answers = await hundred(() => desk.requestWithdrawal(withdrawal('w')));
    expect(new Set(answers.map((answer) => transferOf(answer).transferId)).size).toBe(1);
    expect(answers.filter(({ outcome }) => outcome === 'TAKEN')).toHaveLength(1);
    expect(await balanceOf(ledger, ALICE)).toEqual([0n, 30n]);
    expect(await desk.requestWithdrawal(withdrawal('w', 29n))).toMatchObject({ outcome: 'KEY_REUSED' });
  }));

test('a hundred withdrawals at once hold no more than there is; those refused leave nothing behind', () =>
  withDesk(async (opened) => {
    const { desk, ledger } = opened;
    await funded(opened, 100n);
    const answers = await hundred((at) => desk.requestWithdrawal(withdrawal(at < 50 ? '' : `w${at}`, 30n)));
    expect(answers.filter(({ outcome }) => outcome === 'TAKEN')).toHaveLength(3);
    expect(answers.filter(({ outcome }) => outcome === 'INSUFFICIENT_FUNDS')).toHaveLength(97);
    expect(await balanceOf(ledger, ALICE)).toEqual([10n, 90n]);
    expect(await desk.requestWithdrawal(withdrawal('', 11n))).toEqual({
      outcome: 'INSUFFICIENT_FUNDS',
      availableUnits: 10n,
    });
    expect(await desk.requestWithdrawal(withdrawal('', 10n))).toMatchObject({ outcome: 'TAKEN' });
    expect(await desk.list({ state: 'pending', limit: 10 })).toHaveLength(4);
    expect(await desk.list({ state: 'start', limit: 10 })).toEqual([]);
  }));

test('a withdrawal that was refused for its funds may be asked for again under its key', () =>
  withDesk(async (opened) => {
    const { desk } = opened;
    expect(await desk.requestWithdrawal(withdrawal('w'))).toMatchObject({ outcome: 'INSUFFICIENT_FUNDS' });
    await funded(opened);
    expect(await desk.requestWithdrawal(withdrawal('w'))).toMatchObject({ outcome: 'TAKEN' });
  }));

test('confirmed and failed a hundred times at once: the first decision stands', () =>
  withDesk(async (opened) => {
    const { desk, ledger } = opened;
    await funded(opened, 300n);
    for (let round = 0; round < 5; round++) {
      const before = await balanceOf(ledger, ALICE);
      const { transferId } = transferOf(await desk.requestWithdrawal(withdrawal(`w${round}`)));
      const answers = await hundred((at) =>
        at % 2 === 0 ? desk.confirm('withdrawal', transferId) : desk.fail('withdrawal', transferId, 'no'),
      );
      const { state } = (await desk.find('withdrawal', transferId))!;
      expect(answers.filter(({ outcome }) => outcome === 'WRONG_STATE')).toHaveLength(50);
      expect(answers.filter(({ outcome }) => outcome === 'TAKEN')).toHaveLength(1);
      expect(await balanceOf(ledger, ALICE)).toEqual([before[0] - (state === 'done' ? 30n : 0n), 0n]);
    }
  }));

test('two desks that know nothing of each other: the count of changed rows decides between them', () =>
  withDesk(async (opened) => {
    const { desk, store, ledger } = opened;
    const parts = {
      store,
      ledger,
      archive: EMBEDDED_ARCHIVE,
      ids: { next: () => 2 ** 50 },
      clock: { nowMs: () => NOW },
    };
    const other = new SqliteTransferDesk(parts);
    await funded(opened, 3_000n);
    for (let round = 0; round < 20; round++) {
      const before = await balanceOf(ledger, ALICE);
      const { transferId } = transferOf(await desk.requestWithdrawal(withdrawal(`w${round}`)));
      const answers = await Promise.all([
        desk.confirm('withdrawal', transferId),
        other.fail('withdrawal', transferId, 'no'),
      ]);
      expect(answers.map(({ outcome }) => outcome).sort()).toEqual(['TAKEN', 'WRONG_STATE']);
      const { state } = (await desk.find('withdrawal', transferId))!;
      expect(state).toBe(answers[0]!.outcome === 'TAKEN' ? 'done' : 'failed');
      expect(await balanceOf(ledger, ALICE)).toEqual([before[0] - (state === 'done' ? 30n : 0n), 0n]);
    }
    const { transferId } = transferOf(await desk.submitDeposit(deposit('a')));
    const taken = await hundred(() => store.advance(transferId, 'start', 'pending', { decision: 'confirm' }, NOW));
    expect(taken.filter((isTaken) => isTaken)).toHaveLength(1);
  }));

test('lists are narrowed, bounded, and page forward from a bound', () =>
  withDesk(async (opened) => {
    const { desk } = opened;
    await funded(opened);
    for (let at = 0; at < 5; at++) await desk.submitDeposit(deposit(`d${at}`, 1n, at % 2 === 0 ? ALICE : BOB));
    await desk.requestWithdrawal(withdrawal(''));
    const keys = async (query: Parameters<typeof desk.list>[0]) => (await desk.list(query)).map((row) => row.clientKey);
    expect(await keys({ kind: 'deposit', limit: 3 })).toEqual(['d4', 'd3', 'd2']);
    expect(await keys({ accountId: BOB, limit: 9 })).toEqual(['d3', 'd1']);
    expect(await keys({ kind: 'withdrawal', state: 'pending', assetId: USD, limit: 9 })).toEqual(['']);
    expect(await keys({ assetId: 2, limit: 9 })).toEqual([]);
    expect(await keys({ sinceMs: NOW, limit: 2 })).toEqual(['d0', 'funds']);
    expect(await keys({ sinceMs: NOW + 1, limit: 2 })).toEqual([]);
    expect(await keys({ isStuck: true, limit: 9 })).toEqual([]);
  }));

test('a ledger that is away keeps a transfer open; it is finished by itself, and a repeat waits for nothing else', async () => {
  let isAway = false;
  const away = (ledger: Ledger): Ledger =>
    new Proxy(ledger, {
      get(target, name: keyof Ledger) {
        const method = target[name].bind(target) as (...args: unknown[]) => Promise<unknown>;
        return (...args: unknown[]) => (isAway ? Promise.reject(new Error('away')) : method(...args));
      },
    });
  const opened = await openDesk(temporaryFolder(), away);
  const { desk, ledger, stuck } = opened;
  const { transferId } = transferOf(await desk.submitDeposit(deposit('a')));
  isAway = true;
  await expect(desk.confirm('deposit', transferId)).rejects.toMatchObject({ code: 'TRANSFER_OPEN' });
  expect(await desk.list({ isStuck: true, limit: 9 })).toMatchObject([{ transferId, state: 'pending' }]);
  expect(await stuck.finishAll()).toMatchObject({ finished: 0, left: 1, reason: { code: 'TRANSFER_OPEN' } });
  await expect(desk.fail('deposit', transferId, 'no')).resolves.toMatchObject({ outcome: 'WRONG_STATE' });
  isAway = false;
  await expect.poll(() => balanceOf(ledger, ALICE), { timeout: 30_000 }).toEqual([70n, 0n]);
  expect(await desk.confirm('deposit', transferId)).toMatchObject({ outcome: 'REPEATED', transfer: { state: 'done' } });
  expect(await stuck.finishAll()).toEqual({ finished: 0, left: 0, reason: null });
  await opened.close();
});

test('a desk that is closed takes nothing, and answers what it had taken', async () => {
  const opened = await openDesk(temporaryFolder());
  const { desk } = opened;
  const running = hundred((at) => desk.submitDeposit(deposit(`d${at}`)));
  await desk.close();
  expect((await running).every(({ outcome }) => outcome === 'TAKEN')).toBe(true);
  await expect(desk.submitDeposit(deposit('late'))).rejects.toMatchObject({ code: 'CLOSED' });
  await opened.close();
});
