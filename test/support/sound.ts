import { expect } from 'vitest';
import { auditDataFolder } from '../../workers/audit/audit.ts';
import type { AuditReport } from '../../workers/audit/check-report.ts';

/** The oracle of every fault test: what always holds, holds. @param when for the message of a failure, seed included */
export async function expectSound(dataFolder: string, when: string): Promise<AuditReport> {
  const report = await auditDataFolder(dataFolder);
  expect(
    report.statements.flatMap(({ findings }) => findings),
    when,
  ).toEqual([]);
  expect(report.ok, when).toBe(true);
  expect(report.commandCount, when).toBeGreaterThan(0);
  return report;
}
