import { describe, expect, test } from 'vitest';
import { decodeEvent, type ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { eventSlots } from '../../../core/protocol/event-record.ts';
import { EventKind } from '../../../core/protocol/kinds.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { record } from '../../support/golden-record.ts';

// Event logs keep these bytes for ever. Each row is 32 bytes, eight to a group, little-endian, laid out by hand from the
// description of the format: when one of these tests fails, old event logs can no longer be read.

const ACCEPTED = record(
  '0101030207060504 0000000000003540 0000000000002240 00008056febc7842',
  '000010000000f041 4433221100010000 0403020108070605 00000000801cc840',
  '0000000000000000 00b08756febc7842 d0070000a00f0000 0000000000000000',
  '2461626364656667 68696a6b6c6d6e6f 7071727374757677 78797a3031323334',
  'ff00000000000000 0000000000003540 3536373839000000 0000000000000000',
);

const REJECTED = record(
  '0281030207060504 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 4433221100010000 0403020108070605 0000000000000000',
  '00000000801cc840 0000000000000000 d0070000a00f0000 ffffffff00000000',
  '000010000000f041 0700000000000000 0000000000000000 0000000000000000',
);

const REJECTED_BY_BUDGET = record(
  '0280010064000000 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 0500000000010002 6400000000000000 0000000000000000',
  'ffffffffffffff7f 0000000000000000 0000000000000000 ffffffff00000000',
  '000010000000f041 0200000000000000 0000000000000000 0000000000000000',
);

const BOOKED = record(
  '0381030207060504 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 4433221100010000 0403020108070605 0000000000907540',
  '0000000000907540 0000000000000000 d0070000a00f0000 04030201feffffff',
  '000010000000f041 0000000000000000 0000000000000000 0000000000000000',
);

const CANCELLED = record(
  '0580030207060504 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 4433221100010000 0403020108070605 0000000000000000',
  '0000000000907540 0000000000000000 d0070000a00f0000 04030201feffffff',
  '000090000000f041 0100000000000000 0000000000000000 0000000000000000',
);

const CANCEL_REJECTED = record(
  '0680030207060504 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 0500000000000000 0000000000000000 0000000000000000',
  '0000000000000000 0000000000000000 0000000000000000 04030201feffffff',
  '000090000000f041 0800000000000000 0000000000000000 0000000000000000',
);

const FILLED = record(
  '0481030207060504 0000000000003740 0000000000002240 00008056febc7842',
  '000010000000f041 000020000000f041 0d0c0b0a65000000 ffffffffffff3f43',
  '6600000067000000 0000000000005a40 0000000000405a40 6a0000006b000000',
  '6c0000006d000000 0100000004030201 feffffff00000000 0000000000000000',
);

const CHECKPOINTED = record(
  '0780000000000000 0000000000003840 0000000000002240 00008056febc7842',
  '0000000000000000 efcdab8967452301 0000000000003041 0000000000000000',
  '0000000000000000 0000000000000000 0000000000000000 0000000000000000',
  '000010000000f041 0000000000000000 0000000000000000 0000000000000000',
);

const ASSET_DEFINED = record(
  '1080000000000000 0000000000003940 0000000000002240 00008056febc7842',
  '000010000000f041 000000000a030000 5553440000000000 0000000000000000',
  'feff000000000000 0000000000000000 0000000000000000 0000000000000000',
);

const INSTRUMENT_DEFINED = record(
  '1180030200000000 0000000000003a40 0000000000002240 00008056febc7842',
  '000010000000f041 0000000002060000 0200000001000000 0100000000000000',
  '0807060504030201 0000000000408f40 ffffffffffff3f43 d0070000a00f0000',
  '6274637573640000 0000000000000000 0000000000000000 0000000000000000',
);

const DEFINITION_REJECTED = record(
  '1280000000000000 0000000000003b40 0000000000002240 00008056febc7842',
  '000010000000f041 0000000000000000 0000000000000000 0000000000000000',
  '0000000000000000 0000000000000000 0000000000000000 0000000000000000',
  '0000000000000000 0900000000000000 0000000000000000 0000000000000000',
);

const EXPIRED = record(
  '0981030207060504 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 4433221100030000 0403020108070605 0000000000000000',
  '0000000000907540 0000000000000000 d0070000a00f0000 04030201feffffff',
  '000090000000f041 0000000000000000 0000000000000000 0000000000000000',
);

const TIME_ADVANCED = record(
  '0a80000000000000 0000000000003e40 0000000000002240 00008056febc7842',
  '000010000000f041 0000000000000000 0000000000002c40 0000000000000000',
  '0000000000000000 0000000000000000 0000000000000000 0000000000000000',
  '0000000000000000 0000000000000000 0000000000000000 0000000000000000',
);

const STOP_PLACED = record(
  '0b81030207060504 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 4433221102000004 0403020108070605 0000000000907540',
  '0000000000907540 0000000000000000 d0070000a00f0000 04030201feffffff',
  '000010000000f041 0000000000000000 0000000000000000 0000000000000000',
);

const TRIGGERED = record(
  '0c01030207060504 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 4433221102000000 0403020108070605 0000000000907540',
  '0000000000907540 0000000000000000 d0070000a00f0000 ffffffff00000000',
  '000090000000f041 0000000000000000 0000000000000000 0000000000000000',
);

const REDUCED_BY_BUDGET = record(
  '0d00030207060504 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 4433221101010302 0403020108070605 feffffffffffff7f',
  'ffffffffffffff7f 0000000000000000 d0070000a00f0000 ffffffff00000000',
  '000010000000f041 0500000000000000 0000000000000000 0000000000000000',
);

const AMENDED = record(
  '0e81030207060504 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 4433221100000000 0403020108070605 0000000000907540',
  '0000000000c07540 0000000000d07540 d0070000a00f0000 04030201feffffff',
  '000090000000f041 0000000000000000 0807060504030201 0503020100000000',
);

const AMEND_REJECTED = record(
  '0f81030207060504 0000000000003640 0000000000002240 00008056febc7842',
  '000010000000f041 0500000000000000 0000000000000000 0000000000000000',
  '0000000000000000 0000000000000000 0000000000000000 04030201feffffff',
  '000090000000f041 1100000000000000 0807060504030201 0000000000000000',
);

const INSTRUMENT_UPDATED = record(
  '1480030200000000 0000000000003f40 0000000000002240 00008056febc7842',
  '000010000000f041 0000000000000000 0403020150c30000 0000000000000000',
  '0000000000000000 0000000000408f40 ffffffffffff3f43 d0070000a00f0000',
  '0000000000000000 0000000000000000 0000000000000000 0000000000000000',
);

const MASS_CANCELLED = record(
  '0880030207060504 0000000000003c40 0000000000002240 00008056febc7842',
  '000010000000f041 4433221100000000 0000000000002c40 0000000000000000',
  '0000000000000000 0000000000000000 0000000000000000 0000000000000000',
  '0000000000000000 0000000000000000 0000000000000000 0000000000000000',
);

const INSTRUMENT_STATE_CHANGED = record(
  '1380030200000000 0000000000003d40 0000000000002240 00008056febc7842',
  '000010000000f041 0000000003010000 0000000000000000 0000000000000000',
  '0000000000000000 0000000000000000 0000000000000000 0000000000000000',
  '0000000000000000 0000000000000000 0000000000000000 0000000000000000',
);

const COMMAND = { commandSequence: 9, timestampMs: 1_700_000_000_000 } as const;
const COMMAND_ID = 2 ** 32 + 1;
const ORDER = {
  ...COMMAND,
  instrumentId: 0x0203,
  accountId: 0x04050607,
  orderId: COMMAND_ID,
  side: 1,
  keyId: 0x11223344,
  orderType: 0,
  timeInForce: 1,
  selfTradePrevention: 0,
  flags: 0,
  priceTicks: 0x01020304,
  stopPriceTicks: 0x05060708,
  makerRatePpm: 2_000,
  takerRatePpm: 4_000,
} as const;
const PLACE = { slot: 0x01020304, generation: 0xfffffffe } as const;
const NO_UNITS = { remainingBeforeUnits: 0n, remainingAfterUnits: 0n } as const;
const STATE = { ...ORDER, ...NO_UNITS, eventSequence: 22, isLastOfCommand: true, commandId: COMMAND_ID } as const;
/** What an event carries of an order that its command does not describe. */
const NOTHING_KNOWN = {
  side: 0,
  timeInForce: 0,
  priceTicks: 0,
  stopPriceTicks: 0,
  makerRatePpm: 0,
  takerRatePpm: 0,
  remainingBeforeLots: 0,
  remainingAfterLots: 0,
} as const;

const EVENTS: readonly [name: string, bytes: Uint8Array, event: ExchangeEvent][] = [
  [
    'ACCEPTED with a long client order id',
    ACCEPTED,
    {
      ...ORDER,
      kind: EventKind.ACCEPTED,
      eventSequence: 21,
      isLastOfCommand: false,
      quantityLots: 12_345,
      budgetUnits: 0n,
      expiresAtMs: 1_700_000_000_123,
      clientOrderId: 'abcdefghijklmnopqrstuvwxyz0123456789',
    },
  ],
  [
    'REJECTED',
    REJECTED,
    {
      ...STATE,
      kind: EventKind.REJECTED,
      remainingBeforeLots: 12_345,
      remainingAfterLots: 0,
      slot: -1,
      generation: 0,
      reason: 7,
    },
  ],
  [
    'REJECTED by budget',
    REJECTED_BY_BUDGET,
    {
      ...STATE,
      ...NOTHING_KNOWN,
      kind: EventKind.REJECTED,
      instrumentId: 1,
      accountId: 100,
      keyId: 5,
      timeInForce: 1,
      flags: 2,
      priceTicks: 100,
      remainingBeforeUnits: 2n ** 63n - 1n,
      slot: -1,
      generation: 0,
      reason: 2,
    },
  ],
  ['BOOKED', BOOKED, { ...STATE, ...PLACE, kind: EventKind.BOOKED, remainingBeforeLots: 345, remainingAfterLots: 345 }],
  [
    'CANCELLED',
    CANCELLED,
    {
      ...STATE,
      ...PLACE,
      kind: EventKind.CANCELLED,
      side: 0,
      remainingBeforeLots: 345,
      remainingAfterLots: 0,
      commandId: 2 ** 32 + 9,
      reason: 1,
    },
  ],
  [
    'CANCEL_REJECTED',
    CANCEL_REJECTED,
    {
      ...STATE,
      ...PLACE,
      ...NOTHING_KNOWN,
      kind: EventKind.CANCEL_REJECTED,
      keyId: 5,
      commandId: 2 ** 32 + 9,
      reason: 8,
    },
  ],
  [
    'FILLED',
    FILLED,
    {
      ...COMMAND,
      kind: EventKind.FILLED,
      eventSequence: 23,
      isLastOfCommand: true,
      instrumentId: 0x0203,
      takerSide: 1,
      priceTicks: 101,
      quantityLots: 2 ** 53 - 1,
      makerOrderId: COMMAND_ID,
      makerAccountId: 0x04050607,
      makerLimitTicks: 102,
      makerRemainingLots: 104,
      makerMakerRatePpm: 106,
      makerTakerRatePpm: 107,
      makerSlot: PLACE.slot,
      makerGeneration: PLACE.generation,
      takerOrderId: 2 ** 32 + 2,
      takerAccountId: 0x0a0b0c0d,
      takerLimitTicks: 103,
      takerRemainingLots: 105,
      takerRemainingUnits: 0n,
      takerFlags: 1,
      takerMakerRatePpm: 108,
      takerTakerRatePpm: 109,
    },
  ],
  [
    'CHECKPOINTED',
    CHECKPOINTED,
    {
      ...COMMAND,
      kind: EventKind.CHECKPOINTED,
      eventSequence: 24,
      isLastOfCommand: true,
      commandId: COMMAND_ID,
      stateHash: '0123456789abcdef',
      restingOrders: 1_048_576,
    },
  ],
  [
    'ASSET_DEFINED',
    ASSET_DEFINED,
    {
      ...COMMAND,
      kind: EventKind.ASSET_DEFINED,
      eventSequence: 25,
      isLastOfCommand: true,
      commandId: COMMAND_ID,
      asset: { assetId: 0xfffe, code: 'USD', decimals: 10 },
    },
  ],
  [
    'INSTRUMENT_DEFINED',
    INSTRUMENT_DEFINED,
    {
      ...COMMAND,
      kind: EventKind.INSTRUMENT_DEFINED,
      eventSequence: 26,
      isLastOfCommand: true,
      commandId: COMMAND_ID,
      definition: {
        instrumentId: 0x0203,
        symbol: 'btcusd',
        tickMantissa: 1n,
        tickScale: 2,
        lotUnits: 0x0102030405060708n,
        minQuantityLots: 1_000,
        maxQuantityLots: 2 ** 53 - 1,
        makerRatePpm: 2_000,
        takerRatePpm: 4_000,
      },
      baseAssetId: 2,
      quoteAssetId: 1,
    },
  ],
  [
    'DEFINITION_REJECTED',
    DEFINITION_REJECTED,
    {
      ...COMMAND,
      kind: EventKind.DEFINITION_REJECTED,
      eventSequence: 27,
      isLastOfCommand: true,
      commandId: COMMAND_ID,
      reason: 9,
    },
  ],
  [
    'EXPIRED',
    EXPIRED,
    {
      ...STATE,
      ...PLACE,
      kind: EventKind.EXPIRED,
      timeInForce: 3,
      remainingBeforeLots: 345,
      remainingAfterLots: 0,
      commandId: 2 ** 32 + 9,
    },
  ],
  [
    'TIME_ADVANCED',
    TIME_ADVANCED,
    {
      ...COMMAND,
      kind: EventKind.TIME_ADVANCED,
      eventSequence: 30,
      isLastOfCommand: true,
      commandId: COMMAND_ID,
      expiredOrders: 14,
    },
  ],
  [
    'STOP_PLACED',
    STOP_PLACED,
    {
      ...STATE,
      ...PLACE,
      kind: EventKind.STOP_PLACED,
      orderType: 2,
      timeInForce: 0,
      flags: 4,
      remainingBeforeLots: 345,
      remainingAfterLots: 345,
    },
  ],
  [
    'TRIGGERED',
    TRIGGERED,
    {
      ...STATE,
      kind: EventKind.TRIGGERED,
      isLastOfCommand: false,
      orderType: 2,
      timeInForce: 0,
      remainingBeforeLots: 345,
      remainingAfterLots: 345,
      slot: -1,
      generation: 0,
      commandId: 2 ** 32 + 9,
    },
  ],
  [
    'REDUCED by budget',
    REDUCED_BY_BUDGET,
    {
      ...STATE,
      kind: EventKind.REDUCED,
      isLastOfCommand: false,
      side: 0,
      orderType: 1,
      selfTradePrevention: 3,
      flags: 2,
      remainingBeforeLots: 0,
      remainingAfterLots: 0,
      remainingBeforeUnits: 2n ** 63n - 1n,
      remainingAfterUnits: 2n ** 63n - 2n,
      slot: -1,
      generation: 0,
      reason: 5,
    },
  ],
  [
    'AMENDED',
    AMENDED,
    {
      ...STATE,
      ...PLACE,
      kind: EventKind.AMENDED,
      timeInForce: 0,
      remainingBeforeLots: 348,
      remainingAfterLots: 345,
      commandId: 2 ** 32 + 9,
      totalLots: 349,
      heldUnits: 0x0102030405060708n,
      priceTicksBefore: 0x01020305,
    },
  ],
  [
    'AMEND_REJECTED',
    AMEND_REJECTED,
    {
      ...STATE,
      ...PLACE,
      ...NOTHING_KNOWN,
      kind: EventKind.AMEND_REJECTED,
      side: 1,
      keyId: 5,
      commandId: 2 ** 32 + 9,
      heldUnits: 0x0102030405060708n,
      reason: 17,
    },
  ],
  [
    'INSTRUMENT_UPDATED',
    INSTRUMENT_UPDATED,
    {
      ...COMMAND,
      kind: EventKind.INSTRUMENT_UPDATED,
      eventSequence: 31,
      isLastOfCommand: true,
      commandId: COMMAND_ID,
      instrumentId: 0x0203,
      referencePriceTicks: 0x01020304,
      priceBandPpm: 50_000,
      minQuantityLots: 1_000,
      maxQuantityLots: 2 ** 53 - 1,
      makerRatePpm: 2_000,
      takerRatePpm: 4_000,
    },
  ],
  [
    'MASS_CANCELLED',
    MASS_CANCELLED,
    {
      ...COMMAND,
      kind: EventKind.MASS_CANCELLED,
      eventSequence: 28,
      isLastOfCommand: true,
      commandId: COMMAND_ID,
      accountId: 0x04050607,
      instrumentId: 0x0203,
      keyId: 0x11223344,
      cancelledOrders: 14,
    },
  ],
  [
    'INSTRUMENT_STATE_CHANGED',
    INSTRUMENT_STATE_CHANGED,
    {
      ...COMMAND,
      kind: EventKind.INSTRUMENT_STATE_CHANGED,
      eventSequence: 29,
      isLastOfCommand: true,
      commandId: COMMAND_ID,
      instrumentId: 0x0203,
      state: 3,
      stateBefore: 1,
    },
  ],
];

describe('the bytes of every event', () => {
  test.each(EVENTS)('%s', (_, bytes, event) => {
    const window = new RecordWindow(new ArrayBuffer(3 * SLOT_BYTES));
    window.u8.fill(0xa5);
    window.u8.set(bytes.subarray(0, SLOT_BYTES), 2 * SLOT_BYTES); // the last slot: a second one wraps to the first
    window.u8.set(bytes.subarray(SLOT_BYTES), 0);
    expect(decodeEvent(window, 2 * SLOT_BYTES, 0)).toEqual(event);
    expect(eventSlots(window, 2 * SLOT_BYTES) * SLOT_BYTES).toBe(bytes.length);
  });

  test('every kind of event has its golden record', () => {
    const kinds = new Set(EVENTS.map(([, bytes]) => bytes[0]));
    expect([...kinds].sort()).toEqual([...Object.values(EventKind)].sort());
  });
});
