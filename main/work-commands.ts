import type { Command } from 'commander';
import { type AdminCommandSupport, addSubcommand, SINCE_HELP, wholeNumber } from './admin-subcommand.ts';
import { timeOption } from './time-option.ts';

/** `parked` and `notices`: what came to nothing, and what the exchange has told its operators. */
export function addWorkCommands(program: Command, support: AdminCommandSupport): void {
  const parked = program.command('parked').description('jobs that came to nothing and wait for you');
  addSubcommand(parked, support, {
    usage: 'list',
    description: 'parked jobs, the oldest first, with the reason of each',
    options: (command) =>
      command
        .option('--type <type>', 'of one type only, such as transfer')
        .option('--limit <number>', 'rows at most (default 50)', wholeNumber),
    call: (_names, { type, limit }) => ({ path: '/parked/list', input: { type, limit } }),
    columns: ['id', 'type', 'jobId', 'cause', 'attempt', 'hops', 'reason'],
  });
  addSubcommand(parked, support, {
    usage: 'show <id>',
    description: 'one parked job, whole, with its payload',
    call: ([id]) => ({ path: '/parked/show', input: { id } }),
  });
  addSubcommand(parked, support, {
    usage: 'replay <id>',
    description: 'have it done again, as if it were new: once what it failed for is mended',
    call: ([id]) => ({ path: '/parked/replay', input: { id } }),
  });
  addSubcommand(parked, support, {
    usage: 'replay-all',
    description: 'have all of them done again, a thousand at a time',
    options: (command) => command.option('--type <type>', 'of one type only, such as transfer'),
    call: (_names, { type }) => ({ path: '/parked/replay-all', input: { type } }),
  });
  addSubcommand(parked, support, {
    usage: 'drop <id>',
    description: 'forget it for ever',
    call: ([id]) => ({ path: '/parked/drop', input: { id } }),
  });

  const notices = program.command('notices').description('what the exchange has told its operators');
  addSubcommand(notices, support, {
    usage: 'list',
    description: 'notices, the newest first',
    options: (command) =>
      command
        .option('--kind <kind>', 'of one kind only, such as ledger-unavailable or job-parked')
        .option('--since <time>', SINCE_HELP, timeOption)
        .option('--limit <number>', 'rows at most (default 50)', wholeNumber),
    call: (_names, { kind, since, limit }) => ({ path: '/notices/list', input: { kind, sinceMs: since, limit } }),
    columns: ['raisedMs', 'kind', 'text'],
  });
  addSubcommand(notices, support, {
    usage: 'raise <text>',
    description: 'tell something yourself, for whoever reads them later',
    call: ([text]) => ({ path: '/notices', input: { text } }),
  });
}
