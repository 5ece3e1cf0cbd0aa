import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type LogReport, verifyLogs } from '../core/journal/verify-logs.ts';
import { NotADataFolderError } from '../workers/audit/stored-ledger.ts';
import { exchangeDatabasePath } from '../workers/storage/exchange-database.ts';
import type { Configuration } from './configuration.ts';

/**
 * `ringbook journal verify`: reads every byte of journal, event log and snapshots, and names the first damage.
 * @returns whether there is none: the exit code
 */
export function runJournalVerify(configuration: Configuration, asJson: boolean): boolean {
  const dataFolder = resolve(configuration.dataFolder);
  if (!existsSync(exchangeDatabasePath(dataFolder)))
    throw new NotADataFolderError(`${dataFolder} holds no exchange: name the folder with --data-dir`);
  let printedMs = performance.now();
  const report = verifyLogs(dataFolder, (file, filesDone, filesTotal) => {
    if (performance.now() - printedMs < 1_000) return;
    printedMs = performance.now();
    console.error(`verifying: ${filesDone} of ${filesTotal} files, ${file} …`);
  });
  if (asJson) {
    console.log(JSON.stringify(report, null, 2));
    return report.isSound;
  }
  console.log(describe('journal', 'commands', report.journal));
  console.log(describe('event log', 'events', report.events));
  for (const { path, commandSequence, problem } of report.snapshots)
    console.log(`snapshot   ${path}: ${problem ?? `valid, through command ${commandSequence}`}`);
  const { damage } = report;
  console.log(
    damage === null
      ? 'sound: nothing is damaged'
      : `DAMAGED: ${damage.file}, byte ${damage.offsetBytes}: ${damage.problem}`,
  );
  return report.isSound;
}

function describe(name: string, unit: string, log: LogReport): string {
  const torn = log.tornBytes > 0 ? `; ${log.tornBytes} torn bytes at the end, which the next start drops` : '';
  return (
    `${name.padEnd(10)} ${log.records} ${unit} (${log.firstSequence} … ${log.lastSequence}) in ${log.frames} frames, ` +
    `${log.segments} segments and ${log.archivedSegments} archived${torn}`
  );
}
