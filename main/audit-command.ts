import { resolve } from 'node:path';
import { DEFAULT_ENGINE_LIMITS } from '../core/engine/engine.ts';
import { checkDataFolder } from '../workers/audit/offline-check.ts';
import { lockFolder } from '../workers/storage/folder-lock.ts';
import type { Configuration } from './configuration.ts';

/**
 * `ringbook audit`: proves what always holds, on a stopped exchange.
 * @returns whether everything holds: the exit code
 */
export async function runAudit(configuration: Configuration, asJson: boolean): Promise<boolean> {
  const dataFolder = resolve(configuration.dataFolder);
  const lock = await lockFolder(dataFolder, 'exchange');
  try {
    const report = await checkDataFolder(dataFolder, { ...DEFAULT_ENGINE_LIMITS, maxOrders: configuration.maxOrders });
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
