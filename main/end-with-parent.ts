/**
 * Loaded by `node --import` into a process that another one starts to work for it: it ends when that one is gone, however
 * it died. Its standard input is a pipe that only the parent holds.
 */
const PARENT_IS_GONE = 1;

process.stdin.on('end', () => process.exit(PARENT_IS_GONE));
process.stdin.resume();
(process.stdin as typeof process.stdin & { unref(): void }).unref(); // its own work alone keeps it alive
