import type { StatusReport } from '../../main/status-report.ts';
import type { ExchangeProcess } from '../../test/support/exchange-process.ts';

/** @throws Error unless so many orders rest in the books of an exchange: what was acknowledged is there, and no more */
export async function requireResting({ sandbox }: ExchangeProcess, orders: number): Promise<void> {
  const headers = { Authorization: `Bearer ${sandbox.adminToken}` };
  const answer = await fetch(`${sandbox.adminUrl}/status`, { headers });
  const { restingOrders } = (await answer.json()) as StatusReport;
  if (restingOrders !== orders) throw new Error(`${orders} orders must rest in the books, ${restingOrders} do`);
}
