import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { DiskFaults } from '../support/disk-faults.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { expectSound } from '../support/sound.ts';
import { TradingLoad } from '../support/trading-load.ts';

const ERRORS = [
  ['journal', 'write', /journal: .*EIO/],
  ['journal', 'sync', /journal: .*EIO/],
  ['events', 'write', /events: .*EIO/],
  ['events', 'sync', /events: .*EIO/],
  ['ledger', 'commit', /exchange\.sqlite: COMMIT: SQLITE_IOERR/],
  ['history', 'commit', /history\.sqlite: COMMIT: SQLITE_IOERR/],
] as const;
const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 40 : ERRORS.length;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`a write, sync or commit that fails under load ends the process with a reason, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: ROUNDS * 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-eio-'));
  const disk = new DiskFaults();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const [target, operation, reason] = ERRORS[round % ERRORS.length]!;
      const when = `round ${round}: ${target} ${operation} failed (SEED=${seed})`;
      const exchange = await ExchangeProcess.start(folder, disk.environment);
      const load = new TradingLoad(exchange.sandbox.accounts, random);
      const running = load.run(exchange.sandbox.baseUrl, 4, round);
      await sleep(random.between(50, 250));
      disk.fail(target, operation);
      expect(await exchange.ended, when).toBe(70);
      expect(exchange.output, when).toMatch(reason);
      expect(exchange.output, when).toContain('Start it again: everything acknowledged is recovered.');
      await running;
      disk.heal();
      const { stateHash } = await expectSound(folder, `${when}, before the restart`);

      const restarted = await ExchangeProcess.start(folder);
      expect((await restarted.status()).start.stateHash, when).toBe(stateHash);
      await expectAcknowledgedOnce(restarted.sandbox.baseUrl, load.orders, when);
      expect(await restarted.stop()).toBe(0);
      await expectSound(folder, `${when}, after the restart`);
    }
  } finally {
    disk.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});
