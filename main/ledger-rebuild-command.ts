import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { NotADataFolderError } from '../workers/audit/stored-ledger.ts';
import { exchangeDatabasePath } from '../workers/storage/exchange-database.ts';
import { type FolderLedger, readFolderLedger } from '../workers/storage/folder-ledger.ts';
import { SqliteDatabase } from '../workers/storage/sqlite-database.ts';
import { type Configuration, ConfigurationError } from './configuration.ts';
import { ALL_ROLES, lockRoles } from './folder-roles.ts';
import type { LedgerRebuildOptions } from './ledger-command.ts';
import { type LedgerRebuildReport, rebuildLedger } from './ledger-rebuild.ts';
import { showProgress } from './progress-bar.ts';

/** `ringbook ledger rebuild`. @returns whether everything agrees afterwards: the exit code */
export async function runLedgerRebuild(configuration: Configuration, options: LedgerRebuildOptions): Promise<boolean> {
  const dataFolder = resolve(configuration.dataFolder);
  if (!existsSync(exchangeDatabasePath(dataFolder)))
    throw new NotADataFolderError(`${dataFolder} holds no exchange: name the folder with --data-dir`);
  const { redisUrl } = configuration;
  const lock = await lockRoles(dataFolder, ALL_ROLES); // workers of a split exchange too: they write the ledger
  const progress = showProgress();
  try {
    const to = options.to ?? (redisUrl === undefined ? await presentLedger(dataFolder) : 'redis');
    if (to === 'redis' && redisUrl === undefined)
      throw new ConfigurationError(
        'the ledger of this data folder is in Redis: name the Redis to rebuild it in by RINGBOOK_REDIS_URL, or take it into the folder by --to embedded',
      );
    const report = await rebuildLedger({
      dataFolder,
      redisUrl,
      to,
      mayReplaceForeign: options.replace === true,
      onProgress: (step, share) => progress.at(step, share),
      onWarning: (warning) => console.error(warning),
    });
    progress.done();
    console.log(options.json === true ? JSON.stringify(report, null, 2) : describe(report));
    return report.ok;
  } finally {
    progress.done();
    await lock.release();
  }
}

async function presentLedger(dataFolder: string): Promise<FolderLedger['kind']> {
  const database = await SqliteDatabase.openReader(exchangeDatabasePath(dataFolder));
  try {
    return (await readFolderLedger(database))?.kind ?? 'embedded';
  } finally {
    await database.close();
  }
}

function describe(report: LedgerRebuildReport): string {
  const { ok, to, epoch, archivedFirst, eventSequence, ledgerSequence } = report;
  const place = to === 'redis' ? `in Redis, epoch ${epoch}` : 'in exchange.sqlite';
  return [
    `the ledger is ${place}: settled through event ${eventSequence}, change ${ledgerSequence}`,
    ...(archivedFirst === null ? [] : [`${archivedFirst} changes that the old Redis still had were archived first`]),
    `${report.settledEvents} events settled again and ${report.releasedHolds} holds that no command used given back, by ${report.entriesWritten} entries; ` +
      `${report.correctedBalances} balances corrected`,
    ...(to === 'redis' ? [`${report.comparedFacts} facts of Redis compared with exchange.sqlite`] : []),
    ...report.findings.map((finding) => `BROKEN ${finding}`),
    ok
      ? 'proved equal to what journal and transfers say: start the exchange'
      : 'NOT proved: do not start the exchange. `audit` tells the same again; restore the files it names, and rebuild again',
  ].join('\n');
}
