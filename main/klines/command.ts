import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { filledCandles, newestIntervals } from '../../core/klines/filled-candles.ts';
import { intervalEndMs, intervalStartMs, KLINE_SIZES, type KlineSize } from '../../core/klines/kline-calendar.ts';
import { MAX_KLINES } from '../../core/ports/klines.ts';
import { NotADataFolderError } from '../../workers/audit/stored-ledger.ts';
import { FolderCatalogue } from '../../workers/definitions/folder-catalogue.ts';
import { SqliteKlineStore } from '../../workers/klines/sqlite-kline-store.ts';
import { klinesDatabasePath } from '../../workers/storage/klines-database.ts';
import { callAdmin, RefusedError } from '../admin-client.ts';
import type { AdminCommandSupport } from '../admin-subcommand.ts';
import { type Configuration, ConfigurationError } from '../configuration.ts';
import { showProgress } from '../progress-bar.ts';
import { candleChart } from './candle-chart.ts';
import type { KlinesRebuildJson, KlinesRebuildState } from './rebuilds.ts';
import { rebuildStopped, type StoppedRebuild } from './stopped-rebuild.ts';

interface RebuildOptions {
  readonly from?: number;
  readonly to?: number;
  readonly verify?: boolean;
  readonly json?: boolean;
}

interface ChartOptions {
  readonly out?: string;
  readonly count: number;
  readonly to?: number;
}

const POLL_MS = 200;
const USUAL_CANDLES = 120;
const TIMES = 'as 2026-11-21, 2026-11-21T16:00 or milliseconds, in UTC';

const REBUILD_HELP = `
Sums the trades of history.sqlite again, minute by minute, and every larger size from those, and writes what differs: a
candle that was wrong gets its next revision. Works on a running exchange (it goes on meanwhile) and on a stopped one.
Exit code 1 when --verify has found anything. Interrupted anywhere, run it again.

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
    .option('--from <time>', `first moment, ${TIMES} (default: the first trade)`, moment)
    .option('--to <time>', 'first moment that is not looked at any more (default: now)', moment)
    .option('--verify', 'only compare and tell, change nothing')
    .option('--json', 'as JSON')
    .addHelpText('after', REBUILD_HELP)
    .action(async (symbols: readonly string[], _options: unknown, command: Command) => {
      const options = command.opts<RebuildOptions>();
      const report = await runRebuild(configurationOf(command), symbols, options);
      console.log(options.json === true ? JSON.stringify(report, null, 2) : describe(report));
      process.exitCode = report.ok ? 0 : 1;
    });
  flagged(klines.command('chart <symbol> <size>'))
    .description('draw the newest candles as an SVG picture')
    .option('--out <file>', 'where to write it (default: SYMBOL-SIZE.svg)')
    .option('--count <number>', `how many candles, 1 … ${MAX_KLINES}`, candleCount, USUAL_CANDLES)
    .option('--to <time>', `last moment to show, ${TIMES} (default: the last trade)`, moment)
    .addHelpText('after', CHART_HELP)
    .action((symbol: string, size: string, _options: unknown, command: Command) =>
      runChart(configurationOf(command), symbol, size, command.opts<ChartOptions>()),
    );
}

async function runRebuild(
  configuration: Configuration,
  symbols: readonly string[],
  { from, to, verify = false }: RebuildOptions,
): Promise<KlinesRebuildJson> {
  const dataFolder = requireKlines(configuration);
  const asked: StoppedRebuild = {
    dataFolder,
    fromMs: from ?? 0,
    toMs: to ?? Number.MAX_SAFE_INTEGER,
    symbols,
    isVerifyOnly: verify,
  };
  if (asked.fromMs >= asked.toMs) throw new ConfigurationError('--from must be before --to');
  const progress = showProgress();
  try {
    const stopped = await rebuildStopped(asked, (step, share) => progress.at(step, share));
    return stopped ?? (await rebuildRunning(configuration, asked, (step, share) => progress.at(step, share)));
  } finally {
    progress.done();
  }
}

/** Has the running exchange do it, and follows. Ctrl-C ends the rebuild as well. */
async function rebuildRunning(
  configuration: Configuration,
  { fromMs, toMs, symbols, isVerifyOnly }: StoppedRebuild,
  onProgress: (step: string, share: number) => void,
): Promise<KlinesRebuildJson> {
  const wanted = { fromMs, toMs, verify: isVerifyOnly, ...(symbols.length === 0 ? {} : { symbols }) };
  let state = await callRebuild(configuration, wanted);
  const cancel = (): void => void callAdmin(configuration, '/klines/rebuild/cancel', {}).catch(() => undefined);
  process.once('SIGINT', cancel);
  while (state.state === 'running') {
    onProgress(state.step, state.share);
    await sleep(POLL_MS);
    state = (await callAdmin(configuration, '/klines/rebuild')) as KlinesRebuildState;
  }
  process.off('SIGINT', cancel);
  if (state.report !== null) return state.report;
  throw new ConfigurationError(
    `the rebuild was ${state.state}${state.problem === null ? '' : `: ${state.problem}`}; what it had put right stays right. Run it again.`,
  );
}

/** @throws ConfigurationError for an exchange that is split over processes: candles are made in another one there */
async function callRebuild(configuration: Configuration, wanted: object): Promise<KlinesRebuildState> {
  try {
    return (await callAdmin(configuration, '/klines/rebuild', wanted)) as KlinesRebuildState;
  } catch (error) {
    if (!(error instanceof RefusedError && error.reason === 'EndpointNotFound')) throw error;
    throw new ConfigurationError(
      'this exchange is split over processes: stop them all, then rebuild. Its standing jobs check and repair candles meanwhile.',
      { cause: error },
    );
  }
}

async function runChart(
  configuration: Configuration,
  symbol: string,
  sizeText: string,
  { out, count, to }: ChartOptions,
): Promise<void> {
  const dataFolder = requireKlines(configuration);
  const size = KLINE_SIZES.find((known) => known === sizeText);
  if (size === undefined)
    throw new ConfigurationError(`there are no candles of size ${sizeText}; sizes are ${KLINE_SIZES.join(' ')}`);
  const catalogue = new FolderCatalogue(dataFolder).complete();
  const instrument = catalogue.instrumentBySymbol(symbol.toLowerCase());
  if (instrument === undefined) {
    const known = catalogue.instruments().map((each) => each.symbol);
    throw new ConfigurationError(`there is no instrument ${symbol}; there are ${known.join(', ')}`);
  }
  const store = await SqliteKlineStore.open(dataFolder);
  try {
    const span = await store.spanMs(instrument.instrumentId);
    const lastMs = to === undefined ? span?.lastMs : to - 1;
    if (span === undefined || lastMs === undefined)
      throw new ConfigurationError(`${symbol} was never traded: nothing to draw`);
    const { fromMs, toMs } = newestIntervals(size, await newestMs(store, instrument.instrumentId, size, lastMs), count);
    const candles = filledCandles(await store.klines(instrument.instrumentId, size, fromMs, toMs), size, fromMs, toMs);
    if (candles.length === 0) throw new ConfigurationError(`${symbol} was not traded before that: nothing to draw`);
    const path = resolve(out ?? `${instrument.symbol}-${size}.svg`);
    writeFileSync(path, candleChart({ instrument, size, candles }));
    console.log(`${candles.length} candles drawn: ${path}`);
  } finally {
    await store.close();
  }
}

/** Where there is a candle in the asked-for moment's interval that is the end, else the moment itself. */
async function newestMs(
  store: SqliteKlineStore,
  instrumentId: number,
  size: KlineSize,
  lastMs: number,
): Promise<number> {
  const fromMs = intervalStartMs(size, lastMs);
  const found = await store.within(instrumentId, size, fromMs, intervalEndMs(size, lastMs));
  return found[0]?.openMs ?? lastMs;
}

function requireKlines({ dataFolder: folder }: Configuration): string {
  const dataFolder = resolve(folder);
  if (existsSync(klinesDatabasePath(dataFolder))) return dataFolder;
  throw new NotADataFolderError(
    `${dataFolder} holds no candles: name the folder with --data-dir, or start the exchange once, which makes them`,
  );
}

function describe({ ok, checked, differing, corrected, differences }: KlinesRebuildJson): string {
  const lines = differences.slice(0, 20).map(({ instrumentId, size, open, problem, fields }) => {
    const values = Object.entries(fields).map(([name, [stored, right]]) => `${name} ${stored}, should be ${right}`);
    return `${problem}: instrument ${instrumentId}, ${size} of ${open}${values.length === 0 ? '' : `: ${values.join('; ')}`}`;
  });
  if (differing > lines.length) lines.push(`and ${differing - lines.length} more`);
  const outcome = ok
    ? corrected > 0
      ? `, ${corrected} put right`
      : ': all are what their trades say'
    : `, ${differing} DIFFER`;
  return [...lines, `${checked} candles compared with their trades${outcome}`].join('\n');
}

function moment(text: string): number {
  const timestampMs = /^[0-9]{1,15}$/.test(text) ? Number(text) : Date.parse(isoText(text));
  if (Number.isSafeInteger(timestampMs) && timestampMs >= 0) return timestampMs;
  throw new InvalidArgumentError(`It must be a time ${TIMES}.`);
}

/** Times without a zone are UTC here, whatever zone the host is in. */
function isoText(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return `${text}T00:00:00Z`;
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/.test(text) ? `${text}Z` : text;
}

function candleCount(text: string): number {
  const count = Number(text);
  if (/^[0-9]{1,4}$/.test(text) && count >= 1 && count <= MAX_KLINES) return count;
  throw new InvalidArgumentError(`It must be a whole number, 1 … ${MAX_KLINES}.`);
}
