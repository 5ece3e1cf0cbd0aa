import { describe, expect, test } from 'vitest';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { CancelReason, EventKind, RejectReason } from '../../../core/protocol/kinds.ts';
import { CommandStream } from '../../support/command-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';
import { nameIn } from '../../support/event-story.ts';
import type { ExchangeCommand } from '../../support/exchange-command.ts';
import { ExchangeTwins } from '../../support/exchange-twins.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

const COMMANDS = 2_000;
const seedCount = process.env.RINGBOOK_TEST_LONG === undefined ? 100 : 2_000;
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
      const twins = new ExchangeTwins({ limits: stream.limits });
      const { harness } = twins;
      const commands: ExchangeCommand[] = [];
      for (let step = 0; step < COMMANDS; step++) {
        const command = stream.next();
        commands.push(command);
        const events = twins.apply(command, `SEED=${seed} step=${step}`);
        stream.observe(events);
        for (const event of events) outcomes.add(outcomeOf(event));
        if (step % 100 === 99) harness.engine.verifyInvariants();
      }
      twins.verify();
      const { engine } = harness;
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

function outcomeOf(event: ExchangeEvent): string {
  const kind = nameIn(EventKind, event.kind);
  if (event.kind === EventKind.CANCELLED || event.kind === EventKind.REDUCED)
    return `${kind} ${nameIn(CancelReason, event.reason)}`;
  return 'reason' in event ? `${kind} ${nameIn(RejectReason, event.reason)}` : kind;
}
