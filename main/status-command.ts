import { callAdmin } from './admin-client.ts';
import type { Configuration } from './configuration.ts';
import { formatStatus, type StatusReport } from './status-report.ts';

/** `ringbook status`: asks the running exchange of a data folder over its admin port. */
export async function runStatus(configuration: Configuration, asJson: boolean): Promise<void> {
  const report = (await callAdmin(configuration, '/status')) as StatusReport;
  console.log(asJson ? JSON.stringify(report, null, 2) : formatStatus(report));
}
