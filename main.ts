import { Command, Option } from 'commander';
import { addAdminCommands } from './main/admin-commands.ts';
import type { AuditOptions } from './main/audit-command.ts';
import { type Configuration, readConfiguration } from './main/configuration.ts';
import { addKlinesCommands } from './main/klines/command.ts';
import { addLedgerCommands } from './main/ledger-command.ts';
import { addReplayCommand } from './main/replay-command.ts';
import type { Arrangement } from './main/running-exchange.ts';
import { addServicesCommand } from './main/services-command.ts';
import { runStatus } from './main/status-command.ts';
import { addWorkersCommand } from './main/workers-command.ts';

// What a command needs beyond its description is loaded when it runs: the whole exchange takes most of a second to load.

/** Flags that stand for a variable: what is given here wins over the environment. */
const FLAGS: readonly (readonly [flag: string, variable: string, help: string])[] = [
  ['--host <address>', 'RINGBOOK_HOST', 'where clients connect (default 127.0.0.1)'],
  ['--port <number>', 'RINGBOOK_PORT', 'port for clients, 0 for any free one (default 8080)'],
  ['--admin-port <number>', 'RINGBOOK_ADMIN_PORT', 'port for operators, loopback only (default 8081)'],
  ['--data-dir <folder>', 'RINGBOOK_DATA_DIR', 'where everything is kept (default ./data)'],
  ['--mode <mode>', 'RINGBOOK_MODE', 'sandbox or production (default sandbox)'],
  ['--rate-limit <limit>', 'RINGBOOK_RATE_LIMIT', 'gemini or off (default off in the sandbox)'],
  ['--log-level <level>', 'RINGBOOK_LOG_LEVEL', 'fatal, error, warn, info or debug (default warn)'],
];

const OTHER_VARIABLES = `
Every flag is also a variable: --data-dir is RINGBOOK_DATA_DIR, and so on. Only as variables:
  RINGBOOK_ADMIN_TOKEN            what operators send as bearer token; the sandbox makes one
  RINGBOOK_MASTER_KEY             64 hex digits that encrypt stored secrets; needed in production
  RINGBOOK_MAX_ORDERS             resting orders, all instruments together; fixed at the first start (default 1048576)
  RINGBOOK_MAX_LEVELS             prices in use, all instruments together; fixed at the first start (default 131072)
  RINGBOOK_MAX_INSTRUMENTS        instruments that may ever be defined; fixed at the first start (default 1024)
  RINGBOOK_MARKET_PROTECTION_PPM  how far a market order may move the price, in millionths (default 50000)
  RINGBOOK_JOURNAL_SEGMENT_MIB    size of one journal file, in steps of 1/16 (default 64)
  RINGBOOK_SNAPSHOT_EVERY         commands between two snapshots: what a start replays at most (default 1000000)
  RINGBOOK_COMMAND_RING_SLOTS     commands that may wait for the core before new ones get 503 (default 65536)
  RINGBOOK_EVENT_RING_SLOTS       events that may wait for the gateway and the disk before the core does (default 131072)
  RINGBOOK_CLOSED_ORDERS          closed orders kept in memory; older ones come from the history (default 200000)
  RINGBOOK_CLOSED_HOLDS           ids of closed holds that the embedded ledger knows at most (default 1048576)
  RINGBOOK_ANSWER_TIMEOUT_MS      when an order that waits is answered 503, outcome unknown (default 30000)
  RINGBOOK_REDIS_URL              balances in this Redis (7.0 or later, persistent) rather than in the data folder
  RINGBOOK_AMQP_URL               events and jobs through this RabbitMQ (3.10 or later) rather than within the process
  RINGBOOK_METRICS_PORT           of workers and scheduler: loopback port for GET /metrics and /healthz (none unless set)
  RINGBOOK_INSTRUMENTS_FILE       JSON of the assets and instruments that the first start defines (README.md tells its form)`;

function flagged(command: Command): Command {
  for (const [flag, , help] of FLAGS) command.addOption(new Option(flag, help));
  return command.addHelpText('after', OTHER_VARIABLES);
}

function configurationOf(command: Command): Configuration {
  const options = command.opts<Record<string, string | undefined>>();
  const environment: Record<string, string | undefined> = { ...process.env };
  for (const [flag, variable] of FLAGS) {
    const name = new Option(flag).attributeName();
    if (options[name] !== undefined) environment[variable] = options[name];
  }
  return readConfiguration(environment);
}

const program = new Command('ringbook')
  .description('A spot exchange: Gemini-compatible API, durable before it answers.')
  .showHelpAfterError();

flagged(program.command('start'))
  .description('run the whole exchange in this process, until Ctrl-C')
  .action((_options: unknown, command: Command) => start(command, 'all-in-one'));

flagged(program.command('exchange'))
  .description('run an exchange without its consumers, which are `workers`, until Ctrl-C')
  .action((_options: unknown, command: Command) => start(command, 'exchange-only'));

async function start(command: Command, arrangement: Arrangement): Promise<void> {
  const { runStart } = await import('./main/start-command.ts');
  await runStart(configurationOf(command), arrangement);
}

addWorkersCommand(program, { flagged, configurationOf });

flagged(program.command('status'))
  .description('what the running exchange is doing')
  .option('--json', 'as JSON')
  .action((_options: unknown, command: Command) =>
    runStatus(configurationOf(command), command.opts<{ json?: boolean }>().json === true),
  );

flagged(program.command('audit'))
  .description(
    'prove, on a stopped or a running exchange, that nothing was lost, doubled or made up; exit code 1 if something was',
  )
  .option('--json', 'as JSON')
  .addOption(new Option('--running', 'as the running exchange does itself: the folder is its own').hideHelp())
  .action(async (_options: unknown, command: Command) => {
    const { runAudit } = await import('./main/audit-command.ts');
    const holds = await runAudit(configurationOf(command), command.opts<AuditOptions>());
    process.exitCode = holds ? 0 : 1;
  });

const journal = program.command('journal').description('what the exchange has promised to keep');
flagged(journal.command('verify'))
  .description('read every byte of journal, event log and snapshots; exit code 1 if any is damaged')
  .option('--json', 'as JSON')
  .action(async (_options: unknown, command: Command) => {
    const { runJournalVerify } = await import('./main/journal-command.ts');
    const isSound = runJournalVerify(configurationOf(command), command.opts<{ json?: boolean }>().json === true);
    process.exitCode = isSound ? 0 : 1;
  });

addLedgerCommands(program, { flagged, configurationOf });

addKlinesCommands(program, { flagged, configurationOf });

addReplayCommand(program);

addServicesCommand(program);

addAdminCommands(program, { flagged, configurationOf });

try {
  await program.parseAsync();
} catch (error) {
  // One sentence that says what to do; the stack is for programmer errors, which have no name of their own.
  const known = error instanceof Error && error.name !== 'Error' && error.name !== 'InvariantError';
  console.error(known || !(error instanceof Error) ? `ringbook: ${(error as Error).message}` : error.stack);
  process.exit(1);
}
