import { expect } from 'vitest';
import type { CheckReport } from '../../workers/audit/check-report.ts';
import { checkDataFolder } from '../../workers/audit/offline-check.ts';

/** The oracle of every fault test: what always holds, holds. @param when for the message of a failure, seed included */
export async function expectSound(dataFolder: string, when: string): Promise<CheckReport> {
  const report = await checkDataFolder(dataFolder);
  expect(
    report.statements.flatMap(({ findings }) => findings),
    when,
  ).toEqual([]);
  expect(report.ok, when).toBe(true);
  expect(report.commandCount, when).toBeGreaterThan(0);
  return report;
}
