/**
 * Loaded into an exchange process by `node --import`: the wall clock, moved by as many milliseconds as a file says, which
 * the test may change while the process runs. Monotonic timers go on as they do when an operator sets the clock.
 */
import { readFileSync } from 'node:fs';

const path = process.env.RINGBOOK_TEST_CLOCK ?? '';
if (path === '') throw new Error('RINGBOOK_TEST_CLOCK must name the file with the milliseconds');
const { now } = Date;

Date.now = () => now() + Number(readFileSync(path, 'utf8'));
