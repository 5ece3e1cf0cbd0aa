import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { SteadyState } from '../../../bench/core-steady-commands.ts';

const WATCHED = fileURLToPath(new URL('../../../bench/core-steady-commands.ts', import.meta.url));
const COMMANDS = process.env.RINGBOOK_TEST_LONG === undefined ? 1_200_000 : 10_000_000;
const EVERY_KIND = fileURLToPath(new URL('watch-every-kind.ts', import.meta.url));
const STREAM_COMMANDS = process.env.RINGBOOK_TEST_LONG === undefined ? 600_000 : 2_400_000;
const TIMEOUT_MS = 120_000;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 30);

/** In a process of its own: whatever else allocates would be counted too. */
test(
  'resting, moving, filling and cancelling orders allocate nothing, lots beyond small integers included',
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [WATCHED, `${COMMANDS}`], {
      timeout: TIMEOUT_MS - 5_000,
    });
    const found = JSON.parse(stdout) as SteadyState;
    expect(found.commands).toBeGreaterThanOrEqual(COMMANDS);
    expect(found, stdout).toMatchObject({ collections: 0, longestPauseMs: 0 });
    expect(found.heapGrowthBytes / found.commands, stdout).toBeLessThan(0.1); // the smallest object has 16 bytes
  },
  TIMEOUT_MS,
);

/** Stops, amendments, self-trades, expiries, mass cancels, long client ids and refusals: all but definitions and orders by budget. */
test(
  `commands of every kind that is met all the time allocate nothing (SEED=${seed})`,
  async () => {
    const args = ['--expose-gc', EVERY_KIND, `${seed}`, `${STREAM_COMMANDS}`];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: TIMEOUT_MS - 5_000 });
    const found = JSON.parse(stdout) as { readonly commands: number; readonly bytesPerCommand: number };
    expect(found.commands).toBe(STREAM_COMMANDS / 2);
    expect(found.bytesPerCommand, `SEED=${seed} ${stdout}`).toBeLessThan(2.5); // numbers between functions that V8 did not inline; an object for a tenth of the orders made 7 to 12
  },
  TIMEOUT_MS,
);
