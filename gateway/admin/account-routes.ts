import { z } from 'zod';
import type { Account, AccountAdmin, KeySummary } from '../../core/ports/keys.ts';
import { AdminError, type AdminRoute, inputRoute } from './admin-route.ts';

const ACCOUNT = z.strictObject({ name: z.string().min(1).max(64) });
const KEY = z.strictObject({
  account: z.string(),
  roles: z.array(z.enum(['trader', 'fundManager', 'auditor'])).min(1),
});
const REVOCATION = z.strictObject({ key: z.string() });

/** Who may trade here. A secret is in the answer that makes its key, and nowhere else. */
export function accountRoutes(accounts: AccountAdmin): AdminRoute[] {
  const keyJson = ({ keyId: _, accountId, ...rest }: KeySummary) => ({
    ...rest,
    account: accounts.listAccounts().find((account) => account.accountId === accountId)?.name,
  });
  return [
    { method: 'GET', path: '/accounts', answer: () => accounts.listAccounts() },
    inputRoute('/accounts', ACCOUNT, ({ name }) => refusing(accounts.createAccount(name))),
    { method: 'GET', path: '/keys', answer: () => accounts.listKeys().map(keyJson) },
    inputRoute('/keys', KEY, async ({ account, roles }) => {
      const { accountId } = accountNamed(accounts, account);
      const { key, secret } = await refusing(accounts.createKey(accountId, roles));
      return { account, key, secret, roles };
    }),
    inputRoute('/keys/revoke', REVOCATION, async ({ key }) => keyJson(await refusing(accounts.revokeKey(key)))),
  ];
}

/** @throws AdminError */
export function accountNamed(accounts: AccountAdmin, name: string): Account {
  const account = accounts.listAccounts().find((known) => known.name === name);
  if (account === undefined) throw new AdminError('NotFound', `there is no account "${name}"`);
  return account;
}

/** A refusal of the store is the operator's mistake; anything else is our trouble. */
async function refusing<Result>(act: Promise<Result>): Promise<Result> {
  try {
    return await act;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'INVALID_ACCOUNT')
      throw new AdminError('InvalidInput', error.message);
    throw error;
  }
}
