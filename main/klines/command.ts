import { type Command, InvalidArgumentError } from 'commander';
import { KLINE_SIZES } from '../../core/klines/kline-calendar.ts';
import { MAX_KLINES } from '../../core/ports/klines.ts';
import type { AdminCommandSupport } from '../admin-subcommand.ts';
import { TIMES, timeOption } from '../time-option.ts';

export interface RebuildOptions {
  readonly from?: number;
  readonly to?: number;
  readonly verify?: boolean;
  readonly json?: boolean;
}

export interface ChartOptions {
  readonly out?: string;
  readonly count: number;
  readonly to?: number;
}

const USUAL_CANDLES = 120;

const REBUILD_HELP = `
Sums the trades of history.sqlite again, minute by minute, and every larger size from those, and writes what differs: a
candle that was wrong gets its next revision. Works on a running exchange (it goes on meanwhile) and on a stopped one.
Exit code 1 when --verify has found anything: it compares the trades that the candles of a stopped exchange have, and
leaves those that they lack to the next start, or to a rebuild. Interrupted anywhere, run it again.

  ringbook klines rebuild                                    everything
  ringbook klines rebuild btcusd --from 2026-11-01 --verify  only look`;

const CHART_HELP = `
Draws what is stored, whether or not the exchange runs. Sizes: ${KLINE_SIZES.join(' ')}

  ringbook klines chart btcusd 1h --out btcusd.svg
  ringbook klines chart ethusd 1d --count 365 --to 2026-12-31 --out year.svg`;

/** `klines`: candles, recomputed and drawn. */
export function addKlinesCommands(program: Command, { flagged, configurationOf }: AdminCommandSupport): void {
  const klines = program.command('klines').description('candles of all sizes, and what proves and draws them');
  flagged(klines.command('rebuild [symbols...]'))
    .description(
      'recompute candles from the trades, and put right what differs; exit code 1 if --verify finds anything',
    )
    .option('--from <time>', `first moment, ${TIMES} (default: the first trade)`, timeOption)
    .option('--to <time>', 'first moment that is not looked at any more (default: now)', timeOption)
    .option('--verify', 'only compare and tell, change nothing')
    .option('--json', 'as JSON')
    .addHelpText('after', REBUILD_HELP)
    .action(async (symbols: readonly string[], _options: unknown, command: Command) => {
      const { runRebuild } = await import('./rebuild-command.ts');
      const isRight = await runRebuild(configurationOf(command), symbols, command.opts<RebuildOptions>());
      process.exitCode = isRight ? 0 : 1;
    });
  flagged(klines.command('chart <symbol> <size>'))
    .description('draw the newest candles as an SVG picture')
    .option('--out <file>', 'where to write it (default: SYMBOL-SIZE.svg)')
    .option('--count <number>', `how many candles, 1 … ${MAX_KLINES}`, candleCount, USUAL_CANDLES)
    .option('--to <time>', `last moment to show, ${TIMES} (default: the last trade)`, timeOption)
    .addHelpText('after', CHART_HELP)
    .action(async (symbol: string, size: string, _options: unknown, command: Command) => {
      const { runChart } = await import('./chart-command.ts');
      await runChart(configurationOf(command), symbol, size, command.opts<ChartOptions>());
    });
}

function candleCount(text: string): number {
  const count = Number(text);
  if (/^[0-9]{1,4}$/.test(text) && count >= 1 && count <= MAX_KLINES) return count;
  throw new InvalidArgumentError(`It must be a whole number, 1 … ${MAX_KLINES}.`);
}
