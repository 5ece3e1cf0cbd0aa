import { type Command, InvalidArgumentError } from 'commander';
import type { AdminCommandSupport } from './admin-subcommand.ts';
import type { Configuration } from './configuration.ts';
import { WORKER_ROLES, type WorkerRole } from './worker-roles.ts';

const HELP = `
A split exchange is one \`exchange\` and the workers that consume its events, on one host, over one data folder, with one
Redis and one RabbitMQ (RINGBOOK_REDIS_URL, RINGBOOK_AMQP_URL; \`services\` starts some). Each role is one process:
  settlement   moves balances in Redis as fills say
  history      stores orders and trades in history.sqlite
  audit-tap    checks the stream as it goes by
  klines       makes candles: left to \`scheduler\`, whose jobs prove and complete them, unless it is named
They may be started and stopped in any order and come back where they were. All roles must run somewhere: the event log
keeps what the slowest of them lacks.

  npm run ringbook -- workers                              settlement, history and audit tap in one process
  npm run ringbook -- workers --only settlement,history    some of them`;

/** `workers` and `scheduler`: what runs beside an exchange that is split over processes. */
export function addWorkersCommand(program: Command, { flagged, configurationOf }: AdminCommandSupport): void {
  flagged(program.command('workers'))
    .description("run consumers of a split exchange's events, until Ctrl-C")
    .option(
      '--only <roles>',
      `some of ${WORKER_ROLES.join(', ')}, with commas between them`,
      parseRoles,
      WORKER_ROLES.filter((role) => role !== 'klines'),
    )
    .addHelpText('after', HELP)
    .action((_options: unknown, command: Command) =>
      runWorkers(configurationOf(command), command.opts<{ only: readonly WorkerRole[] }>().only, false),
    );
  flagged(program.command('scheduler'))
    .description(
      'run the candles and the scheduled jobs of a split exchange, until Ctrl-C; `jobs` shows and changes them',
    )
    .action((_options: unknown, command: Command) => runWorkers(configurationOf(command), ['klines'], true));
}

function parseRoles(text: string): readonly WorkerRole[] {
  const roles = [...new Set(text.split(',').map((role) => role.trim()))];
  const unknown = roles.filter((role) => !(WORKER_ROLES as readonly string[]).includes(role));
  if (unknown.length > 0)
    throw new InvalidArgumentError(`${unknown.join(', ')}: known are ${WORKER_ROLES.join(', ')}.`);
  return roles as WorkerRole[];
}

/** Loaded only here: no other command pays for it. */
async function runWorkers(
  configuration: Configuration,
  roles: readonly WorkerRole[],
  isScheduler: boolean,
): Promise<void> {
  const program = await import('./run-workers.ts');
  await program.runWorkers(configuration, roles, isScheduler);
}
