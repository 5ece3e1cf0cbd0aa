import { expect, test } from 'vitest';
import { fittedSlope } from '../../../bench/support/fitted-line.ts';

test('points on a line give its slope, noise around it the same, and none is refused', () => {
  const line = Array.from({ length: 100 }, (_, x) => [x, 5 + 0.25 * x] as const);
  expect(fittedSlope(line)).toBeCloseTo(0.25, 12);
  expect(fittedSlope(line.map(([x, y]) => [x, y + (x % 4 === 0 || x % 4 === 3 ? 1 : -1)]))).toBeCloseTo(0.25, 3);
  expect(
    fittedSlope([
      [0, 3],
      [9, 3],
    ]),
  ).toBe(0);
  expect(() => fittedSlope([[1, 1]])).toThrow('1 points');
  expect(() =>
    fittedSlope([
      [1, 1],
      [1, 2],
    ]),
  ).toThrow('above each other');
});
