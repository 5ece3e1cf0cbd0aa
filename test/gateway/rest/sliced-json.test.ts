import { expect, test } from 'vitest';
import { slicedJson } from '../../../gateway/rest/sliced-json.ts';

const rowsOf = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

test.each([0, 1, 999, 1_000, 1_001, 2_000, 5_500])('%i rows are the JSON that they are in one go', async (count) => {
  const json = (row: number) => ({ row, text: `"${row}",` });
  expect(await slicedJson(rowsOf(count), json)).toBe(JSON.stringify(rowsOf(count).map(json)));
});

test('rows that are gone by their turn are left out, whole slices, too', async () => {
  const json = (row: number) => (row % 7 === 3 || (row >= 1_000 && row < 3_000) || row < 10 ? undefined : row);
  expect(JSON.parse(await slicedJson(rowsOf(4_000), json))).toEqual(
    rowsOf(4_000).filter((row) => json(row) !== undefined),
  );
});

test('others get their turn between the slices', async () => {
  let turns = 0;
  let written = 0;
  const writtenAtTurn: number[] = [];
  const others = (): void => {
    turns += 1;
    writtenAtTurn.push(written);
    if (written < 5_000) setImmediate(others);
  };
  setImmediate(others);
  await slicedJson(rowsOf(5_000), () => {
    written += 1;
    return written;
  });
  expect(turns).toBeGreaterThan(2);
  expect(new Set(writtenAtTurn).size).toBeGreaterThan(2);
});
