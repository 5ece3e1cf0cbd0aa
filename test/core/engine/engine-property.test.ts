import fc from 'fast-check';
import { test } from 'vitest';
import { MAX_PRICE_TICKS, MAX_QUANTITY_LOTS } from '../../../core/money/instrument.ts';
import type { CommandHeader } from '../../../core/protocol/command-encoder.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { CommandKind, EventKind, OrderFlag, OrderType, Side, TimeInForce } from '../../../core/protocol/kinds.ts';
import { STREAM_INSTRUMENTS } from '../../support/command-stream.ts';
import { STREAM_ASSETS } from '../../support/definition-stream.ts';
import type { ExchangeCommand } from '../../support/exchange-command.ts';
import { ExchangeTwins } from '../../support/exchange-twins.ts';
import { PLAIN_ORDER } from '../../support/plain-order.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const isLong = process.env.RINGBOOK_TEST_LONG !== undefined;

/** One step of a history, told without what only the engine gives: orders are picked by the order of their coming. */
type Step =
  | { readonly kind: 'new'; readonly account: number; readonly order: Partial<typeof PLAIN_ORDER> }
  | { readonly kind: 'cancel'; readonly pick: number }
  | { readonly kind: 'amend'; readonly pick: number; readonly priceTicks: number; readonly quantityLots: number }
  | { readonly kind: 'massCancel'; readonly account: number }
  | { readonly kind: 'time'; readonly milliseconds: number };

const account = fc.integer({ min: 1, max: 3 });
const priceTicks = fc.oneof(
  { weight: 15, arbitrary: fc.integer({ min: 97, max: 104 }) },
  fc.constantFrom(1, 1_023, 1_024, MAX_PRICE_TICKS),
);
const quantityLots = fc.oneof(
  { weight: 15, arbitrary: fc.integer({ min: 1, max: 12 }) },
  fc.constantFrom(2 ** 52, MAX_QUANTITY_LOTS),
);
const pick = fc.nat({ max: 30 });

const newOrder = fc.record({
  kind: fc.constant('new' as const),
  account,
  order: fc.record({
    side: fc.constantFrom(Side.BUY, Side.SELL),
    priceTicks,
    quantityLots,
    timeInForce: fc.constantFrom(TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD),
    orderType: fc.constantFrom(
      OrderType.LIMIT,
      OrderType.LIMIT,
      OrderType.LIMIT,
      OrderType.STOP_LIMIT,
      OrderType.MARKET,
    ),
    stopPriceTicks: priceTicks,
    expiresAtMs: fc.integer({ min: 1, max: 60 }),
    selfTradePrevention: fc.constantFrom(0, 1, 2, 3),
    flags: fc.constantFrom(0, 0, 0, OrderFlag.POST_ONLY),
  }),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: newOrder },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cancel' as const), pick }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('amend' as const), pick, priceTicks, quantityLots }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('massCancel' as const), account }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), milliseconds: fc.nat({ max: 20 }) }) },
);

const limits = fc.constantFrom(
  { maxOrders: 64, maxLevels: 32, maxInstruments: 3 },
  { maxOrders: 5, maxLevels: 3, maxInstruments: 3 },
);

interface Placed {
  readonly accountId: number;
  readonly orderId: number;
  readonly side: Side;
  readonly slot: number;
  readonly generation: number;
}

/** Turns steps into commands: what was placed so far, live or not, is what cancels and amends pick from. */
class History {
  readonly #placed: Placed[] = [{ accountId: 1, orderId: 7, side: Side.BUY, slot: 0, generation: 0 }]; // never issued
  #commandSequence = 0;
  #timestampMs = 1;

  commandOf(told: Step): ExchangeCommand {
    switch (told.kind) {
      case 'new': {
        const order = { ...PLAIN_ORDER, ...told.order };
        return { kind: CommandKind.NEW_ORDER, header: this.header(told.account), order };
      }
      case 'cancel': {
        const cancel = { instrumentId: 1, keyId: 1, ...this.#pick(told.pick) };
        return { kind: CommandKind.CANCEL_ORDER, header: this.header(cancel.accountId), cancel };
      }
      case 'amend': {
        const amend = { instrumentId: 1, keyId: 1, heldUnits: 0n, ...this.#pick(told.pick) };
        return {
          kind: CommandKind.AMEND_ORDER,
          header: this.header(amend.accountId),
          amend: { ...amend, priceTicks: told.priceTicks, quantityLots: told.quantityLots },
        };
      }
      case 'massCancel': {
        const massCancel = { instrumentId: 1, keyId: 0 };
        return { kind: CommandKind.MASS_CANCEL, header: this.header(told.account), massCancel };
      }
      case 'time':
        this.#timestampMs += told.milliseconds;
        return { kind: CommandKind.TIME, header: this.header(0) };
    }
  }

  observe(events: readonly ExchangeEvent[]): void {
    for (const event of events)
      if (event.kind === EventKind.BOOKED || event.kind === EventKind.STOP_PLACED) {
        const { accountId, orderId, side, slot, generation } = event;
        this.#placed.push({ accountId, orderId, side, slot, generation });
      }
  }

  header(accountId: number): CommandHeader {
    this.#commandSequence += 1;
    const commandId = 1_000 + this.#commandSequence;
    return {
      commandSequence: this.#commandSequence,
      commandId,
      timestampMs: this.#timestampMs,
      accountId,
      ledgerSequence: 0,
    };
  }

  /** Counted from the newest: a history that shrinks in front still picks the same. */
  #pick(index: number): Placed {
    return this.#placed.at(-1 - (index % this.#placed.length))!;
  }
}

test(`any short history gives the reference's events; one that does not is shrunk and printed (SEED=${seed})`, {
  timeout: isLong ? 600_000 : 60_000,
}, () => {
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 60, size: 'max' }), (room, steps) => {
      const twins = new ExchangeTwins({ limits: room, ringSlots: 64 });
      const history = new History();
      const apply = (command: ExchangeCommand): void => history.observe(twins.apply(command));
      for (const asset of STREAM_ASSETS) apply({ kind: CommandKind.DEFINE_ASSET, header: history.header(0), asset });
      for (const definition of STREAM_INSTRUMENTS)
        apply({ kind: CommandKind.DEFINE_INSTRUMENT, header: history.header(0), definition });
      for (const told of steps) {
        apply(history.commandOf(told));
        twins.verify();
      }
    }),
    { seed, numRuns: isLong ? 20_000 : 300 },
  );
});
