import { expect, test } from 'vitest';
import { startProgress } from '../../main/start-progress.ts';

const SNAPSHOT = { path: '/data/snapshots/7', commandSequence: 7, eventSequence: 9, restingOrders: 3, stateHash: null };

test('a start from a snapshot says what it passed over and how much it replayed', () => {
  const lines: string[] = [];
  const progress = startProgress((line) => lines.push(line));
  const refusedSnapshots = [{ path: '/data/snapshots/8', reason: 'it is empty' }];
  progress({ type: 'restored', snapshot: SNAPSHOT, refusedSnapshots, ofCommandSequence: 12 });
  progress({ type: 'replay-progress', commandSequence: 8, ofCommandSequence: 12 }); // too soon for a line of its own
  progress({ type: 'recovery-done', fromCommandSequence: 7, lastCommandSequence: 12 });
  expect(lines).toEqual([
    'passing over the snapshot /data/snapshots/8: it is empty',
    'recovered: 5 commands replayed from the snapshot at command 7',
  ]);
});

test('a replay of everything says so, a first start nothing', () => {
  const lines: string[] = [];
  for (const lastCommandSequence of [4, 0]) {
    const progress = startProgress((line) => lines.push(line));
    progress({ type: 'restored', snapshot: null, refusedSnapshots: [], ofCommandSequence: lastCommandSequence });
    progress({ type: 'recovery-done', fromCommandSequence: 0, lastCommandSequence });
  }
  expect(lines).toEqual(['recovered: 4 commands replayed from the beginning']);
});
