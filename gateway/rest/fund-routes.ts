import { fail } from '../../core/assert.ts';
import type { Asset } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import type { Role } from '../../core/ports/keys.ts';
import type { DepositAddress, DepositAddresses, TransferDesk } from '../../core/ports/transfers.ts';
import { findNetwork, networksOf } from '../accounts/networks.ts';
import type { SettledBalances } from '../accounts/settled-balances.ts';
import type { Valuation } from '../accounts/valuation.ts';
import { isAbsent, type JsonValue, type PayloadFields } from '../auth/payload.ts';
import { jsonReply } from '../http/reply.ts';
import { ApiError, echo } from './errors.ts';
import { numberText, optionalTimestampMs, rowLimit } from './query-fields.ts';
import type { PrivateEndpoint } from './router.ts';
import { transferJson } from './transfer-json.ts';
import type { Answered } from './unknown-outcome.ts';

export interface FundRouteParts {
  readonly desk: TransferDesk;
  readonly addresses: DepositAddresses;
  readonly balances: SettledBalances;
  readonly valuation: Valuation;
  readonly catalogue: Catalogue;
  readonly answered: Answered;
}

const READERS: readonly Role[] = ['trader', 'fundManager', 'auditor'];
const TRANSFER_ROWS = { usual: 10, maximum: 50 };
const MAX_TEXT_CHARACTERS = 128;
const PRINTABLE = /^[ -~]*$/;

/** What an account's money does outside the markets: where it comes in, what came and went, and what it is worth. */
export function fundRoutes({
  desk,
  addresses,
  balances,
  valuation,
  catalogue,
  answered,
}: FundRouteParts): PrivateEndpoint[] {
  return [
    {
      method: 'POST',
      pattern: '/v1/deposit/{network}/newAddress',
      roles: ['fundManager'],
      async answer({ apiKey, fields, nonceDurable }, [name]) {
        const network = requireNetwork(catalogue, name!);
        const label = optionalText(fields, 'label');
        const creating = nonceDurable.then(() => addresses.create(apiKey.accountId, network, label));
        const created = await answered(creating, `look at /v1/addresses/${network}`);
        if (created === null)
          throw new ApiError('Bad Request', `This account has as many addresses in ${network} as it may have`);
        return jsonReply({ network, address: created.address, ...(label === '' ? {} : { label }) });
      },
    },
    {
      method: 'POST',
      pattern: '/v1/addresses/{network}',
      roles: READERS,
      async answer({ apiKey, fields }, [name]) {
        const network = requireNetwork(catalogue, name!);
        const sinceMs = sinceOf(fields) ?? 0;
        const rows = await addresses.list(apiKey.accountId, network);
        return jsonReply(rows.filter(({ createdMs }) => createdMs >= sinceMs).map(addressJson));
      },
    },
    {
      method: 'POST',
      pattern: '/v1/transfers',
      roles: READERS,
      async answer({ apiKey, fields }) {
        const code = fields.get('currency');
        const asset = isAbsent(code) ? undefined : requireAsset(catalogue, code);
        const sinceMs = sinceOf(fields);
        const transfers = await desk.list({
          accountId: apiKey.accountId,
          ...(asset === undefined ? {} : { assetId: asset.assetId }),
          ...(sinceMs === undefined ? {} : { sinceMs }),
          limit: rowLimit(numberText(fields.get('limit_transfers')), 'limit_transfers', TRANSFER_ROWS, 'InvalidJson'),
        });
        const assetOf = (id: number): Asset => catalogue.asset(id) ?? fail(`no asset ${id}`);
        return jsonReply(transfers.map((transfer) => transferJson(transfer, assetOf(transfer.assetId))));
      },
    },
    {
      method: 'POST',
      pattern: '/v1/notionalbalances/{currency}',
      roles: READERS,
      async answer({ apiKey }, [code]) {
        const currency = requireAsset(catalogue, code!);
        const rows = await balances.read(apiKey.accountId);
        const byAsset = new Map(rows.map((balance) => [balance.assetId, balance]));
        return jsonReply(
          catalogue.assets().map((asset) => {
            const { availableUnits, heldUnits } = byAsset.get(asset.assetId) ?? { availableUnits: 0n, heldUnits: 0n };
            const worth = valuation.worth(asset, currency);
            const available = formatDecimal(availableUnits, asset.decimals);
            const availableNotional = worth(availableUnits);
            return {
              currency: asset.code,
              amount: formatDecimal(availableUnits + heldUnits, asset.decimals),
              amountNotional: worth(availableUnits + heldUnits),
              available,
              availableNotional,
              availableForWithdrawal: available,
              availableForWithdrawalNotional: availableNotional,
            };
          }),
        );
      },
    },
  ];
}

/** @throws ApiError */
export function requireAsset(catalogue: Catalogue, code: JsonValue): Asset {
  const asset = typeof code === 'string' ? catalogue.assetByCode(code.toUpperCase()) : undefined;
  if (asset !== undefined) return asset;
  const known = catalogue.assets().map((each) => each.code);
  const shown = typeof code === 'string' ? `'${echo(code)}'` : 'what is no text';
  throw new ApiError('InvalidSymbol', `There is no currency ${shown}; there are ${known.join(', ')}`);
}

/** @returns the text of a field, '' when it is absent. @throws ApiError naming field and rule */
export function optionalText(fields: PayloadFields, name: string): string {
  const value = fields.get(name);
  if (isAbsent(value)) return '';
  if (typeof value === 'string' && value.length <= MAX_TEXT_CHARACTERS && PRINTABLE.test(value)) return value;
  throw new ApiError('Bad Request', `${name} must be a text of at most ${MAX_TEXT_CHARACTERS} printable characters`);
}

function requireNetwork(catalogue: Catalogue, name: string): string {
  const network = findNetwork(catalogue, name);
  if (network !== undefined) return network;
  const known = networksOf(catalogue).join(', ');
  throw new ApiError('Bad Request', `'${echo(name)}' is neither a network nor a currency of one; networks: ${known}`);
}

function sinceOf(fields: PayloadFields): number | undefined {
  return optionalTimestampMs(numberText(fields.get('timestamp')), 'timestamp', 'InvalidTimestampInPayload');
}

function addressJson({ address, createdMs, label, network }: DepositAddress) {
  return { address, timestamp: createdMs, ...(label === '' ? {} : { label }), network };
}
