import { expect, test } from 'vitest';
import { startRabbitmq } from '../support/servers/test-servers.ts';
import { signedPost } from '../support/signed-client.ts';
import { limitOrder, splitExchange } from '../support/split-fixture.ts';
import { waitUntil } from '../support/wait-until.ts';

const TOKEN = 'a token of sixteen or more';

const fixture = splitExchange(startRabbitmq);

/** @returns where a worker has said that its metrics are */
function addressIn(output: string): string {
  return /^metrics: (\S+)$/m.exec(output)![1]!;
}

async function read(url: string, token?: string): Promise<{ status: number; text: string }> {
  const headers = { Connection: 'close', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { headers });
  return { status: response.status, text: await response.text() };
}

function figure(text: string, name: string): number {
  const line = text.split('\n').find((found) => found.startsWith(`ringbook_${name} `));
  return Number(line?.slice(line.lastIndexOf(' ')));
}

test('workers tell their metrics where a port is set: lag, batches, reconnects', { timeout: 480_000 }, async () => {
  const split = fixture();
  const { sandbox } = await split.startExchange();
  const settlement = await split.startWorker('settlement,audit-tap', {
    RINGBOOK_METRICS_PORT: '0',
    RINGBOOK_ADMIN_TOKEN: TOKEN,
  });
  const history = await split.startWorker('history', { RINGBOOK_METRICS_PORT: '0' });
  const scheduler = await split.startScheduler();
  expect(scheduler.output).not.toContain('metrics:');
  for (const [index, side] of ['buy', 'sell'].entries()) {
    const { baseUrl, accounts } = sandbox;
    expect(await signedPost(baseUrl, accounts[index]!, '/v1/order/new', limitOrder({ side }))).toMatchObject({
      status: 200,
    });
  }
  await split.settled();

  const url = addressIn(settlement.output);
  expect(await read(url)).toMatchObject({ status: 401 });
  expect(await read(url, `${TOKEN}!`)).toMatchObject({ status: 401 });
  expect(await read(url.replace('/metrics', '/healthz'))).toMatchObject({ status: 200 });
  const { status, text } = await read(url, TOKEN);
  expect(status).toBe(200);
  for (const consumer of ['settlement', 'audit-tap']) {
    expect(figure(text, `consumer_events_total{consumer="${consumer}"}`)).toBeGreaterThanOrEqual(4);
    expect(figure(text, `consumer_batches_total{consumer="${consumer}"}`)).toBeGreaterThanOrEqual(1);
    expect(figure(text, `consumer_lag_seconds{consumer="${consumer}"}`)).toBeGreaterThan(0);
    expect(figure(text, `consumer_stopped_partitions{consumer="${consumer}"}`)).toBe(0);
    expect(figure(text, `consumer_subscribed_partitions{consumer="${consumer}"}`)).toBe(8);
  }
  const { events } = await split.exchange.status();
  expect(figure(text, 'consumer_newest_sequence{consumer="settlement"}')).toBe(events.settledSequence);
  expect(figure(text, 'process_resident_bytes')).toBeGreaterThan(0);

  const open = await read(addressIn(history.output));
  expect(figure(open.text, 'bus_connects_total')).toBe(1);
  const { folder, ports } = split.servers.rabbitmq;
  await split.servers.rabbitmq.kill();
  await waitUntil(
    async () => figure((await read(addressIn(history.output))).text, 'bus_connected') === 0,
    'RabbitMQ is missed',
  );
  split.servers.rabbitmq = await startRabbitmq({ folder, ports });
  await waitUntil(async () => {
    const again = (await read(addressIn(history.output))).text;
    return (
      figure(again, 'bus_connects_total') > 1 && figure(again, 'consumer_channels_total{consumer="history"}') >= 16
    );
  }, 'reconnects are counted');
  expect(await split.stop()).toEqual([0, 0, 0, 0]);
});
