import type { Asset } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import type { Transfer, TransferDesk } from '../../core/ports/transfers.ts';
import { networkOf } from '../accounts/networks.ts';
import type { SettledBalances } from '../accounts/settled-balances.ts';
import { readTransferUnits } from '../accounts/transfer-amounts.ts';
import { decimalText, isAbsent, type PayloadFields } from '../auth/payload.ts';
import { jsonReply } from '../http/reply.ts';
import { ApiError, tryLater } from './errors.ts';
import { optionalText, requireAsset } from './fund-routes.ts';
import type { PrivateEndpoint } from './router.ts';
import type { Answered } from './unknown-outcome.ts';

export interface WithdrawalRouteParts {
  readonly desk: TransferDesk;
  readonly balances: SettledBalances;
  readonly catalogue: Catalogue;
  readonly answered: Answered;
}

/** Money on its way out. What is asked for is held before it is answered, and leaves when the operator confirms it. */
export function withdrawalRoutes({ desk, balances, catalogue, answered }: WithdrawalRouteParts): PrivateEndpoint[] {
  return [
    {
      method: 'POST',
      pattern: '/v1/withdraw/{currency}',
      roles: ['fundManager'],
      async answer({ apiKey, fields, nonceDurable }, [code]) {
        const asset = requireAsset(catalogue, code!);
        const units = requireUnits(fields, asset);
        const address = optionalText(fields, 'address');
        if (address === '') throw new ApiError('MissingPayloadKey', 'The payload must name the address to send to');
        const request = {
          accountId: apiKey.accountId,
          assetId: asset.assetId,
          units,
          clientKey: optionalText(fields, 'client_transfer_id'),
          network: networkOf(asset) ?? '',
          address,
          memo: optionalText(fields, 'memo'),
        };
        const withdraw = async (): Promise<Transfer> => {
          await nonceDurable;
          await balances.read(apiKey.accountId); // only once what a cancel or a fill has freed is there
          return taken(desk, request, asset);
        };
        const advice = 'look at /v1/transfers, or repeat it with the same client_transfer_id';
        return jsonReply(withdrawalJson(await answered(withdraw(), advice), asset));
      },
    },
  ];
}

/** @throws ApiError */
async function taken(
  desk: TransferDesk,
  request: Parameters<TransferDesk['requestWithdrawal']>[0],
  asset: Asset,
): Promise<Transfer> {
  const answer = await desk.requestWithdrawal(request).catch((error: unknown) => {
    throw transferTrouble(error);
  });
  switch (answer.outcome) {
    case 'TAKEN':
    case 'REPEATED':
      return answer.transfer;
    case 'INSUFFICIENT_FUNDS': {
      const available = formatDecimal(answer.availableUnits, asset.decimals);
      throw new ApiError('InsufficientFunds', `Only ${available} ${asset.code} are available for withdrawal`);
    }
    case 'KEY_REUSED':
      throw new ApiError(
        'Bad Request',
        `client_transfer_id names withdrawal ${answer.transfer.transferId} already, which differs: choose another one`,
      );
    default:
      throw new Error(`a withdrawal was answered ${answer.outcome}`);
  }
}

/** @returns what a client is told when the desk rejects: to ask again, where that does no harm */
function transferTrouble(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'CLOSED') return tryLater('The exchange is stopping; nothing was taken');
  if (code === 'TRANSFER_OPEN')
    return tryLater(
      'The withdrawal may be taken: look at /v1/transfers, or repeat it with the same client_transfer_id',
    );
  return error;
}

function requireUnits(fields: PayloadFields, asset: Asset): bigint {
  const value = fields.get('amount');
  if (isAbsent(value)) throw new ApiError('MissingPayloadKey', 'The payload must name the amount');
  const units = readTransferUnits(decimalText(value) ?? 'no number', asset);
  if (typeof units === 'string') throw new ApiError('InvalidQuantity', `amount ${units}`);
  return units;
}

function withdrawalJson({ transferId, units, address, state }: Transfer, asset: Asset) {
  const amount = formatDecimal(units, asset.decimals);
  const told = {
    start: 'is being taken',
    pending: 'is held and leaves when the operator confirms it',
    done: 'has left',
    failed: 'was not sent',
  };
  return {
    address,
    amount,
    fee: '0',
    withdrawalId: String(transferId),
    message: `The transfer of ${amount} ${asset.code} to ${address} ${told[state]}.`,
  };
}
