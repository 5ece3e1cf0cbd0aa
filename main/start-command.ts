import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { type Logger, pino } from 'pino';
import type { Configuration } from './configuration.ts';
import { RunningExchange } from './running-exchange.ts';
import {
  ensureSandboxAccounts,
  grantSandboxFunds,
  orderLine,
  type SandboxAccount,
  writeSandboxFile,
} from './sandbox.ts';
import { startProgress } from './start-progress.ts';

/** sysexits.h: the program's own fault. The next start recovers. */
const EXIT_FATAL = 70;
const SHUTDOWN_TIMEOUT_MS = 60_000;

/** `ringbook start`: the whole exchange in this process, until SIGTERM or SIGINT. */
export async function runStart(configuration: Configuration): Promise<void> {
  const logger = pino({ level: configuration.logLevel }, pino.destination({ dest: 2, sync: true }));
  const exchange = await RunningExchange.open(configuration, {
    logger,
    onProgress: startProgress(console.log),
    onFatal: (error) => endFatally(error, logger),
  });
  const adminToken = configuration.adminToken ?? randomBytes(24).toString('base64url');
  const isSandbox = configuration.mode === 'sandbox';
  const accounts = isSandbox ? await ensureSandboxAccounts(exchange.keyStore) : [];
  const { clock, exchangeLedger, gateway } = exchange;
  const granted = grantSandboxFunds(accounts, exchangeLedger.ledger, gateway.catalogue.assets(), clock);
  await exchangeLedger.unlessAway(granted);
  const { baseUrl, adminUrl } = await exchange.listen(adminToken);
  stopOnSignal(exchange, logger); // before anybody is told that it is ready
  const { trouble } = exchangeLedger;
  if (trouble !== null)
    console.log(
      `New orders, deposits and withdrawals wait, cancels are served: ${trouble.message}\n` +
        'It goes on by itself once that is mended.',
    );
  if (isSandbox) {
    const sandboxPath = writeSandboxFile(resolve(configuration.dataFolder), {
      baseUrl,
      adminUrl,
      adminToken,
      accounts,
    });
    console.log(welcome(baseUrl, adminUrl, sandboxPath, accounts));
  } else {
    console.log(`ringbook is ready: ${baseUrl} for clients, ${adminUrl} for operators`);
  }
}

function welcome(baseUrl: string, adminUrl: string, sandboxPath: string, accounts: readonly SandboxAccount[]): string {
  const rows = accounts.map(({ name, key, secret }) => `  ${name.padEnd(6)} key ${key}  secret ${secret}`);
  return `
ringbook is ready: ${baseUrl} speaks Gemini's REST API (admin: ${adminUrl})

Two accounts, each with 1,000,000 USD and 100 of every other asset (also in ${sandboxPath}):
${rows.join('\n')}

Try next:
  curl ${baseUrl}/v1/symbols
  curl ${baseUrl}/v1/book/btcusd

Place a signed order (paste the whole line):
  ${orderLine(sandboxPath)}

npm run ringbook -- status   shows what it is doing;   Ctrl-C   stops it: everything acknowledged is kept.
`;
}

function stopOnSignal(exchange: RunningExchange, logger: Logger): void {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    console.log('stopping: finishing what was taken …');
    setTimeout(
      () => endFatally(new Error('the exchange did not stop in a minute'), logger),
      SHUTDOWN_TIMEOUT_MS,
    ).unref();
    exchange.stop().then(
      () => {
        console.log('stopped');
        process.exit(0);
      },
      (error: unknown) => endFatally(error as Error, logger),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** Nothing is tried any more: what is on disk is what counts, and recovery proves it. */
function endFatally(error: Error, logger: Logger): never {
  logger.fatal({ error: { name: error.name, message: error.message, stack: error.stack } }, 'the exchange ends');
  console.error(`ringbook ends: ${error.message}\nStart it again: everything acknowledged is recovered.`);
  process.exit(EXIT_FATAL);
}
