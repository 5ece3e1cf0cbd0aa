import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { CancelReason, EventKind, RejectReason } from '../../../core/protocol/kinds.ts';
import { CommandStream } from '../../support/command-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';
import type { ExchangeCommand } from '../../support/exchange-command.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { ReferenceExchange, UNKNOWN_STATE_HASH } from '../../support/reference-book.ts';
import type { Place } from '../../support/reference-events.ts';

const COMMANDS = 2_000;
const seedCount = process.env.RINGBOOK_TEST_LONG === undefined ? 100 : 5_000;
const seeds =
  process.env.SEED === undefined
    ? Array.from({ length: seedCount }, (_, index) => index + 1)
    : [Number(process.env.SEED)];

/** Outcomes that any seed has met: a stream that no longer reaches one would prove nothing about it. */
const outcomes = new Set<string>();

describe('the engine agrees with the reference exchange, event by event', () => {
  for (const seed of seeds) {
    test(`SEED=${seed}`, () => {
      const stream = new CommandStream(seed);
      const harness = new EngineHarness({ limits: stream.limits });
      const reference = new ReferenceExchange(stream.limits);
      const commands: ExchangeCommand[] = [];
      for (let step = 0; step < COMMANDS; step++) {
        const command = stream.next();
        commands.push(command);
        const events = harness.apply(command);
        const expected = reference.apply(command, placesOf(events));
        if (!isDeepStrictEqual(events.map(withoutStateHash), expected))
          expect(events.map(withoutStateHash), `SEED=${seed} step=${step}`).toEqual(expected);
        stream.observe(events);
        for (const event of events) outcomes.add(outcomeOf(event));
        if (step % 100 === 99) harness.engine.verifyInvariants();
      }
      harness.engine.verifyInvariants();
      const { engine } = harness;
      expect(engine.restingOrders).toBe(reference.restingOrders);
      expect(engine.lastCommandSequence).toBe(COMMANDS);
      replayAgrees(seed, stream, commands, harness);
    });
  }
});

if (process.env.SEED === undefined)
  test('the streams reach every outcome that the core can give', () => {
    expect([...outcomes].sort()).toEqual([
      'ACCEPTED',
      'AMENDED',
      'AMEND_REJECTED INSTRUMENT_CANCEL_ONLY',
      'AMEND_REJECTED INSTRUMENT_HALTED',
      'AMEND_REJECTED INSTRUMENT_POST_ONLY',
      'AMEND_REJECTED LEVELS_FULL',
      'AMEND_REJECTED LEVEL_FULL',
      'AMEND_REJECTED MALFORMED',
      'AMEND_REJECTED PRICE_OUT_OF_RANGE',
      'AMEND_REJECTED QUANTITY_BELOW_FILLED',
      'AMEND_REJECTED QUANTITY_OUT_OF_RANGE',
      'AMEND_REJECTED UNKNOWN_ORDER',
      'ASSET_DEFINED',
      'BOOKED',
      ...Object.keys(CancelReason)
        .map((reason) => `CANCELLED ${reason}`)
        .sort(),
      'CANCEL_REJECTED UNKNOWN_ORDER',
      'CHECKPOINTED',
      'DEFINITION_REJECTED ALREADY_DEFINED',
      'DEFINITION_REJECTED CAPACITY',
      'DEFINITION_REJECTED MALFORMED',
      'DEFINITION_REJECTED PRICE_OUT_OF_RANGE',
      'DEFINITION_REJECTED QUANTITY_OUT_OF_RANGE',
      'DEFINITION_REJECTED UNKNOWN_ASSET',
      'DEFINITION_REJECTED UNKNOWN_INSTRUMENT',
      'EXPIRED',
      'FILLED',
      'INSTRUMENT_DEFINED',
      'INSTRUMENT_STATE_CHANGED',
      'INSTRUMENT_UPDATED',
      'MASS_CANCELLED',
      'REDUCED SELF_TRADE',
      'REJECTED BOOK_FULL',
      'REJECTED EXPIRY_OUT_OF_RANGE',
      'REJECTED INSTRUMENT_CANCEL_ONLY',
      'REJECTED INSTRUMENT_HALTED',
      'REJECTED INSTRUMENT_POST_ONLY',
      'REJECTED LEVELS_FULL',
      'REJECTED LEVEL_FULL',
      'REJECTED MALFORMED',
      'REJECTED PRICE_OUT_OF_RANGE',
      'REJECTED QUANTITY_OUT_OF_RANGE',
      'REJECTED STOP_PRICE_OUT_OF_RANGE',
      'REJECTED UNKNOWN_INSTRUMENT',
      'STOP_PLACED',
      'TIME_ADVANCED',
      'TRIGGERED',
    ]);
  });

/** The same commands through another ring, published in other batches: same bytes, same state. */
function replayAgrees(
  seed: number,
  stream: CommandStream,
  commands: readonly ExchangeCommand[],
  first: EngineHarness,
): void {
  const random = new RandomIntegers(seed);
  const second = new EngineHarness({
    limits: stream.limits,
    ringSlots: random.oneOf([8, 16, 64]),
    flushEvery: random.oneOf([1, 2, 7, 50, 1_000]),
    slowReader: random.onceIn(2),
    staleByte: 0x3c,
  });
  for (const command of commands) second.apply(command);
  second.drain();
  expect(second.engine.stateHash()).toBe(first.engine.stateHash());
  expect(second.engine.lastEventSequence).toBe(first.engine.lastEventSequence);
  expect(second.eventDigest()).toBe(first.eventDigest());
}

function placesOf(events: readonly ExchangeEvent[]): Place[] {
  return events
    .filter((event) => event.kind === EventKind.BOOKED || event.kind === EventKind.STOP_PLACED)
    .map(({ slot, generation }) => ({ slot, generation }));
}

/** The reference has no state hash: hashes are compared between engines, bytes of checkpoints included. */
function withoutStateHash(event: ExchangeEvent): ExchangeEvent {
  return event.kind === EventKind.CHECKPOINTED ? { ...event, stateHash: UNKNOWN_STATE_HASH } : event;
}

function outcomeOf(event: ExchangeEvent): string {
  const kind = nameIn(EventKind, event.kind);
  if (event.kind === EventKind.CANCELLED || event.kind === EventKind.REDUCED)
    return `${kind} ${nameIn(CancelReason, event.reason)}`;
  return 'reason' in event ? `${kind} ${nameIn(RejectReason, event.reason)}` : kind;
}

function nameIn(set: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(set).find((name) => set[name] === value) ?? `${value}`;
}
