import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { pino } from 'pino';
import type { Configuration } from './configuration.ts';
import { endFatally, stopOnSignal } from './process-end.ts';
import { type Arrangement, RunningExchange } from './running-exchange.ts';
import {
  ensureSandboxAccounts,
  grantSandboxFunds,
  orderLine,
  type SandboxAccount,
  writeSandboxFile,
} from './sandbox.ts';
import { requireServers } from './split-servers.ts';
import { startProgress } from './start-progress.ts';

const NAME = 'the exchange';

/**
 * `ringbook start`, the whole exchange in this process, and `ringbook exchange`, without its consumers, which are workers'
 * processes: until SIGTERM or SIGINT.
 */
export async function runStart(configuration: Configuration, arrangement: Arrangement = 'all-in-one'): Promise<void> {
  if (arrangement === 'exchange-only') requireServers(configuration);
  const logger = pino({ level: configuration.logLevel }, pino.destination({ dest: 2, sync: true }));
  const hooks = {
    logger,
    onProgress: startProgress(console.log),
    onFatal: (error: Error) => endFatally(NAME, error, logger),
  };
  const exchange = await RunningExchange.open(configuration, hooks, arrangement);
  const adminToken = configuration.adminToken ?? randomBytes(24).toString('base64url');
  const isSandbox = configuration.mode === 'sandbox';
  const accounts = isSandbox ? await ensureSandboxAccounts(exchange.keyStore) : [];
  const { clock, exchangeLedger, gateway } = exchange;
  const granted = grantSandboxFunds(accounts, exchangeLedger.ledger, gateway.catalogue.assets(), clock);
  await exchangeLedger.unlessAway(granted);
  const { baseUrl, adminUrl } = await exchange.listen(adminToken);
  stopOnSignal(NAME, () => exchange.stop(), logger); // before anybody is told that it is ready
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
