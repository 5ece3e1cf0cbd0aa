import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listSnapshots } from '../../core/journal/snapshot-files.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { type AskedOrder, readViews } from '../support/exchange-views.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type Credentials, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const SYMBOLS = ['btcusd', 'ethusd', 'ethbtc', 'linkbtc'];
const SETTINGS = { RINGBOOK_SNAPSHOT_EVERY: '60', RINGBOOK_JOURNAL_SEGMENT_MIB: '0.0625' };
const FAR_AWAY_MS = Date.now() + 10 * 60 * 60 * 1_000;
const OPTIONS = [[], [], [], ['maker-or-cancel'], ['immediate-or-cancel'], ['fill-or-kill']];

interface Request extends AskedOrder {
  readonly fields: object;
}

function priceOf(random: RandomIntegers, symbol: string): string {
  return symbol === 'ethbtc' ? `0.0${random.between(500, 520)}` : `${random.between(95, 105)}.00`;
}

/** What makes an order the kind it is: limit with any option, good-til-date, market, by budget, or a stop. */
function orderTerms(random: RandomIntegers, symbol: string, side: string): object {
  const amount = `0.${random.between(10, 99)}`;
  const price = priceOf(random, symbol);
  switch (random.below(12)) {
    case 0:
      return { type: 'exchange market', amount, options: [] };
    case 1:
      return side === 'buy' ? { type: 'exchange market', total_spend: '0.05' } : { type: 'exchange market', amount };
    case 2:
    case 3:
      return { type: 'exchange stop limit', amount, stop_price: price, price };
    case 4:
      return { type: 'exchange limit', amount, price, options: ['good-til-date'], expire_at: FAR_AWAY_MS };
    default:
      return { type: 'exchange limit', amount, price, options: random.oneOf(OPTIONS) };
  }
}

/** Two accounts trade with each other on three markets: every kind of order that REST takes, and cancels. */
async function trade(exchange: ExchangeProcess, random: RandomIntegers, count: number): Promise<Request[]> {
  const { baseUrl, accounts } = exchange.sandbox;
  const requests: Request[] = [];
  for (let step = 0; step < count; step++) {
    const credentials: Credentials = random.oneOf(accounts);
    const side = random.oneOf(['buy', 'sell']);
    const symbol = random.oneOf(['btcusd', 'btcusd', 'ethusd', 'ethbtc']);
    const fields = { symbol, side, client_order_id: `${seed}-${count}-${step}`, ...orderTerms(random, symbol, side) };
    const { status, body } = await signedPost(baseUrl, credentials, '/v1/order/new', fields);
    if (status === 200)
      requests.push({ credentials, fields, orderId: body.order_id, clientOrderId: fields.client_order_id });
    if (requests.length > 0 && random.onceIn(6)) {
      const { orderId, credentials: owner } = random.oneOf(requests);
      await signedPost(baseUrl, owner, '/v1/order/cancel', { order_id: orderId });
    }
    if (requests.length > 0 && random.onceIn(6)) {
      const { orderId, credentials: owner } = random.oneOf(requests); // many of them are gone, which is an answer too
      const amended = random.onceIn(2) ? { amount: `0.${random.between(10, 99)}` } : { price: priceOf(random, symbol) };
      await signedPost(baseUrl, owner, '/v1/order/amend', { order_id: orderId, ...amended });
    }
  }
  return requests;
}

describe(`an exchange killed after two snapshots and some more trading (SEED=${seed})`, () => {
  const folders: string[] = [];
  let killed: string;
  let requests: Request[];
  let asked: Request[];
  let views: Record<string, unknown>;
  let restingOrders: number;

  beforeAll(async () => {
    killed = mkdtempSync(join(tmpdir(), 'ringbook-snapshot-'));
    folders.push(killed);
    const random = new RandomIntegers(seed);
    const exchange = await ExchangeProcess.start(killed, SETTINGS);
    await exchange.admin('/instruments/state', { symbol: 'dogeusd', state: 'halted' });
    requests = await trade(exchange, random, 140);
    expect(requests.length).toBeGreaterThan(70); // half and more is taken, of every kind
    await exchange.admin('/instruments/update', { symbol: 'ethusd', makerRatePpm: 1_500, takerRatePpm: 2_500 });
    const added = { base: 'LINK', quote: 'BTC', tickSize: '0.00001', lotSize: '0.1', minimum: '0.1' };
    await exchange.admin('/instruments', added); // behind the first snapshot
    requests.push(...(await trade(exchange, random, 100)));
    while (listSnapshots(killed).length < 2) await new Promise(setImmediate);
    requests.push(...(await trade(exchange, random, 7)));
    asked = requests.filter((_, index) => index % 5 === 0);
    views = await readViews(exchange, SYMBOLS, asked);
    ({ restingOrders } = await exchange.status());
    await exchange.kill();
  }, 300_000);

  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  function copyOf(folder: string): string {
    const copy = mkdtempSync(join(tmpdir(), 'ringbook-snapshot-'));
    folders.push(copy);
    cpSync(folder, copy, { recursive: true });
    return copy;
  }

  const commandOf = (index: number): number => listSnapshots(killed)[index]!.commandSequence;
  const cases: readonly (readonly [what: string, change: (folder: string) => void, from: () => number | undefined])[] =
    [
      ['from the newest snapshot', () => {}, () => commandOf(0)],
      ['from the previous one when the newest is damaged', (folder) => damage(folder, 1), () => commandOf(1)],
      ['from the beginning when both are damaged', (folder) => damage(folder, 2), () => undefined],
      ['from the beginning when there is none', (folder) => remove(folder, 'snapshots'), () => undefined],
      ['with a history that is built anew', (folder) => remove(folder, 'history.sqlite'), () => commandOf(0)],
      ['with an event log that is written anew', (folder) => remove(folder, 'events'), () => undefined],
    ];

  test.each(cases)('shows everything as it was, %s', { timeout: 300_000 }, async (_what, change, from) => {
    const folder = copyOf(killed);
    const fromCommand = from();
    change(folder);
    const exchange = await ExchangeProcess.start(folder, SETTINGS);
    const { start, commands, restingOrders: resting } = await exchange.status();
    expect(start.snapshot?.commandSequence).toBe(fromCommand);
    expect(start.replayedCommands).toBe(commands.publishedSequence - (fromCommand ?? 0));
    expect(await readViews(exchange, SYMBOLS, asked)).toEqual(views);
    expect(resting).toBe(restingOrders);

    // Whatever was taken is known again, closed long before the snapshot or not; nothing is placed twice.
    const { baseUrl } = exchange.sandbox;
    for (const { credentials, fields, orderId } of requests)
      expect((await signedPost(baseUrl, credentials, '/v1/order/new', fields)).body.order_id).toBe(orderId);
    expect(await readViews(exchange, SYMBOLS, [])).toMatchObject(withoutOrders(views));
    await trade(exchange, new RandomIntegers(seed + 1), 20);
    const before = await readViews(exchange, SYMBOLS, []);
    expect(await exchange.stop()).toBe(0);

    const again = await ExchangeProcess.start(folder, SETTINGS);
    const status = await again.status();
    expect(status.start).toMatchObject({ replayedCommands: 0, refusedSnapshots: [] });
    expect(status.commands.appliedSequence).toBe(status.commands.publishedSequence);
    expect(await readViews(again, SYMBOLS, [])).toEqual(before);
    expect(await again.stop()).toBe(0); // a second good snapshot takes the place of a damaged one
    await expectSound(folder, `SEED=${seed}`);
  });

  test('is refused with an older copy of the balances, though nothing is replayed', { timeout: 180_000 }, async () => {
    const folder = copyOf(killed);
    const first = await ExchangeProcess.start(folder, SETTINGS);
    expect(await first.stop()).toBe(0);
    const older = copyOf(folder);
    const second = await ExchangeProcess.start(folder, SETTINGS);
    await trade(second, new RandomIntegers(seed + 2), 30);
    expect(await second.stop()).toBe(0);
    copyFileSync(join(older, 'exchange.sqlite'), join(folder, 'exchange.sqlite'));
    await expect(ExchangeProcess.start(folder, SETTINGS)).rejects.toThrow('the database is an older copy');
  });
});

test(`old segments go to the archive and are found there; without them it is said what to do (SEED=${seed})`, {
  timeout: 300_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-archive-'));
  try {
    const random = new RandomIntegers(seed);
    const settings = { ...SETTINGS, RINGBOOK_SNAPSHOT_EVERY: '300' };
    const exchange = await ExchangeProcess.start(folder, settings);
    const requests: Request[] = [];
    for (let round = 0; round < 60 && !existsSync(join(folder, 'archive', 'events')); round++)
      requests.push(...(await trade(exchange, random, 100)));
    expect(readdirSync(join(folder, 'archive', 'events'))).toContain('0000000000000001.events');
    const asked = requests.filter((_, index) => index % 20 === 0);
    const views = await readViews(exchange, SYMBOLS.slice(0, 3), asked);
    await exchange.kill();
    const report = await expectSound(folder, `killed (SEED=${seed})`);
    expect(report.replayedFromCommand > 1).toBe(!existsSync(join(folder, 'journal', '0000000000000001.journal')));

    remove(folder, 'history.sqlite');
    const rebuilt = await ExchangeProcess.start(folder, settings);
    expect(await readViews(rebuilt, SYMBOLS.slice(0, 3), asked)).toEqual(views);
    expect(await rebuilt.stop()).toBe(0);

    remove(folder, 'history.sqlite');
    rmSync(join(folder, 'archive'), { recursive: true });
    await expect(ExchangeProcess.start(folder, settings)).rejects.toThrow(
      /history\.sqlite has only the events through 0.*bring the older segments back/,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Changes one bit in the middle of the newest snapshots. */
function damage(folder: string, count: number): void {
  for (const { path } of listSnapshots(folder).slice(0, count)) {
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
  }
}

function remove(folder: string, name: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, name + suffix), { recursive: true, force: true });
}

function withoutOrders(views: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(views).filter(([name]) => !name.startsWith('/v1/order/status')));
}
