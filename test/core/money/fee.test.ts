import { expect, test } from 'vitest';
import { feeReserveUnits, fillFeeUnits } from '../../../core/money/fee.ts';

test('the fee of a fill is rounded down, what is set aside for it up', () => {
  for (const [notional, ratePpm, fee, reserve] of [
    [0n, 4_000, 0n, 0n],
    [1n, 0, 0n, 0n],
    [1n, 1, 0n, 1n],
    [249n, 4_000, 0n, 1n],
    [250n, 4_000, 1n, 1n],
    [251n, 4_000, 1n, 2n],
    [999_999n, 1, 0n, 1n],
    [1_000_000n, 1, 1n, 1n],
    [7n, 1_000_000, 7n, 7n],
    [2n ** 63n - 1n, 1_000_000, 2n ** 63n - 1n, 2n ** 63n - 1n],
    [2n ** 63n - 1n, 999_999, 9_223_362_813_482_738_952n, 9_223_362_813_482_738_953n],
  ] as const) {
    expect(fillFeeUnits(notional, ratePpm)).toBe(fee);
    expect(feeReserveUnits(notional, ratePpm)).toBe(reserve);
  }
});
