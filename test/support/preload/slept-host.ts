/**
 * Loaded into a process by `node --import`: its host has slept for as many milliseconds in all as a file says, which the
 * test may change while the process stands still. The wall clock and the uptime went on meanwhile; monotonic timers did not.
 */
import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

const path = process.env.RINGBOOK_TEST_SLEPT ?? '';
if (path === '') throw new Error('RINGBOOK_TEST_SLEPT must name the file with the milliseconds');
const { now } = Date;
const { uptime } = os;
const sleptMs = (): number => Number(readFileSync(path, 'utf8'));

Date.now = () => now() + sleptMs();
os.uptime = () => uptime() + sleptMs() / 1_000;
syncBuiltinESMExports();
