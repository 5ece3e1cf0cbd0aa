import { expect, test } from 'vitest';
import { type Ledger, LedgerUnavailableError, StaleWriterError } from '../../core/ports/ledger.ts';
import { grantSandboxFunds } from '../../main/sandbox.ts';
import { EmbeddedLedger } from '../../workers/ledger/embedded-ledger.ts';
import { ExchangeDatabase } from '../../workers/storage/exchange-database.ts';
import { grantUnits } from '../../workers/transfers/sandbox-grants.ts';
import { defaultCatalogue } from '../support/default-catalogue.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';

const ACCOUNTS = [100, 101].map((accountId) => ({ accountId, name: `${accountId}`, key: '', secret: '' }));
const ASSETS = defaultCatalogue().assets();
const CLOCK = { nowMs: () => 1_760_000_000_000 };

/** The ledger, with another way to credit. */
function crediting(ledger: Ledger, credit: Ledger['credit']): Ledger {
  return new Proxy(ledger, {
    get: (target, name) => (name === 'credit' ? credit : Reflect.get(target, name, target)),
  });
}

test('grants that a ledger could not take are given once it can be asked, each once', async () => {
  const exchange = await ExchangeDatabase.open(temporaryFolder(), (error) => {
    throw error;
  });
  const ledger = await EmbeddedLedger.open(exchange);
  let calls = 0;
  const losing = crediting(ledger, async (request) => {
    calls += 1;
    const isDone = calls % 3 !== 0; // and its answer lost
    if (calls > ASSETS.length + 2) return ledger.credit(request);
    if (isDone) await ledger.credit(request);
    throw new LedgerUnavailableError('away', { code: 'AWAY', isOutcomeKnown: false });
  });
  await grantSandboxFunds(ACCOUNTS, losing, ASSETS, CLOCK);
  expect(calls).toBeGreaterThan(2 * ASSETS.length);
  for (const { accountId } of ACCOUNTS) {
    const { balances } = await ledger.balances(accountId);
    expect(balances.map(({ availableUnits }) => availableUnits)).toEqual(ASSETS.map(grantUnits));
  }
  await exchange.close();
});

test('a ledger that another start has is not asked again', async () => {
  const exchange = await ExchangeDatabase.open(temporaryFolder(), (error) => {
    throw error;
  });
  const stale = crediting(await EmbeddedLedger.open(exchange), () => Promise.reject(new StaleWriterError(9)));
  await expect(grantSandboxFunds(ACCOUNTS, stale, ASSETS, CLOCK)).rejects.toThrow(StaleWriterError);
  await exchange.close();
});
