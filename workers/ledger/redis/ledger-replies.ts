import { fail } from '../../../core/assert.ts';
import type { Balance, HoldAnswer } from '../../../core/ports/ledger.ts';

/** What a hash of operations keeps of each, as text: 'account asset units available sequence'. */
export interface OperationRecord {
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint;
  readonly availableUnits: bigint;
  readonly ledgerSequence: number;
}

export function parseRecord(text: string): OperationRecord {
  const [account, asset, units, available, sequence] = text.split(' ');
  if (sequence === undefined) fail(`Redis holds the record "${text}"`);
  return {
    accountId: Number(account),
    assetId: Number(asset),
    units: BigInt(units!),
    availableUnits: BigInt(available!),
    ledgerSequence: Number(sequence),
  };
}

/** @param answer of one hold, as hold-funds.lua lists them */
export function holdAnswerOf([outcome, amount, sequence]: readonly string[]): HoldAnswer {
  switch (outcome) {
    case 'HELD':
    case 'REPEATED':
      return { outcome, availableUnits: BigInt(amount!), ledgerSequence: sequenceOf(sequence) };
    case 'INSUFFICIENT_FUNDS':
      return { outcome, availableUnits: BigInt(amount!) };
    case 'HOLD_DIFFERS':
      return { outcome, heldUnits: BigInt(amount!) };
    case 'RELEASED':
    case 'BELOW_FLOOR':
      return { outcome };
    default:
      return fail(`hold-funds answered ${outcome}`);
  }
}

/** @param fields a<asset> and h<asset>, each with its units, of one account's hash */
export function balancesOf(fields: readonly string[]): Balance[] {
  const balances = new Map<number, { assetId: number; availableUnits: bigint; heldUnits: bigint }>();
  for (let at = 0; at < fields.length; at += 2) {
    const assetId = Number(fields[at]!.slice(1));
    const balance = balances.get(assetId) ?? { assetId, availableUnits: 0n, heldUnits: 0n };
    if (fields[at]!.startsWith('a')) balance.availableUnits = BigInt(fields[at + 1]!);
    else balance.heldUnits = BigInt(fields[at + 1]!);
    balances.set(assetId, balance);
  }
  return [...balances.values()].sort((one, other) => one.assetId - other.assetId);
}

/** @param fields c<asset> and d<asset>, each with its units */
export function poolsOf(fields: readonly string[]): { assetId: number; creditedUnits: bigint; debitedUnits: bigint }[] {
  const pools = new Map<number, { assetId: number; creditedUnits: bigint; debitedUnits: bigint }>();
  for (let at = 0; at < fields.length; at += 2) {
    const assetId = Number(fields[at]!.slice(1));
    const pool = pools.get(assetId) ?? { assetId, creditedUnits: 0n, debitedUnits: 0n };
    if (fields[at]!.startsWith('c')) pool.creditedUnits = BigInt(fields[at + 1]!);
    else pool.debitedUnits = BigInt(fields[at + 1]!);
    pools.set(assetId, pool);
  }
  return [...pools.values()];
}

/** @param marks partition and watermark in turns */
export function watermarksOf(marks: readonly string[], partitionCount: number): number[] {
  const watermarks: number[] = Array(partitionCount).fill(0);
  for (let at = 0; at < marks.length; at += 2) watermarks[Number(marks[at])] = Number(marks[at + 1]);
  return watermarks;
}

export function sequenceOf(text: string | number | undefined): number {
  const sequence = Number(text);
  if (!Number.isSafeInteger(sequence)) fail(`Redis answered the sequence ${text}`);
  return sequence;
}
