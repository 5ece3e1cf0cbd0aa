import { describe, expect, test } from 'vitest';
import type { Asset } from '../../../core/money/asset.ts';
import type { CommandHeader, NewOrderFields } from '../../../core/protocol/command-encoder.ts';
import { commandSlots } from '../../../core/protocol/command-record.ts';
import { CommandKind } from '../../../core/protocol/kinds.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { type ExchangeCommand, encodeCommand } from '../../support/exchange-command.ts';
import { record } from '../../support/golden-record.ts';

// Journals keep these bytes for ever. Each row is 32 bytes, eight to a group, little-endian, laid out by hand from the
// description of the format: when one of these tests fails, old journals can no longer be read.

const NEW_ORDER = record(
  '0101030207060504 0000000000002240 000010000000f041 00008056febc7842',
  '0000000000405340 4433221100010000 0403020108070605 00000000801cc840',
  '0000000000000000 00b08756febc7842 d0070000a00f0000 0000000000000000',
  '2461626364656667 68696a6b6c6d6e6f 7071727374757677 78797a3031323334',
  'ff00000000000000 0000000000002240 3536373839000000 0000000000000000',
);

const NEW_ORDER_BY_BUDGET = record(
  '0100010064000000 0000000000002440 000020000000f041 00008056febc7842',
  '0000000000805340 0500000000010002 6400000000000000 0000000000000000',
  'ffffffffffffff7f 0000000000000000 0000000000000000 0000000000000000',
);

const CANCEL_ORDER = record(
  '0200030207060504 0000000000002240 000010000000f041 00008056febc7842',
  '0000000000000000 4433221100000000 000070000000f041 04030201feffffff',
);

const CHECKPOINT = record('0300000000000000 0000000000002240 000010000000f041 00008056febc7842');

const AMEND_ORDER = record(
  '0601030207060504 0000000000002240 000010000000f041 00008056febc7842',
  '0000000000405340 4433221104030201 000070000000f041 04030201feffffff',
  '00000000801cc840 0807060504030201 0000000000000000 0000000000000000',
);

const TIME = record('0500000000000000 0000000000002240 000010000000f041 00008056febc7842');

const UPDATE_INSTRUMENT = record(
  '1300030200000000 0000000000002240 000010000000f041 00008056febc7842',
  '0000000000000000 0000000000000000 0403020150c30000 0000000000000000',
  '0000000000000000 0000000000408f40 ffffffffffff3f43 d0070000a00f0000',
);

const MASS_CANCEL = record(
  '0400030207060504 0000000000002240 000010000000f041 00008056febc7842',
  '0000000000000000 4433221100000000 0000000000000000 0000000000000000',
);

const SET_INSTRUMENT_STATE = record(
  '1200030200000000 0000000000002240 000010000000f041 00008056febc7842',
  '0000000000000000 0000000003000000 0000000000000000 0000000000000000',
);

const DEFINE_ASSET = record(
  '1000000000000000 0000000000002240 000010000000f041 00008056febc7842',
  '0000000000000000 000000000a030000 5553440000000000 0000000000000000',
  'feff000000000000 0000000000000000 0000000000000000 0000000000000000',
);

const DEFINE_INSTRUMENT = record(
  '1100030200000000 0000000000002240 000010000000f041 00008056febc7842',
  '0000000000000000 0000000002060000 0200000001000000 0100000000000000',
  '0807060504030201 0000000000408f40 ffffffffffff3f43 d0070000a00f0000',
  '6274637573640000 0000000000000000 0000000000000000 0000000000000000',
);

const HEADER: CommandHeader = {
  commandSequence: 9,
  commandId: 2 ** 32 + 1,
  timestampMs: 1_700_000_000_000,
  accountId: 0x04050607,
  ledgerSequence: 0,
};
const OPERATOR = { ...HEADER, accountId: 0 };
const ORDER: NewOrderFields = {
  instrumentId: 0x0203,
  side: 1,
  keyId: 0x11223344,
  orderType: 0,
  timeInForce: 1,
  selfTradePrevention: 0,
  flags: 0,
  priceTicks: 0x01020304,
  stopPriceTicks: 0x05060708,
  quantityLots: 12_345,
  budgetUnits: 0n,
  expiresAtMs: 1_700_000_000_123,
  makerRatePpm: 2_000,
  takerRatePpm: 4_000,
  clientOrderId: 'abcdefghijklmnopqrstuvwxyz0123456789', // 31 of them in the first slot, 5 in the continuation
};
const BY_BUDGET: NewOrderFields = {
  ...ORDER,
  instrumentId: 1,
  side: 0,
  keyId: 5,
  flags: 2,
  priceTicks: 100,
  stopPriceTicks: 0,
  quantityLots: 0,
  budgetUnits: 2n ** 63n - 1n,
  expiresAtMs: 0,
  makerRatePpm: 0,
  takerRatePpm: 0,
  clientOrderId: '',
};
const BTC: Asset = { assetId: 2, code: 'BTC', decimals: 8 };
const USD: Asset = { assetId: 1, code: 'USD', decimals: 10 };

const COMMANDS: readonly [name: string, bytes: Uint8Array, command: ExchangeCommand][] = [
  [
    'NEW_ORDER with a long client order id',
    NEW_ORDER,
    { kind: CommandKind.NEW_ORDER, header: { ...HEADER, ledgerSequence: 77 }, order: ORDER },
  ],
  [
    'NEW_ORDER by budget',
    NEW_ORDER_BY_BUDGET,
    {
      kind: CommandKind.NEW_ORDER,
      header: { ...HEADER, commandSequence: 10, commandId: 2 ** 32 + 2, accountId: 100, ledgerSequence: 78 },
      order: BY_BUDGET,
    },
  ],
  [
    'CANCEL_ORDER',
    CANCEL_ORDER,
    {
      kind: CommandKind.CANCEL_ORDER,
      header: HEADER,
      cancel: {
        instrumentId: 0x0203,
        keyId: 0x11223344,
        orderId: 2 ** 32 + 7,
        slot: 0x01020304,
        generation: 0xfffffffe,
      },
    },
  ],
  [
    'AMEND_ORDER',
    AMEND_ORDER,
    {
      kind: CommandKind.AMEND_ORDER,
      header: { ...HEADER, ledgerSequence: 77 },
      amend: {
        instrumentId: 0x0203,
        keyId: 0x11223344,
        side: 1,
        orderId: 2 ** 32 + 7,
        slot: 0x01020304,
        generation: 0xfffffffe,
        priceTicks: 0x01020304,
        quantityLots: 12_345,
        heldUnits: 0x0102030405060708n,
      },
    },
  ],
  ['TIME', TIME, { kind: CommandKind.TIME, header: OPERATOR }],
  [
    'UPDATE_INSTRUMENT',
    UPDATE_INSTRUMENT,
    {
      kind: CommandKind.UPDATE_INSTRUMENT,
      header: OPERATOR,
      update: {
        instrumentId: 0x0203,
        referencePriceTicks: 0x01020304,
        priceBandPpm: 50_000,
        minQuantityLots: 1_000,
        maxQuantityLots: 2 ** 53 - 1,
        makerRatePpm: 2_000,
        takerRatePpm: 4_000,
      },
    },
  ],
  [
    'MASS_CANCEL',
    MASS_CANCEL,
    { kind: CommandKind.MASS_CANCEL, header: HEADER, massCancel: { instrumentId: 0x0203, keyId: 0x11223344 } },
  ],
  [
    'SET_INSTRUMENT_STATE',
    SET_INSTRUMENT_STATE,
    { kind: CommandKind.SET_INSTRUMENT_STATE, header: OPERATOR, change: { instrumentId: 0x0203, state: 3 } },
  ],
  ['CHECKPOINT', CHECKPOINT, { kind: CommandKind.CHECKPOINT, header: OPERATOR }],
  [
    'DEFINE_ASSET',
    DEFINE_ASSET,
    { kind: CommandKind.DEFINE_ASSET, header: OPERATOR, asset: { ...USD, assetId: 0xfffe } },
  ],
  [
    'DEFINE_INSTRUMENT',
    DEFINE_INSTRUMENT,
    {
      kind: CommandKind.DEFINE_INSTRUMENT,
      header: OPERATOR,
      definition: {
        instrumentId: 0x0203,
        symbol: 'btcusd',
        base: BTC,
        quote: USD,
        tickMantissa: 1n,
        tickScale: 2,
        lotUnits: 0x0102030405060708n,
        minQuantityLots: 1_000,
        maxQuantityLots: 2 ** 53 - 1,
        makerRatePpm: 2_000,
        takerRatePpm: 4_000,
      },
    },
  ],
];

describe('the bytes of every command', () => {
  test.each(COMMANDS)('%s', (_, bytes, command) => {
    const window = new RecordWindow(new ArrayBuffer(3 * SLOT_BYTES));
    window.u8.fill(0xa5); // what an earlier lap of the ring left
    encodeCommand(window, SLOT_BYTES, 2 * SLOT_BYTES, command);
    expect(Buffer.from(window.u8.subarray(SLOT_BYTES, SLOT_BYTES + bytes.length)).toString('hex')).toBe(
      Buffer.from(bytes).toString('hex'),
    );
    expect(commandSlots(window, SLOT_BYTES) * SLOT_BYTES).toBe(bytes.length);
  });

  test('every kind of command has its golden record', () => {
    const kinds = new Set(COMMANDS.map(([, bytes]) => bytes[0]));
    expect([...kinds].sort()).toEqual([...Object.values(CommandKind)].sort());
  });
});
