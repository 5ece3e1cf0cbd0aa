import { type Command, Option } from 'commander';
import type { FolderLedger } from '../workers/storage/folder-ledger.ts';
import type { AdminCommandSupport } from './admin-subcommand.ts';

export interface LedgerRebuildOptions {
  readonly to?: FolderLedger['kind'];
  readonly replace?: boolean;
  readonly json?: boolean;
}

const REBUILD_HELP = `
The exchange must be stopped; a paused one loses nothing by it. From journal and transfers alone it makes again what a
lost, emptied, older or half-written Redis lacks, with its entries, loads Redis under a new epoch, compares the two
balance by balance, and runs the audit. Interrupted anywhere, run it again. Then start the exchange.

  RINGBOOK_REDIS_URL=redis://…  ringbook ledger rebuild                 into that Redis; an embedded folder moves there
  RINGBOOK_REDIS_URL=redis://…  ringbook ledger rebuild --to embedded   back into the data folder
`;

/** `ledger`: where the balances are, made anew. */
export function addLedgerCommands(program: Command, { flagged, configurationOf }: AdminCommandSupport): void {
  const ledger = program.command('ledger').description('where the balances are');
  flagged(ledger.command('rebuild'))
    .description(
      'make the ledger of a stopped exchange anew from journal and transfers, and prove it; exit code 1 if it differs',
    )
    .addOption(
      new Option('--to <place>', 'redis or embedded (default: redis when RINGBOOK_REDIS_URL is set)').choices([
        'redis',
        'embedded',
      ]),
    )
    .option('--replace', 'even a ledger that another data folder has in that Redis: it is lost')
    .option('--json', 'as JSON')
    .addHelpText('after', REBUILD_HELP)
    .action(async (_options: unknown, command: Command) => {
      const { runLedgerRebuild } = await import('./ledger-rebuild-command.ts');
      const isProved = await runLedgerRebuild(configurationOf(command), command.opts<LedgerRebuildOptions>());
      process.exitCode = isProved ? 0 : 1;
    });
}
