import { describe, expect, test } from 'vitest';
import type { CommandHeader, NewOrderFields } from '../../../core/protocol/command-encoder.ts';
import { CommandKind, EventKind, OrderFlag, Side, TimeInForce } from '../../../core/protocol/kinds.ts';
import { STREAM_INSTRUMENTS } from '../../support/command-stream.ts';
import { STREAM_ASSETS } from '../../support/definition-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';
import type { ExchangeCommand } from '../../support/exchange-command.ts';
import { PLAIN_ORDER } from '../../support/plain-order.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

interface Resting {
  readonly accountId: number;
  readonly instrumentId: number;
  readonly orderId: number;
  readonly slot: number;
  readonly generation: number;
}

/**
 * Commands that the very first program could write: limit orders, cancels, checkpoints, definitions. Stop prices and
 * expiry times stand in some of them: of a limit order good till cancelled they meant nothing, and still do.
 */
function digestOf(seed: number): { events: string; state: string } {
  const random = new RandomIntegers(seed);
  const harness = new EngineHarness({ limits: { maxOrders: 60, maxLevels: 12, maxInstruments: 3 } });
  const resting = new Map<number, Resting>();
  let sequence = 0;
  const header = (accountId: number): CommandHeader => {
    sequence += 1;
    return {
      commandSequence: sequence,
      commandId: 2 ** 33 + sequence,
      timestampMs: 5 * sequence,
      accountId,
      ledgerSequence: sequence,
    };
  };
  const apply = (command: ExchangeCommand): void => {
    for (const event of harness.apply(command)) {
      if (event.kind === EventKind.BOOKED) resting.set(event.orderId, event);
      if (event.kind === EventKind.CANCELLED) resting.delete(event.orderId);
      if (event.kind === EventKind.FILLED && event.makerRemainingLots === 0) resting.delete(event.makerOrderId);
    }
  };
  for (const asset of STREAM_ASSETS) apply({ kind: CommandKind.DEFINE_ASSET, header: header(0), asset });
  for (const definition of STREAM_INSTRUMENTS)
    apply({ kind: CommandKind.DEFINE_INSTRUMENT, header: header(0), definition });
  for (let step = 0; step < 3_000; step++) {
    if (step % 500 === 499) {
      apply({ kind: CommandKind.CHECKPOINT, header: header(0) });
    } else if (resting.size > 0 && random.onceIn(4)) {
      const { accountId, ...order } = random.oneOf([...resting.values()]);
      const { instrumentId, orderId, slot, generation } = order;
      const cancel = { instrumentId, keyId: 1, orderId, slot, generation: generation + random.below(2) };
      apply({ kind: CommandKind.CANCEL_ORDER, header: header(accountId), cancel });
    } else {
      const order: NewOrderFields = {
        ...PLAIN_ORDER,
        instrumentId: random.between(1, 4),
        side: random.oneOf([Side.BUY, Side.SELL]),
        keyId: random.between(1, 9),
        timeInForce: random.oneOf([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
        flags: random.onceIn(5) ? OrderFlag.POST_ONLY : 0,
        priceTicks: random.between(95, 105),
        stopPriceTicks: random.below(200),
        quantityLots: random.between(1, 40),
        expiresAtMs: random.below(9_000),
        makerRatePpm: random.below(5_000),
        takerRatePpm: random.below(5_000),
        clientOrderId: 'x'.repeat(random.below(50)),
      };
      apply({ kind: CommandKind.NEW_ORDER, header: header(random.between(1, 6)), order });
    }
  }
  return { state: harness.engine.stateHash(), events: harness.eventDigest() };
}

describe('a journal of the first rules replays to the same bytes, checkpoints included', () => {
  test.each([
    [1, '95c07de2123b8053', '3c8c5c547016c46715aeb05def44ab80cea36e7d45d0f4b52328ee395a95e125'],
    [2, '0472b998809dd49d', '72978cc54014ff74ed6ccf8fbb17bd0d150daf60f89961b47e9aa4b0b780308b'],
    [3, '21d9028c0442992f', 'f4313566efeb3e4cad1b431c991487f35b56302fd8ffbf367f024f8271742901'],
  ])('SEED=%d', (seed, state, events) => {
    expect(digestOf(seed)).toEqual({ state, events });
  });
});
