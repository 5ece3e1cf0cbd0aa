import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import { decodeEvent, type ExchangeEvent, isByBudget } from '../../../core/protocol/event-decoder.ts';
import { eventSlots } from '../../../core/protocol/event-record.ts';
import { EventKind } from '../../../core/protocol/kinds.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { ASSET, DEFINITION, encodeEvent, fieldsOf } from '../../support/event-bytes.ts';
import { clientOrderIds, type Field, valuesOf } from '../../support/field-table.ts';

type Values = Readonly<Record<string, number | bigint>>;

const sides = fc.constantFrom(0, 1);
const texts = (letters: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...letters), minLength, maxLength });

/** What a record does not say in lots it says in units, and the other way round. */
const ABSENT: Values = {
  remainingAfterLots: 0,
  remainingBeforeLots: 0,
  remainingAfterUnits: 0n,
  remainingBeforeUnits: 0n,
};
const ABSENT_OF_TAKER: Values = { takerRemainingLots: 0, takerRemainingUnits: 0n };

/** Random events of a kind; what only that kind has comes from `extra`. */
function eventsOf(
  kind: EventKind,
  byBudget: boolean,
  extra: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  absent: Values = {},
): fc.Arbitrary<ExchangeEvent> {
  const fields: readonly Field[] = fieldsOf(kind, byBudget);
  const all = fc.tuple(valuesOf<Values>(fields), fc.record({ isLastOfCommand: fc.boolean(), ...extra }));
  return all.map(([values, others]) => {
    const event: Record<string, unknown> = { ...absent, ...values, ...others, kind };
    for (const name of ['flags', 'takerFlags'])
      if (name in event) event[name] = byBudget ? Number(event[name]) | 2 : Number(event[name]) & ~2;
    return event as unknown as ExchangeEvent;
  });
}

/** Puts the record into the last slot of a dirty ring, its continuation into the first, and decodes it. */
function decode(bytes: Uint8Array): ExchangeEvent {
  const window = new RecordWindow(new ArrayBuffer(3 * SLOT_BYTES));
  window.u8.fill(0xa5);
  window.u8.set(bytes.subarray(0, SLOT_BYTES), 2 * SLOT_BYTES);
  window.u8.set(bytes.subarray(SLOT_BYTES), 0);
  expect(eventSlots(window, 2 * SLOT_BYTES)).toBe(bytes.length / SLOT_BYTES);
  return decodeEvent(window, 2 * SLOT_BYTES, 0);
}

describe('every field of an event is read from where the description says', () => {
  const { ACCEPTED, REJECTED, BOOKED, FILLED, CANCELLED, CANCEL_REJECTED } = EventKind;
  const { CHECKPOINTED, ASSET_DEFINED, INSTRUMENT_DEFINED, DEFINITION_REJECTED } = EventKind;
  const accepted = { side: sides, clientOrderId: clientOrderIds };
  const hashes = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((hash) => hash.toString(16).padStart(16, '0'));
  const assets = fc
    .tuple(valuesOf<Values>(ASSET), texts('ABCXYZ019', 2, 12))
    .map(([asset, code]) => ({ ...asset, code }));
  const definitions = fc
    .tuple(valuesOf<Values>(DEFINITION), texts('abcxyz019', 4, 20))
    .map(([definition, symbol]) => ({ ...definition, symbol }));

  const cases: [name: string, events: fc.Arbitrary<ExchangeEvent>][] = [
    ['ACCEPTED', eventsOf(ACCEPTED, false, accepted, { budgetUnits: 0n })],
    ['ACCEPTED by budget', eventsOf(ACCEPTED, true, accepted)],
    ['FILLED', eventsOf(FILLED, false, { takerSide: sides }, ABSENT_OF_TAKER)],
    ['FILLED by budget', eventsOf(FILLED, true, { takerSide: sides }, ABSENT_OF_TAKER)],
    ['CHECKPOINTED', eventsOf(CHECKPOINTED, false, { stateHash: hashes })],
    ['ASSET_DEFINED', eventsOf(ASSET_DEFINED, false, { asset: assets })],
    ['INSTRUMENT_DEFINED', eventsOf(INSTRUMENT_DEFINED, false, { definition: definitions })],
    ['DEFINITION_REJECTED', eventsOf(DEFINITION_REJECTED, false, {})],
    ['TIME_ADVANCED', eventsOf(EventKind.TIME_ADVANCED, false, {})],
    ['INSTRUMENT_UPDATED', eventsOf(EventKind.INSTRUMENT_UPDATED, false, {})],
    ['MASS_CANCELLED', eventsOf(EventKind.MASS_CANCELLED, false, {})],
    ['INSTRUMENT_STATE_CHANGED', eventsOf(EventKind.INSTRUMENT_STATE_CHANGED, false, {})],
  ];
  const { EXPIRED, REDUCED, STOP_PLACED, TRIGGERED, AMENDED, AMEND_REJECTED } = EventKind;
  const states = { REJECTED, BOOKED, CANCELLED, CANCEL_REJECTED, EXPIRED, REDUCED, STOP_PLACED, TRIGGERED };
  for (const [name, kind] of Object.entries({ ...states, AMENDED, AMEND_REJECTED }))
    cases.push(
      [name, eventsOf(kind, false, { side: sides }, ABSENT)],
      [`${name} by budget`, eventsOf(kind, true, { side: sides }, ABSENT)],
    );

  test.each(cases)('%s', (_, events) => {
    fc.assert(
      fc.property(events, (event) => {
        expect(decode(encodeEvent(event))).toEqual(event);
      }),
    );
  });

  test('whether an order is by budget is one bit of its flags', () => {
    for (let flags = 0; flags < 256; flags++) expect(isByBudget(flags)).toBe(flags % 4 >= 2);
  });
});

describe('what can not be an event is refused', () => {
  test('every unknown kind', () => {
    const known = new Set<number>(Object.values(EventKind));
    for (let kind = 0; kind < 256; kind++) {
      if (known.has(kind)) continue;
      const bytes = new Uint8Array(SLOT_BYTES);
      bytes[0] = kind;
      expect(() => decode(bytes), `kind ${kind}`).toThrow(InvariantError);
    }
  });

  test('a client order id longer than 99 bytes, or without its continuation slot', () => {
    const window = new RecordWindow(new ArrayBuffer(2 * SLOT_BYTES));
    window.u8[0] = EventKind.ACCEPTED;
    for (const length of [32, 99, 100, 255]) {
      window.u8[96] = length;
      expect(() => decodeEvent(window, 0, SLOT_BYTES), `length ${length}`).toThrow(InvariantError);
    }
    window.u8[SLOT_BYTES] = 255;
    window.u8[96] = 99;
    expect(decodeEvent(window, 0, SLOT_BYTES)).toMatchObject({ clientOrderId: '\0'.repeat(99) });
    window.u8[96] = 100;
    expect(() => decodeEvent(window, 0, SLOT_BYTES)).toThrow(InvariantError);
  });
});
