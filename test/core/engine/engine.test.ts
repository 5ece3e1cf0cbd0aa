import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import type { CommandHeader } from '../../../core/protocol/command-encoder.ts';
import { CommandKind, EventKind } from '../../../core/protocol/kinds.ts';
import { STREAM_ASSETS } from '../../support/definition-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';
import type { ExchangeCommand } from '../../support/exchange-command.ts';
import { PLAIN_ORDER } from '../../support/plain-order.ts';
import { TradingDesk } from '../../support/trading-desk.ts';

function header(commandSequence: number, timestampMs = 1_000): CommandHeader {
  return { commandSequence, commandId: 50 + commandSequence, timestampMs, accountId: 101, ledgerSequence: 0 };
}

function checkpoint(commandSequence: number, timestampMs?: number): ExchangeCommand {
  return { kind: CommandKind.CHECKPOINT, header: header(commandSequence, timestampMs) };
}

describe('what only a broken journal or gateway can send ends the thread', () => {
  test.each([
    ['a gap in the command sequence', 3],
    ['a repeated command sequence', 1],
    ['a command sequence that is no number', Number.NaN],
  ])('%s', (_, commandSequence) => {
    const harness = new EngineHarness();
    harness.apply(checkpoint(1));
    expect(() => harness.apply(checkpoint(commandSequence))).toThrow(InvariantError);
  });

  test.each([999, Number.NaN])('time %d after 1000', (timestampMs) => {
    const harness = new EngineHarness();
    harness.apply(checkpoint(1, 1_000));
    expect(() => harness.apply(checkpoint(2, timestampMs))).toThrow(InvariantError);
  });

  test('the same millisecond twice is fine', () => {
    const harness = new EngineHarness();
    harness.apply(checkpoint(1, 1_000));
    expect(harness.apply(checkpoint(2, 1_000))).toHaveLength(1);
    expect(harness.engine.lastTimestampMs).toBe(1_000);
  });

  test('a kind that this program does not know', () => {
    const harness = new EngineHarness();
    const unknown = { ...checkpoint(1), kind: 99 } as unknown as ExchangeCommand;
    expect(() => harness.apply(unknown)).toThrow(InvariantError);
  });
});

describe('the state hash', () => {
  test('is the same after the same commands', () => {
    const [one, other] = [new TradingDesk(), new TradingDesk()];
    one.buy(100, 5);
    other.buy(100, 5);
    expect(one.harness.engine.stateHash()).toBe(other.harness.engine.stateHash());
  });

  test.each([
    ['price', { priceTicks: 101 }],
    ['quantity', { quantityLots: 6 }],
    ['side', { side: 1 as const }],
    ['instrument', { instrumentId: 3 }],
    ['key', { keyId: 2 }],
    ['flags', { flags: 1 }],
    ['maker rate', { makerRatePpm: 2_001 }],
    ['taker rate', { takerRatePpm: 4_001 }],
  ])('differs when one resting order has another %s', (_, difference) => {
    const plain = { ...PLAIN_ORDER, priceTicks: 100, quantityLots: 5 };
    expect(hashAfter({ ...plain, ...difference })).not.toBe(hashAfter(plain));
  });

  test('differs by account and by the order of two orders in one queue', () => {
    const [one, other] = [new TradingDesk(), new TradingDesk()];
    one.buy(100, 5, { accountId: 101 });
    one.buy(100, 5, { accountId: 103 });
    other.buy(100, 5, { accountId: 103 });
    other.buy(100, 5, { accountId: 101 });
    expect(one.harness.engine.stateHash()).not.toBe(other.harness.engine.stateHash());
  });

  test('is not changed by looking', () => {
    const desk = new TradingDesk();
    desk.buy(100, 5);
    const { engine } = desk.harness;
    const before = engine.stateHash();
    engine.verifyInvariants();
    expect(engine.stateHash()).toBe(before);
  });
});

test('a checkpoint tells the resting orders and a hash that names the state', () => {
  const [one, other] = [new EngineHarness(), new EngineHarness()];
  const [first] = one.apply(checkpoint(1));
  expect(first).toMatchObject({ kind: EventKind.CHECKPOINTED, restingOrders: 0, commandId: 51, isLastOfCommand: true });
  expect(first).toEqual(other.apply(checkpoint(1))[0]);
  const asset = { kind: CommandKind.DEFINE_ASSET, header: header(2), asset: STREAM_ASSETS[0] };
  one.apply(asset);
  other.apply({ ...asset, asset: { ...asset.asset, decimals: 11 } });
  const [oneHash, otherHash] = [one, other].map((harness) => {
    const [event] = harness.apply(checkpoint(3));
    return event?.kind === EventKind.CHECKPOINTED ? event.stateHash : undefined;
  });
  expect(oneHash).toMatch(/^[0-9a-f]{16}$/);
  expect(oneHash).not.toBe(otherHash);
});

function hashAfter(order: typeof PLAIN_ORDER): string {
  const desk = new TradingDesk();
  const place = order.side === 0 ? desk.buy.bind(desk) : desk.sell.bind(desk);
  place(order.priceTicks, order.quantityLots, { ...order, accountId: 101 });
  return desk.harness.engine.stateHash();
}

describe('the state hash, once a later command has been used,', () => {
  /** A desk whose hash covers everything, with the same commands before. */
  function desk(): TradingDesk {
    const opened = new TradingDesk();
    opened.advanceTime(0);
    return opened;
  }

  test.each<[string, (desk: TradingDesk) => void, (desk: TradingDesk) => void]>([
    [
      'expiry',
      (one) => one.buy(1, 1, { timeInForce: 3, expiresAtMs: 2_000 }),
      (one) => one.buy(1, 1, { timeInForce: 3, expiresAtMs: 2_001 }),
    ],
    ['total', (one) => one.buy(1, 5), (one) => one.buy(1, 6)],
    ['price band', (one) => one.update({ priceBandPpm: 1 }), (one) => one.update({ priceBandPpm: 2 })],
    [
      'reference price',
      (one) => one.update({ referencePriceTicks: 1 }),
      (one) => one.update({ referencePriceTicks: 2 }),
    ],
    ['minimum', (one) => one.update({ minQuantityLots: 1 }), (one) => one.update({ minQuantityLots: 2 })],
    ['maximum', (one) => one.update({ maxQuantityLots: 9 }), (one) => one.update({ maxQuantityLots: 8 })],
    [
      'stop price',
      (one) => one.buy(1, 1, { orderType: 2, stopPriceTicks: 5 }),
      (one) => one.buy(1, 1, { orderType: 2, stopPriceTicks: 6 }),
    ],
  ])('differs by %s', (_, oneWay, otherWay) => {
    const [one, same, other] = [desk(), desk(), desk()];
    oneWay(one);
    oneWay(same);
    otherWay(other);
    expect(one.harness.engine.stateHash()).toBe(same.harness.engine.stateHash());
    expect(one.harness.engine.stateHash()).not.toBe(other.harness.engine.stateHash());
  });

  test('differs by the last trade, when nothing else of it is left', () => {
    const [one, other] = [desk(), desk()];
    for (const [at, priceTicks] of [
      [one, 100],
      [other, 101],
    ] as const) {
      at.sell(priceTicks, 1);
      at.buy(priceTicks, 1);
    }
    expect(one.harness.engine.stateHash()).not.toBe(other.harness.engine.stateHash());
  });
});
