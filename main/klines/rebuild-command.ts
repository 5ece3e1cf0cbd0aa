import { setTimeout as sleep } from 'node:timers/promises';
import { callAdmin, RefusedError } from '../admin-client.ts';
import { type Configuration, ConfigurationError } from '../configuration.ts';
import { showProgress } from '../progress-bar.ts';
import type { RebuildOptions } from './command.ts';
import { requireKlines } from './data-folder.ts';
import type { KlinesRebuildJson, KlinesRebuildState } from './rebuilds.ts';
import { rebuildStopped, type StoppedRebuild } from './stopped-rebuild.ts';

const POLL_MS = 200;

/** `ringbook klines rebuild`. @returns whether nothing differs now, or with --verify differed: the exit code */
export async function runRebuild(
  configuration: Configuration,
  symbols: readonly string[],
  options: RebuildOptions,
): Promise<boolean> {
  const report = await rebuild(configuration, symbols, options);
  console.log(options.json === true ? JSON.stringify(report, null, 2) : describe(report));
  return report.ok;
}

async function rebuild(
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
