import type { Logger } from 'pino';

/** sysexits.h: the program's own fault. The next start recovers. */
const EXIT_FATAL = 70;
const SHUTDOWN_TIMEOUT_MS = 60_000;

/** Nothing is tried any more: what is on disk is what counts, and recovery proves it. @param name of what ends */
export function endFatally(name: string, error: Error, logger: Logger): never {
  logger.fatal({ error: { name: error.name, message: error.message, stack: error.stack } }, `${name} ends`);
  console.error(`ringbook ends: ${error.message}\nStart it again: everything acknowledged is recovered.`);
  process.exit(EXIT_FATAL);
}

/** The first SIGTERM or SIGINT ends in an orderly way, with exit code 0. @param stop finishes what was taken */
export function stopOnSignal(name: string, stop: () => Promise<void>, logger: Logger): void {
  let isStopping = false;
  const begin = (): void => {
    if (isStopping) return;
    isStopping = true;
    console.log('stopping: finishing what was taken …');
    setTimeout(
      () => endFatally(name, new Error(`${name} did not stop in a minute`), logger),
      SHUTDOWN_TIMEOUT_MS,
    ).unref();
    stop().then(
      () => {
        console.log('stopped');
        process.exit(0);
      },
      (error: unknown) => endFatally(name, error as Error, logger),
    );
  };
  process.on('SIGTERM', begin);
  process.on('SIGINT', begin);
}
