import type { Asset } from '../../core/money/asset.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import type { Transfer } from '../../core/ports/transfers.ts';

const STATUS = { start: 'Pending', pending: 'Pending', done: 'Complete', failed: 'Failed' } as const;

/** A transfer as clients of this API know it. Fields that have nothing to say are left out. */
export function transferJson(transfer: Transfer, asset: Asset) {
  const { transferId, kind, state, units, createdMs, address, memo, txHash, clientKey } = transfer;
  const isDeposit = kind === 'deposit';
  return {
    type: isDeposit ? 'Deposit' : 'Withdrawal',
    status: STATUS[state],
    timestampms: createdMs,
    eid: transferId,
    currency: asset.code,
    amount: formatDecimal(units, asset.decimals),
    feeAmount: '0',
    feeCurrency: asset.code,
    ...(isDeposit ? {} : { withdrawalId: String(transferId) }),
    ...(isDeposit || clientKey === '' ? {} : { client_transfer_id: clientKey }),
    ...(address === '' ? {} : { destination: address }),
    ...(memo === '' ? {} : { memo }),
    ...(txHash === '' ? {} : { txHash }),
  };
}
