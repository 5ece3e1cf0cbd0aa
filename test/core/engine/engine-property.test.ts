import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_PRICE_TICKS, MAX_QUANTITY_LOTS } from '../../../core/money/instrument.ts';
import type {
  CommandHeader,
  InstrumentStateFields,
  InstrumentUpdateFields,
  MassCancelFields,
  NewOrderFields,
} from '../../../core/protocol/command-encoder.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import {
  CancelReason,
  CommandKind,
  EventKind,
  InstrumentState,
  OrderFlag,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../../core/protocol/kinds.ts';
import { STREAM_INSTRUMENTS } from '../../support/command-stream.ts';
import { STREAM_ASSETS } from '../../support/definition-stream.ts';
import { nameIn } from '../../support/event-story.ts';
import type { ExchangeCommand } from '../../support/exchange-command.ts';
import { ExchangeTwins } from '../../support/exchange-twins.ts';
import { PLAIN_ORDER } from '../../support/plain-order.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const isLong = process.env.RINGBOOK_TEST_LONG !== undefined;

/** One step of a history, told without what only the engine gives: orders are picked by the order of their coming. */
type Step =
  | { readonly kind: 'new'; readonly account: number; readonly order: Partial<NewOrderFields> }
  | { readonly kind: 'cancel'; readonly pick: number }
  | { readonly kind: 'amend'; readonly pick: number; readonly priceTicks: number; readonly quantityLots: number }
  | ({ readonly kind: 'massCancel'; readonly account: number } & MassCancelFields)
  | ({ readonly kind: 'state' } & InstrumentStateFields)
  | ({ readonly kind: 'update' } & InstrumentUpdateFields)
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

/** One where any quantity is traded, mostly, so that orders meet; and another one. */
const instrumentId = fc.constantFrom(1, 1, 1, 3);
const keyId = fc.constantFrom(1, 2);

const common = {
  instrumentId,
  keyId,
  side: fc.constantFrom(Side.BUY, Side.SELL),
  priceTicks,
  selfTradePrevention: fc.constantFrom(...Object.values(SelfTradePrevention)),
};
const atOnce = fc.constantFrom(TimeInForce.IOC, TimeInForce.IOC, TimeInForce.FOK);
const resting = fc.oneof(
  { weight: 4, arbitrary: fc.constant(TimeInForce.GTC) },
  fc.constantFrom(TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD, TimeInForce.GTD),
);
const expiresAtMs = fc.integer({ min: 1, max: 60 });

const order: fc.Arbitrary<Partial<NewOrderFields>> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      ...common,
      quantityLots,
      timeInForce: resting,
      expiresAtMs,
      flags: fc.constantFrom(0, 0, 0, OrderFlag.POST_ONLY),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...common,
      quantityLots,
      orderType: fc.constant(OrderType.MARKET),
      timeInForce: atOnce,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...common,
      side: fc.constant(Side.BUY),
      orderType: fc.constant(OrderType.MARKET),
      timeInForce: fc.constant(TimeInForce.IOC),
      flags: fc.constant(OrderFlag.BY_BUDGET),
      quantityLots: fc.constant(0),
      budgetUnits: fc.oneof(fc.bigInt({ min: 90n, max: 2_000n }), fc.constant(2n ** 63n - 1n)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...common,
      quantityLots,
      orderType: fc.constant(OrderType.STOP_LIMIT),
      stopPriceTicks: priceTicks,
      timeInForce: resting,
      expiresAtMs,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...common,
      quantityLots,
      orderType: fc.constant(OrderType.STOP_MARKET),
      stopPriceTicks: priceTicks,
      timeInForce: atOnce,
    }),
  },
);

const massCancel = fc.record({
  kind: fc.constant('massCancel' as const),
  account: fc.oneof({ weight: 4, arbitrary: account }, fc.constant(0)),
  instrumentId: fc.constantFrom(0, 1, 3, 9),
  keyId: fc.constantFrom(0, 0, 1, 2),
});
const { TRADING, HALTED, CANCEL_ONLY, POST_ONLY } = InstrumentState;
const state = fc.record({
  kind: fc.constant('state' as const),
  instrumentId,
  state: fc.oneof({ weight: 5, arbitrary: fc.constant(TRADING) }, fc.constantFrom(HALTED, CANCEL_ONLY, POST_ONLY)),
});
const update = fc.record({
  kind: fc.constant('update' as const),
  instrumentId,
  priceBandPpm: fc.constantFrom(0, 1_000, 10_000, 20_000),
  referencePriceTicks: fc.constantFrom(0, 0, 100, 103),
  minQuantityLots: fc.constantFrom(1, 1, 4),
  maxQuantityLots: fc.constantFrom(MAX_QUANTITY_LOTS, MAX_QUANTITY_LOTS, 8),
  makerRatePpm: fc.constant(0),
  takerRatePpm: fc.constant(0),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 24, arbitrary: fc.record({ kind: fc.constant('new' as const), account, order }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('cancel' as const), pick }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('amend' as const), pick, priceTicks, quantityLots }) },
  { weight: 1, arbitrary: massCancel },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), milliseconds: fc.nat({ max: 20 }) }) },
  { weight: 1, arbitrary: state },
  { weight: 2, arbitrary: update },
);

const limits = fc.constantFrom(
  { maxOrders: 64, maxLevels: 32, maxInstruments: 3 },
  { maxOrders: 64, maxLevels: 32, maxInstruments: 3 },
  { maxOrders: 64, maxLevels: 3, maxInstruments: 3 },
  { maxOrders: 4, maxLevels: 32, maxInstruments: 3 },
);

interface Placed {
  readonly instrumentId: number;
  readonly accountId: number;
  readonly orderId: number;
  readonly side: Side;
  readonly slot: number;
  readonly generation: number;
}

const NEVER_ISSUED: Placed = { instrumentId: 1, accountId: 1, orderId: 7, side: Side.BUY, slot: 0, generation: 0 };

/** Turns steps into commands: what was placed so far, live or not, is what cancels and amends pick from. */
class History {
  readonly #placed: Placed[] = [NEVER_ISSUED];
  #commandSequence = 0;
  #timestampMs = 1;

  commandOf(told: Step): ExchangeCommand {
    switch (told.kind) {
      case 'new': {
        const order = { ...PLAIN_ORDER, ...told.order };
        return { kind: CommandKind.NEW_ORDER, header: this.header(told.account), order };
      }
      case 'cancel': {
        const cancel = { keyId: 1, ...this.#pick(told.pick) };
        return { kind: CommandKind.CANCEL_ORDER, header: this.header(cancel.accountId), cancel };
      }
      case 'amend': {
        const amend = { keyId: 1, heldUnits: 0n, ...this.#pick(told.pick) };
        return {
          kind: CommandKind.AMEND_ORDER,
          header: this.header(amend.accountId),
          amend: { ...amend, priceTicks: told.priceTicks, quantityLots: told.quantityLots },
        };
      }
      case 'massCancel': {
        const { account: accountId, instrumentId, keyId } = told;
        const massCancel = { instrumentId, keyId };
        return { kind: CommandKind.MASS_CANCEL, header: this.header(accountId), massCancel };
      }
      case 'state': {
        const { instrumentId, state } = told;
        return { kind: CommandKind.SET_INSTRUMENT_STATE, header: this.header(0), change: { instrumentId, state } };
      }
      case 'update': {
        const { kind: _, ...update } = told;
        return { kind: CommandKind.UPDATE_INSTRUMENT, header: this.header(0), update };
      }
      case 'time':
        this.#timestampMs += told.milliseconds;
        return { kind: CommandKind.TIME, header: this.header(0) };
    }
  }

  observe(events: readonly ExchangeEvent[]): void {
    for (const event of events)
      if (event.kind === EventKind.BOOKED || event.kind === EventKind.STOP_PLACED) {
        const { instrumentId, accountId, orderId, side, slot, generation } = event;
        this.#placed.push({ instrumentId, accountId, orderId, side, slot, generation });
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
  const met = new Set<string>();
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 60, size: 'max' }), (room, steps) => {
      const twins = new ExchangeTwins({ limits: room, ringSlots: 64 });
      const history = new History();
      const apply = (command: ExchangeCommand): void => {
        const events = twins.apply(command);
        history.observe(events);
        for (const event of events) met.add(nameOf(event));
      };
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
  // Histories that no longer reach these would prove nothing about them.
  expect([...met]).toEqual(
    expect.arrayContaining(['TRIGGERED 2', 'TRIGGERED 3', 'EXPIRED', ...CANCELLED, ...REJECTED]),
  );
});

const CANCELLED = ['BUDGET_REMAINDER', 'FILL_OR_KILL', 'MASS_CANCELLED', 'PRICE_BAND', 'SELF_TRADE'];
const REJECTED = ['INSTRUMENT_HALTED', 'INSTRUMENT_CANCEL_ONLY', 'INSTRUMENT_POST_ONLY', 'BOOK_FULL', 'LEVELS_FULL'];

function nameOf(event: ExchangeEvent): string {
  if (event.kind === EventKind.TRIGGERED) return `TRIGGERED ${event.orderType}`;
  if (event.kind === EventKind.CANCELLED) return nameIn(CancelReason, event.reason);
  if (event.kind === EventKind.REJECTED) return nameIn(RejectReason, event.reason);
  return nameIn(EventKind, event.kind);
}
