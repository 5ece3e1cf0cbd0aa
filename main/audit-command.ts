import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { auditDataFolder } from '../workers/audit/audit.ts';
import type { OnProgress } from '../workers/audit/audit-progress.ts';
import type { AuditReport } from '../workers/audit/check-report.ts';
import { NotADataFolderError } from '../workers/audit/stored-ledger.ts';
import { exchangeDatabasePath } from '../workers/storage/exchange-database.ts';
import { callAdmin } from './admin-client.ts';
import type { Configuration } from './configuration.ts';
import { lockUnlessRunning } from './lock-unless-running.ts';
import { compareStoppedLedger } from './stopped-ledger.ts';

const MAX_TOLD_FINDINGS = 20;

export interface AuditOptions {
  readonly json?: boolean;
  /** The folder's lock is not tried: taken just as its exchange dies, it would keep the next start away. */
  readonly running?: boolean;
}

/**
 * `ringbook audit`: proves what always holds. A stopped exchange is kept from starting meanwhile; a running one is audited
 * at a cut and does not notice.
 * @returns whether everything holds: the exit code
 */
export async function runAudit(
  configuration: Configuration,
  { json: asJson = false, running: isKnownToRun = false }: AuditOptions,
): Promise<boolean> {
  const dataFolder = resolve(configuration.dataFolder);
  if (!existsSync(exchangeDatabasePath(dataFolder)))
    throw new NotADataFolderError(`${dataFolder} holds no exchange: name the folder with --data-dir`);
  const lock = isKnownToRun ? null : await lockUnlessRunning(dataFolder);
  try {
    const ledgerComparison = lock === null ? null : await compareStoppedLedger(dataFolder, configuration.redisUrl);
    const options = { isRunning: lock === null, ledgerComparison, onProgress: printProgress() };
    const report = await auditDataFolder(dataFolder, options);
    if (lock === null && !report.ok) await tellExchange(configuration, report);
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

/** Whoever reads the notices of the exchange learns of it too, not only who runs the audit. */
async function tellExchange(configuration: Configuration, { statements }: AuditReport): Promise<void> {
  const broken = statements.filter(({ ok }) => !ok);
  const text = `the audit found broken: ${broken.map(({ number, title }) => `${number}. ${title}`).join('; ')}`;
  const facts = { findings: broken.flatMap(({ findings }) => findings).slice(0, MAX_TOLD_FINDINGS) };
  try {
    await callAdmin(configuration, '/notices', { kind: 'audit-breach', text: text.slice(0, 1_000), facts });
  } catch (error) {
    console.error(`the running exchange could not be told: ${(error as Error).message}`);
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
