import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { auditDataFolder } from '../workers/audit/audit.ts';
import type { OnProgress } from '../workers/audit/audit-progress.ts';
import { NotADataFolderError } from '../workers/audit/stored-ledger.ts';
import { exchangeDatabasePath } from '../workers/storage/exchange-database.ts';
import type { Configuration } from './configuration.ts';
import { lockUnlessRunning } from './lock-unless-running.ts';
import { compareStoppedLedger } from './stopped-ledger.ts';

/**
 * `ringbook audit`: proves what always holds. A stopped exchange is kept from starting meanwhile; a running one is audited
 * at a cut and does not notice.
 * @returns whether everything holds: the exit code
 */
export async function runAudit(configuration: Configuration, asJson: boolean): Promise<boolean> {
  const dataFolder = resolve(configuration.dataFolder);
  if (!existsSync(exchangeDatabasePath(dataFolder)))
    throw new NotADataFolderError(`${dataFolder} holds no exchange: name the folder with --data-dir`);
  const lock = await lockUnlessRunning(dataFolder);
  try {
    const ledgerComparison = lock === null ? null : await compareStoppedLedger(dataFolder, configuration.redisUrl);
    const options = { isRunning: lock === null, ledgerComparison, onProgress: printProgress() };
    const report = await auditDataFolder(dataFolder, options);
    if (asJson) {
      console.log(JSON.stringify(report, null, 2));
      return report.ok;
    }
    for (const { number, title, ok, checked, findingCount, findings } of report.statements) {
      console.log(`${ok ? 'holds ' : 'BROKEN'} ${number}. ${title} (${checked} facts checked)`);
      for (const finding of findings) console.log(`         ${finding}`);
      if (findingCount > findings.length) console.log(`         and ${findingCount - findings.length} more`);
    }
    if (report.replayedFromCommand > 1)
      console.log(
        `proved from command ${report.replayedFromCommand} on: what is older is taken from ${report.replayedFromSnapshot}`,
      );
    console.log(
      `${report.commandCount} commands, ${report.eventCount} events, ${report.entryCount} balance entries, ` +
        `${report.restingOrders} resting orders, state ${report.stateHash ?? 'unknown'}; ${report.unsettledEvents} events not settled yet`,
    );
    return report.ok;
  } finally {
    await lock?.release();
  }
}

/** A long audit says where it is, at most once a second, beside what a program reads. */
function printProgress(): OnProgress {
  let printedMs = performance.now();
  return (stage, percent) => {
    if (performance.now() - printedMs < 1_000) return;
    printedMs = performance.now();
    console.error(`auditing: ${stage}, ${percent} % …`);
  };
}
