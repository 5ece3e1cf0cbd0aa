import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ExchangeProcess, MAIN } from '../support/exchange-process.ts';
import { type Answer, signedPost } from '../support/signed-client.ts';
import { SmallDisk } from '../support/small-disk.ts';

const ORDER = { symbol: 'btcusd', amount: '0.001', price: '100.00', side: 'buy', type: 'exchange limit' };

test('a disk that fills up: 503 for new orders, those taken wait and are answered once there is space', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-full-'));
  const disk = await SmallDisk.mount(folder, 16);
  let exchange: ExchangeProcess | null = null;
  try {
    exchange = await ExchangeProcess.start(join(folder, 'data'), {}, disk);
    const { baseUrl, accounts } = exchange.sandbox;
    let sent = 0;
    const place = (): Promise<Answer> =>
      signedPost(baseUrl, accounts[0]!, '/v1/order/new', { ...ORDER, client_order_id: `order-${sent++}` });
    for (let count = 0; count < 20; count++) expect((await place()).status).toBe(200);

    disk.fill();
    const answers: Promise<Answer>[] = [];
    let isRefused = false;
    for (let count = 0; count < 400 && !isRefused; count++) {
      const answer = place();
      answers.push(answer);
      answer.then(({ status }) => {
        isRefused ||= status === 503;
      });
      await sleep(20);
    }
    expect(isRefused, 'an order refused for want of disk space').toBe(true);
    expect((await place()).body).toMatchObject({ result: 'error', reason: 'Maintenance' });
    expect((await fetch(`${baseUrl}/v1/book/btcusd`)).status).toBe(200);

    disk.empty();
    const settled = await Promise.all(answers);
    const statuses = settled.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    await waitUntilTaken(place);
    const open = await signedPost(baseUrl, accounts[0]!, '/v1/orders');
    expect(open.body).toHaveLength(20 + statuses.filter((status) => status === 200).length + 1);

    expect(await exchange.stop()).toBe(0);
    exchange = null;
    expectSound(disk, join(folder, 'data'));
  } finally {
    await exchange?.kill();
    disk.unmount();
    rmSync(folder, { recursive: true, force: true });
  }
});

async function waitUntilTaken(place: () => Promise<Answer>): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const { status } = await place();
    if (status === 200) return;
    expect(status).toBe(503);
    await sleep(100);
  }
  throw new Error('orders are still refused five seconds after space was made');
}

function expectSound(disk: SmallDisk, dataFolder: string): void {
  const [program = '', ...args] = [...disk.command, process.execPath, MAIN, 'audit'];
  const audit = spawnSync(program, args, { env: { ...process.env, RINGBOOK_DATA_DIR: dataFolder }, encoding: 'utf8' });
  expect(audit.stdout).not.toContain('BROKEN');
  expect(audit.status, audit.stdout + audit.stderr).toBe(0);
}
