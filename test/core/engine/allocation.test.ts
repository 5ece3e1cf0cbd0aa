import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { SteadyState } from '../../../bench/core-steady-commands.ts';

const WATCHED = fileURLToPath(new URL('../../../bench/core-steady-commands.ts', import.meta.url));
const COMMANDS = process.env.RINGBOOK_TEST_LONG === undefined ? 1_200_000 : 10_000_000;
const TIMEOUT_MS = 120_000;

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
