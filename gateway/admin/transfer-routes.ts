import { z } from 'zod';
import { fail } from '../../core/assert.ts';
import type { Asset } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import type { AccountAdmin } from '../../core/ports/keys.ts';
import {
  type DepositAddresses,
  MAX_TRANSFER_ROWS,
  type Transfer,
  type TransferAnswer,
  type TransferDesk,
  type TransferKind,
  transferWaitsFor,
} from '../../core/ports/transfers.ts';
import { findNetwork, networkOf } from '../accounts/networks.ts';
import { readTransferUnits } from '../accounts/transfer-amounts.ts';
import { accountNamed } from './account-routes.ts';
import { AdminError, type AdminRoute, inputRoute } from './admin-route.ts';

export interface TransferRouteParts {
  readonly accounts: AccountAdmin;
  readonly catalogue: Catalogue;
  readonly desk: TransferDesk;
  readonly addresses: DepositAddresses;
}

const text = z.string().regex(/^[ -~]*$/, 'must be printable ASCII');
const DEPOSIT = z.strictObject({
  account: z.string().optional(), // by its name, or
  address: z.string().optional(), // by one of its deposit addresses
  asset: z.string(),
  amount: z.string(),
  idempotencyKey: text.min(1).max(200).optional(), // network, asset and txHash unless given
  network: z.string().optional(), // the address's, or the asset's own, unless given
  txHash: text.max(200).optional(),
  confirm: z.boolean().default(false), // at once: for the sandbox, and for operators who have seen the money
});
const ONE = z.strictObject({ id: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });
const FAILURE = ONE.extend({ reason: text.min(1).max(200) });
const LIST = z.strictObject({
  account: z.string().optional(),
  asset: z.string().optional(),
  state: z.enum(['start', 'pending', 'done', 'failed']).optional(),
  sinceMs: z.number().int().min(0).optional(),
  stuck: z.boolean().default(false),
  limit: z.number().int().min(1).max(MAX_TRANSFER_ROWS).default(50),
});

/** Deposits and withdrawals as operators see and decide them. */
export function transferRoutes(parts: TransferRouteParts): AdminRoute[] {
  return [
    inputRoute('/deposits', DEPOSIT, (input) => submitDeposit(parts, input)),
    ...decisionRoutes(parts, 'deposit', '/deposits'),
    ...decisionRoutes(parts, 'withdrawal', '/withdrawals'),
  ];
}

function decisionRoutes(parts: TransferRouteParts, kind: TransferKind, path: string): AdminRoute[] {
  const { accounts, catalogue, desk } = parts;
  const json = (transfer: Transfer) => transferJson(parts, transfer);
  return [
    inputRoute(`${path}/list`, LIST, async ({ account, asset, state, sinceMs, stuck, limit }) => {
      const transfers = await desk.list({
        kind,
        ...(account === undefined ? {} : { accountId: accountNamed(accounts, account).accountId }),
        ...(asset === undefined ? {} : { assetId: assetOfCode(catalogue, asset).assetId }),
        ...(state === undefined ? {} : { state }),
        ...(sinceMs === undefined ? {} : { sinceMs }),
        isStuck: stuck,
        limit,
      });
      return transfers.map(json);
    }),
    inputRoute(`${path}/show`, ONE, async ({ id }) => {
      const transfer = await desk.find(kind, id);
      if (transfer === undefined) throw new AdminError('NotFound', `there is no ${kind} ${id}`);
      return json(transfer);
    }),
    inputRoute(`${path}/confirm`, ONE, async ({ id }) =>
      json(accepted(await known(desk.confirm(kind, id)), `${kind} ${id}`, parts)),
    ),
    inputRoute(`${path}/fail`, FAILURE, async ({ id, reason }) =>
      json(accepted(await known(desk.fail(kind, id, reason)), `${kind} ${id}`, parts)),
    ),
  ];
}

async function submitDeposit(parts: TransferRouteParts, input: z.infer<typeof DEPOSIT>) {
  const { catalogue, desk } = parts;
  const asset = assetOfCode(catalogue, input.asset);
  const { accountId, network, address } = await recipientOf(parts, input, asset);
  const units = readTransferUnits(input.amount, asset);
  if (typeof units === 'string') throw new AdminError('InvalidInput', `amount: ${units}`);
  const txHash = input.txHash ?? '';
  if (input.idempotencyKey === undefined && txHash === '')
    throw new AdminError(
      'InvalidInput',
      'idempotencyKey: give one, or the txHash, so that the same deposit is recognised when it is submitted again',
    );
  const clientKey = input.idempotencyKey ?? `${network || 'bank'}:${asset.code}:${txHash}`;
  const request = { accountId, assetId: asset.assetId, units, clientKey, network, address, txHash };
  const answer = await known(desk.submitDeposit(request));
  const submitted = accepted(answer, 'the deposit', parts);
  const transfer = input.confirm
    ? accepted(await known(desk.confirm('deposit', submitted.transferId)), `deposit ${submitted.transferId}`, parts)
    : submitted;
  return { ...transferJson(parts, transfer), isRepeat: answer.outcome === 'REPEATED' };
}

/** @returns whom a deposit is for, by name or by address, and the way it came */
async function recipientOf(
  { accounts, catalogue, addresses }: TransferRouteParts,
  { account, address, network: named }: z.infer<typeof DEPOSIT>,
  asset: Asset,
): Promise<{ accountId: number; network: string; address: string }> {
  const network = named === undefined ? (networkOf(asset) ?? '') : findNetwork(catalogue, named);
  if (network === undefined) throw new AdminError('NotFound', `there is no network "${named}"`);
  if (address === undefined) {
    if (account === undefined)
      throw new AdminError('InvalidInput', 'account: name the account, or one of its addresses');
    return { accountId: accountNamed(accounts, account).accountId, network, address: '' };
  }
  const found = await addresses.find(address);
  if (found === undefined) throw new AdminError('NotFound', `there is no deposit address "${address}"`);
  if (account !== undefined && accountNamed(accounts, account).accountId !== found.accountId)
    throw new AdminError('InvalidInput', `address: ${address} is not one of account "${account}"`);
  if (network !== found.network)
    throw new AdminError(
      'InvalidInput',
      `address: ${address} is one of ${found.network}, not of ${network || 'a bank'}`,
    );
  return { accountId: found.accountId, network, address };
}

/** @throws AdminError */
export function assetOfCode(catalogue: Catalogue, code: string): Asset {
  const asset = catalogue.assetByCode(code.toUpperCase());
  if (asset === undefined) throw new AdminError('NotFound', `there is no asset "${code}"`);
  return asset;
}

/** What the desk rejects with, for operators. */
async function known(answer: Promise<TransferAnswer>): Promise<TransferAnswer> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'TRANSFER_OPEN' || error.code === 'CLOSED'))
      throw new AdminError('TryLater', error.message);
    throw error;
  }
}

function accepted(answer: TransferAnswer, what: string, { catalogue }: TransferRouteParts): Transfer {
  switch (answer.outcome) {
    case 'TAKEN':
    case 'REPEATED':
      return answer.transfer;
    case 'NOT_FOUND':
      throw new AdminError('NotFound', `there is no ${what}`);
    case 'KEY_REUSED':
      throw new AdminError(
        'AlreadyDefined',
        `idempotencyKey: "${answer.transfer.clientKey}" names deposit ${answer.transfer.transferId}, which differs from this one`,
      );
    case 'WRONG_STATE': {
      const { state, decision, failure } = answer.transfer;
      const decided = decision === null ? '' : `, decided to ${decision}`;
      throw new AdminError('Conflict', `${what} is ${state}${decided}${failure === '' ? '' : ` (${failure})`}`);
    }
    case 'POOL_LIMIT': {
      const { code, decimals } = catalogue.asset(answer.transfer.assetId) ?? fail('no such asset');
      throw new AdminError(
        'InvalidInput',
        `amount: all accounts together hold ${formatDecimal(answer.poolUnits, decimals)} ${code}; no more than 2^63 units can be held`,
      );
    }
    case 'INSUFFICIENT_FUNDS':
      return fail(`${what} was answered ${answer.outcome}`);
  }
}

function transferJson({ accounts, catalogue }: TransferRouteParts, transfer: Transfer) {
  const { transferId, kind, state, accountId, assetId, units, decision } = transfer;
  const { clientKey, network, address, memo, txHash, failure, createdMs, updatedMs } = transfer;
  const asset = catalogue.asset(assetId) ?? fail(`no asset ${assetId}`);
  return {
    id: transferId,
    kind,
    state,
    waitsFor: transferWaitsFor(transfer),
    account: accounts.listAccounts().find((account) => account.accountId === accountId)?.name ?? accountId,
    asset: asset.code,
    amount: formatDecimal(units, asset.decimals),
    decision,
    idempotencyKey: clientKey || null,
    network: network || null,
    address: address || null,
    memo: memo || null,
    txHash: txHash || null,
    failure: failure || null,
    createdMs,
    updatedMs,
  };
}
