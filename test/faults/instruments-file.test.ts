import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { ONE_MARKET_FILE } from '../support/one-market-file.ts';
import { expectSound } from '../support/sound.ts';

test("the journal's instruments rule: a file seeds the first start, and is refused by name once it differs", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-instruments-'));
  const dataFolder = join(folder, 'data');
  const path = join(folder, 'instruments.json');
  const start = (): Promise<ExchangeProcess> => ExchangeProcess.start(dataFolder, { RINGBOOK_INSTRUMENTS_FILE: path });
  const symbols = async (exchange: ExchangeProcess): Promise<unknown> =>
    (await fetch(`${exchange.sandbox.baseUrl}/v1/symbols`)).json();
  try {
    writeFileSync(path, JSON.stringify(ONE_MARKET_FILE));
    const first = await start();
    expect(await symbols(first)).toEqual(['btceur']);
    await first.kill();

    writeFileSync(path, JSON.stringify(ONE_MARKET_FILE).replace('"0.01"', '"0.1"'));
    await expect(start()).rejects.toThrow(/instruments\.json differs .*\n.*btceur: tickSize is 0\.01 here, not 0\.1/);

    const withoutFile = await ExchangeProcess.start(dataFolder);
    expect(await symbols(withoutFile), 'no built-in market joins those of the file').toEqual(['btceur']);
    expect(await withoutFile.stop()).toBe(0);

    writeFileSync(path, JSON.stringify(ONE_MARKET_FILE));
    const again = await start();
    expect(await symbols(again)).toEqual(['btceur']);
    expect(await again.stop()).toBe(0);
    await expectSound(dataFolder, 'after three starts');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
