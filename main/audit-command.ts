import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { EngineLimits } from '../core/engine/engine.ts';
import { checkDataFolder } from '../workers/audit/offline-check.ts';
import { NotADataFolderError } from '../workers/audit/stored-ledger.ts';
import { readEngineLimits } from '../workers/storage/engine-limits.ts';
import { exchangeDatabasePath } from '../workers/storage/exchange-database.ts';
import { lockFolder } from '../workers/storage/folder-lock.ts';
import { SqliteDatabase } from '../workers/storage/sqlite-database.ts';
import type { Configuration } from './configuration.ts';

/**
 * `ringbook audit`: proves what always holds, on a stopped exchange.
 * @returns whether everything holds: the exit code
 */
export async function runAudit(configuration: Configuration, asJson: boolean): Promise<boolean> {
  const dataFolder = resolve(configuration.dataFolder);
  if (!existsSync(exchangeDatabasePath(dataFolder)))
    throw new NotADataFolderError(`${dataFolder} holds no exchange: name the folder with --data-dir`);
  const lock = await lockFolder(dataFolder, 'exchange');
  try {
    const report = await checkDataFolder(dataFolder, await limitsOf(dataFolder));
    if (asJson) {
      console.log(JSON.stringify(report, null, 2));
      return report.ok;
    }
    for (const { number, title, ok, checked, findingCount, findings } of report.statements) {
      console.log(`${ok ? 'holds ' : 'BROKEN'} ${number}. ${title} (${checked} facts checked)`);
      for (const finding of findings) console.log(`         ${finding}`);
      if (findingCount > findings.length) console.log(`         and ${findingCount - findings.length} more`);
    }
    console.log(
      `${report.commandCount} commands, ${report.eventCount} events, ${report.entryCount} balance entries, ` +
        `${report.restingOrders} resting orders, state ${report.stateHash ?? 'unknown'}; ${report.unsettledEvents} events not settled yet`,
    );
    return report.ok;
  } finally {
    await lock.release();
  }
}

async function limitsOf(dataFolder: string): Promise<EngineLimits> {
  const database = await SqliteDatabase.open(exchangeDatabasePath(dataFolder), true);
  try {
    return await readEngineLimits(database);
  } finally {
    await database.close();
  }
}
