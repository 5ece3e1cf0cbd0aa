import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { auditDataFolder } from '../../workers/audit/audit.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { expectSound } from '../support/sound.ts';
import { TradingLoad } from '../support/trading-load.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`a real exchange is audited from another process under load, and does not notice (SEED=${seed})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-audit-'));
  try {
    const exchange = await ExchangeProcess.start(folder);
    const { baseUrl, accounts } = exchange.sandbox;
    const load = new TradingLoad(accounts, new RandomIntegers(seed));
    const running = load.run(baseUrl, 8, 0);
    const commandCounts: number[] = [];
    for (let audit = 0; audit < 10; audit++) {
      const report = await auditDataFolder(folder, { isRunning: true });
      const findings = report.statements.flatMap((statement) => statement.findings);
      expect(findings, `audit ${audit} (SEED=${seed})`).toEqual([]);
      commandCounts.push(report.commandCount);
    }
    expect(commandCounts.at(-1)).toBeGreaterThan(commandCounts[0]!);
    await exchange.kill();
    await running;
    await expectSound(folder, `after the kill (SEED=${seed})`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
