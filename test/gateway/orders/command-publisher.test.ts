import { describe, expect, test } from 'vitest';
import { COMMAND, commandSlots } from '../../../core/protocol/command-record.ts';
import { CommandKind, TimeInForce } from '../../../core/protocol/kinds.ts';
import { createRing, RingReader } from '../../../core/ring/ring.ts';
import { COMMAND_READER } from '../../../core/threads/ring-readers.ts';
import { CONTROL, createSharedControl } from '../../../core/threads/shared-control.ts';
import { CommandIds } from '../../../gateway/orders/command-ids.ts';
import { CommandPublisher, newOrderSlots } from '../../../gateway/orders/command-publisher.ts';
import { ExpiryHeap } from '../../../gateway/orders/expiry-heap.ts';
import { PLAIN_ORDER } from '../../support/plain-order.ts';

const ORIGIN = { commandId: 1, accountId: 101, ledgerSequence: 1 };
const LONG_ID = { ...PLAIN_ORDER, clientOrderId: 'x'.repeat(99) };

function setUp(slots: number, lastCommandSequence = 41) {
  const ring = createRing(slots, COMMAND_READER.COUNT);
  const control = new Int32Array(createSharedControl());
  const clock = { ms: 1_000, nowMs: () => clock.ms };
  const [commandIds, expiries] = [new CommandIds(9), new ExpiryHeap()];
  const publisher = new CommandPublisher({ ring, control, clock, commandIds, expiries, lastCommandSequence });
  const readers = [new RingReader(ring, COMMAND_READER.ENGINE), new RingReader(ring, COMMAND_READER.JOURNAL)];
  return { control, clock, expiries, publisher, engine: readers[0]!, readers };
}

test('credits: as many slots as are free, none beyond, and back again when readers release', async () => {
  const { publisher, readers } = setUp(8);
  for (let slot = 0; slot < 8; slot++) expect(publisher.tryReserve(1), `slot ${slot}`).toBe(true);
  expect(publisher.tryReserve(1)).toBe(false);
  publisher.unreserve(1);
  expect(publisher.tryReserve(2)).toBe(false);
  expect(publisher.tryReserve(1)).toBe(true);
  for (let slot = 0; slot < 8; slot++) publisher.publishCheckpoint({ ...ORIGIN, commandId: slot });
  expect(publisher.tryReserve(1)).toBe(false); // written, not yet handed over
  await Promise.resolve();
  expect(publisher.tryReserve(1)).toBe(false); // handed over, not yet read
  readers[0]!.release(8);
  expect(publisher.tryReserve(1)).toBe(false); // the slowest reader counts
  readers[1]!.release(3);
  expect(publisher.tryReserve(3)).toBe(true);
  expect(publisher.tryReserve(1)).toBe(false);
});

test('commands of one turn are handed over together, numbered without gaps, and both threads are rung once', async () => {
  const { publisher, engine, control } = setUp(16);
  expect(newOrderSlots(PLAIN_ORDER)).toBe(1);
  expect(newOrderSlots(LONG_ID)).toBe(2);
  expect(publisher.tryReserve(4)).toBe(true);
  expect(publisher.publishNewOrder({ ...ORIGIN, commandId: 7 }, PLAIN_ORDER)).toBe(42);
  expect(publisher.publishNewOrder({ ...ORIGIN, commandId: 8 }, LONG_ID)).toBe(43);
  const cancel = { instrumentId: 1, keyId: 1, orderId: 7, slot: 0, generation: 0 };
  expect(publisher.publishCancel({ ...ORIGIN, commandId: 9 }, cancel)).toBe(44);
  expect(engine.available()).toBe(0);
  await Promise.resolve();
  expect(engine.available()).toBe(4);
  expect(Atomics.load(control, CONTROL.ENGINE_DOORBELL)).toBe(1);
  expect(Atomics.load(control, CONTROL.JOURNAL_DOORBELL)).toBe(1);
  const { f64 } = engine.window;
  const ids: number[] = [];
  for (let index = 0; index < 4; index += commandSlots(engine.window, engine.offsetAt(index)))
    ids.push(f64[(engine.offsetAt(index) + COMMAND.COMMAND_ID) >> 3]!);
  expect(ids).toEqual([7, 8, 9]);
});

test('a long client order id wraps around the end of the ring whole', async () => {
  const { publisher, readers } = setUp(4);
  for (let round = 0; round < 9; round++) {
    expect(publisher.tryReserve(3), `round ${round}`).toBe(true);
    publisher.publishNewOrder(ORIGIN, LONG_ID);
    publisher.publishCheckpoint(ORIGIN);
    await Promise.resolve();
    for (const reader of readers) {
      expect(reader.available()).toBe(3);
      expect(commandSlots(reader.window, reader.offsetAt(0))).toBe(2);
      reader.release(3);
    }
  }
});

test('publishing without a reservation, or with a clock that goes back, is a broken fact', () => {
  const { publisher, clock } = setUp(8);
  expect(() => publisher.publishCheckpoint(ORIGIN)).toThrow('without a reservation');
  publisher.tryReserve(3);
  publisher.publishCheckpoint(ORIGIN);
  clock.ms -= 1;
  expect(() => publisher.publishCheckpoint(ORIGIN)).toThrow('the clock went back');
  expect(() => publisher.unreserve(3)).toThrow('given back');
});

describe('orders that are due', () => {
  const GTD = { ...PLAIN_ORDER, timeInForce: TimeInForce.GTD };
  const AMEND = {
    ...{ instrumentId: 1, keyId: 1, orderId: 7, slot: 0, generation: 0 },
    side: 0,
    heldUnits: 0n,
  } as const;
  const amended = { ...AMEND, priceTicks: 1, quantityLots: 1 };

  /** @returns kind and time of each command that was handed over */
  async function handedOver({ readers }: ReturnType<typeof setUp>): Promise<[kind: string, timestampMs: number][]> {
    await Promise.resolve();
    const [{ window }, reader] = [readers[0]!, readers[0]!];
    const found: [string, number][] = [];
    for (let index = 0; index < reader.available(); index += commandSlots(window, reader.offsetAt(index))) {
      const at = reader.offsetAt(index);
      const kind = Object.entries(CommandKind).find(([, code]) => code === window.u8[at + COMMAND.KIND])![0];
      found.push([kind, window.f64[(at + COMMAND.TIMESTAMP_MS) >> 3]!]);
    }
    const all = reader.available();
    for (const each of readers) each.release(all);
    return found;
  }

  test('the time is told right before what may trade, at the same millisecond, and once', async () => {
    const setting = setUp(16);
    const { publisher, clock, expiries } = setting;
    publisher.tryReserve(8);
    publisher.publishNewOrder({ ...ORIGIN, commandId: 1 }, { ...GTD, expiresAtMs: 1_010 });
    publisher.publishNewOrder({ ...ORIGIN, commandId: 2 }, { ...GTD, expiresAtMs: 1_020 });
    clock.ms = 1_009;
    publisher.publishNewOrder({ ...ORIGIN, commandId: 3 }, PLAIN_ORDER);
    clock.ms = 1_010;
    expect(publisher.publishNewOrder({ ...ORIGIN, commandId: 4 }, PLAIN_ORDER)).toBe(46);
    publisher.publishNewOrder({ ...ORIGIN, commandId: 5 }, PLAIN_ORDER);
    clock.ms = 1_021;
    expect(publisher.publishAmend(ORIGIN, amended)).toBe(49);
    expect(await handedOver(setting)).toEqual([
      ['NEW_ORDER', 1_000],
      ['NEW_ORDER', 1_000],
      ['NEW_ORDER', 1_009],
      ['TIME', 1_010],
      ['NEW_ORDER', 1_010],
      ['NEW_ORDER', 1_010],
      ['TIME', 1_021],
      ['AMEND_ORDER', 1_021],
    ]);
    expect(expiries.size).toBe(0);
    publisher.publishNewOrder({ ...ORIGIN, commandId: 6 }, { ...GTD, expiresAtMs: 1_021 }); // the core refuses it
    publisher.publishNewOrder({ ...ORIGIN, commandId: 7 }, PLAIN_ORDER);
    expect((await handedOver(setting)).map(([kind]) => kind)).toEqual(['NEW_ORDER', 'NEW_ORDER']);
  });

  test.each([
    ['an order', 1, (to: CommandPublisher) => to.publishNewOrder(ORIGIN, PLAIN_ORDER)],
    ['one of two slots', 2, (to: CommandPublisher) => to.publishNewOrder(ORIGIN, LONG_ID)],
    ['an amendment', 1, (to: CommandPublisher) => to.publishAmend(ORIGIN, amended)],
  ])('%s that has no room behind the time makes way for it and is not published', async (_what, slots, publish) => {
    const setting = setUp(4);
    const { publisher, clock } = setting;
    publisher.tryReserve(1);
    publisher.publishNewOrder({ ...ORIGIN, commandId: 1 }, { ...GTD, expiresAtMs: 1_010 });
    expect(await handedOver(setting)).toHaveLength(1);
    clock.ms = 2_000;
    publisher.tryReserve(4);
    expect(publish(publisher)).toBe(null);
    expect(publisher.lastSequence).toBe(43);
    expect(await handedOver(setting)).toEqual([['TIME', 2_000]]);
    expect(publisher.tryReserve(slots)).toBe(true); // all that it had reserved came back
    expect(publisher.tryReserve(1)).toBe(false);
    expect(publish(publisher)).toBe(44); // nothing is due any more
  });
});

test('a full disk is seen in the control word', () => {
  const { publisher, control } = setUp(8);
  expect(publisher.isDiskFull).toBe(false);
  Atomics.store(control, CONTROL.DISK_FULL, 1);
  expect(publisher.isDiskFull).toBe(true);
});

test('ids of two starts never meet and stay below 2^53', () => {
  const first = new CommandIds(1);
  expect([first.next(), first.next()]).toEqual([2 ** 32, 2 ** 32 + 1]);
  expect(new CommandIds(2).firstId).toBe(2 * 2 ** 32);
  const last = new CommandIds(2 ** 21 - 1);
  expect(Number.isSafeInteger(last.firstId + 2 ** 32 - 1)).toBe(true);
  for (const bad of [0, -1, 1.5, 2 ** 21]) expect(() => new CommandIds(bad), `${bad}`).toThrow('start number');
});
