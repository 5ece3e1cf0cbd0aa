import { describe, expect, test } from 'vitest';
import { Side } from '../../../core/protocol/kinds.ts';
import { Depth } from '../../../gateway/market-data/depth.ts';
import { CommandStream, STREAM_INSTRUMENTS } from '../../support/command-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';
import { PlainRestingOrders } from '../../support/plain-resting-orders.ts';

const seeds =
  process.env.SEED === undefined ? Array.from({ length: 12 }, (_, index) => 7_000 + index) : [Number(process.env.SEED)];

describe('depth from events equals the sum over all resting orders', () => {
  for (const seed of seeds) {
    test(`SEED=${seed}`, () => {
      const stream = new CommandStream(seed);
      const harness = new EngineHarness({ limits: stream.limits });
      const depth = new Depth();
      const resting = new PlainRestingOrders();
      for (let step = 0; step < 2_000; step++) {
        const events = harness.apply(stream.next());
        stream.observe(events);
        for (const event of events) {
          depth.onEvent(event);
          resting.observe(event);
        }
        if (step % 50 !== 49) continue;
        for (const { instrumentId } of STREAM_INSTRUMENTS) {
          const where = `SEED=${seed} step=${step} instrument=${instrumentId}`;
          const bids = resting.levels(instrumentId, Side.BUY);
          const asks = resting.levels(instrumentId, Side.SELL);
          expect(depth.bids(instrumentId, 0), where).toEqual(bids);
          expect(depth.asks(instrumentId, 0), where).toEqual(asks);
          expect(depth.bids(instrumentId, 2), where).toEqual(bids.slice(0, 2));
          expect(depth.asks(instrumentId, 1), where).toEqual(asks.slice(0, 1));
        }
      }
      expect(harness.engine.restingOrders, `SEED=${seed}`).toBe(resting.orders.size + resting.waitingOrderIds.size);
    });
  }
});

test('an instrument without orders has an empty book', () => {
  expect(new Depth().bids(1, 50)).toEqual([]);
  expect(new Depth().asks(1, 0)).toEqual([]);
});
