import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  AmendOrderFields,
  CancelOrderFields,
  CommandHeader,
  InstrumentStateFields,
  InstrumentUpdateFields,
  MassCancelFields,
  NewOrderFields,
} from '../../../core/protocol/command-encoder.ts';
import { commandSlots } from '../../../core/protocol/command-record.ts';
import { CommandKind } from '../../../core/protocol/kinds.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { type ExchangeCommand, encodeCommand } from '../../support/exchange-command.ts';
import { bytesOf, clientOrderIds, type Field, valuesOf, writeClientOrderId } from '../../support/field-table.ts';

const SLOTS = 4;

const HEADER: readonly Field[] = [
  ['accountId', 4, 'u32'],
  ['commandSequence', 8, 'f64'],
  ['commandId', 16, 'f64'],
  ['timestampMs', 24, 'f64'],
  ['ledgerSequence', 32, 'f64'],
];
const NEW_ORDER: readonly Field[] = [
  ['side', 1, 'u8'],
  ['instrumentId', 2, 'u16'],
  ['keyId', 40, 'u32'],
  ['orderType', 44, 'u8'],
  ['timeInForce', 45, 'u8'],
  ['selfTradePrevention', 46, 'u8'],
  ['flags', 47, 'u8'],
  ['priceTicks', 48, 'i32'],
  ['stopPriceTicks', 52, 'i32'],
  ['quantityLots', 56, 'f64'],
  ['expiresAtMs', 72, 'f64'],
  ['makerRatePpm', 80, 'u32'],
  ['takerRatePpm', 84, 'u32'],
];
const BUDGET: Field = ['budgetUnits', 64, 'i64'];
const CANCEL_ORDER: readonly Field[] = [
  ['instrumentId', 2, 'u16'],
  ['keyId', 40, 'u32'],
  ['orderId', 48, 'f64'],
  ['slot', 56, 'i32'],
  ['generation', 60, 'u32'],
];
const AMEND_ORDER: readonly Field[] = [
  ...CANCEL_ORDER,
  ['side', 1, 'u8'],
  ['priceTicks', 44, 'i32'],
  ['quantityLots', 64, 'f64'],
  ['heldUnits', 72, 'i64'],
];
const UPDATE: readonly Field[] = [
  ['instrumentId', 2, 'u16'],
  ['referencePriceTicks', 48, 'i32'],
  ['priceBandPpm', 52, 'u32'],
  ['minQuantityLots', 72, 'f64'],
  ['maxQuantityLots', 80, 'f64'],
  ['makerRatePpm', 88, 'u32'],
  ['takerRatePpm', 92, 'u32'],
];
const MASS_CANCEL: readonly Field[] = [
  ['instrumentId', 2, 'u16'],
  ['keyId', 40, 'u32'],
];
const INSTRUMENT_STATE: readonly Field[] = [
  ['instrumentId', 2, 'u16'],
  ['state', 44, 'u8'],
];
const DEFINE_ASSET: readonly Field[] = [
  ['decimals', 44, 'u8'],
  ['assetId', 64, 'u32'],
];
const DEFINE_INSTRUMENT: readonly Field[] = [
  ['instrumentId', 2, 'u16'],
  ['tickScale', 44, 'u8'],
  ['tickMantissa', 56, 'i64'],
  ['lotUnits', 64, 'i64'],
  ['minQuantityLots', 72, 'f64'],
  ['maxQuantityLots', 80, 'f64'],
  ['makerRatePpm', 88, 'u32'],
  ['takerRatePpm', 92, 'u32'],
];

const headers = valuesOf<CommandHeader>(HEADER);
const places = fc.integer({ min: 0, max: SLOTS - 1 });
const letters = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'abcdefgxyz0189'), minLength, maxLength });

/** Encodes into a ring slot full of an earlier lap's bytes, and compares the whole slot: reserved bytes are zero. */
function expectBytes(command: ExchangeCommand, place: number, expected: Uint8Array): void {
  const window = new RecordWindow(new ArrayBuffer(SLOTS * SLOT_BYTES));
  window.u8.fill(0xa5);
  const at = place * SLOT_BYTES;
  const continuationAt = ((place + 1) % SLOTS) * SLOT_BYTES;
  encodeCommand(window, at, continuationAt, command);
  const record = Buffer.concat([
    window.u8.subarray(at, at + SLOT_BYTES),
    window.u8.subarray(continuationAt, continuationAt + expected.length - SLOT_BYTES),
  ]);
  expect(record.toString('hex')).toBe(Buffer.from(expected).toString('hex'));
  expect(commandSlots(window, at)).toBe(expected.length / SLOT_BYTES);
  const touched = new Set([place, ...(expected.length > SLOT_BYTES ? [(place + 1) % SLOTS] : [])]);
  for (let slot = 0; slot < SLOTS; slot++)
    if (!touched.has(slot)) expect(window.u8[slot * SLOT_BYTES], `slot ${slot} was touched`).toBe(0xa5);
}

describe('every field of a command is where the description says, and every other byte is zero', () => {
  test('NEW_ORDER in lots', () => {
    const orders = valuesOf<NewOrderFields>(NEW_ORDER).map((order) => ({ ...order, flags: order.flags & ~2 }));
    fc.assert(
      fc.property(headers, orders, clientOrderIds, places, (header, fields, clientOrderId, place) => {
        const order = { ...fields, budgetUnits: 0n, clientOrderId };
        const expected = bytesOf([...HEADER, ...NEW_ORDER], { ...header, ...order }, clientOrderId.length > 31 ? 2 : 1);
        expected[0] = 1;
        writeClientOrderId(expected, clientOrderId, header.commandSequence);
        expectBytes({ kind: CommandKind.NEW_ORDER, header, order }, place, expected);
      }),
    );
  });

  test('NEW_ORDER by budget', () => {
    const fields = [...NEW_ORDER, BUDGET];
    const orders = valuesOf<NewOrderFields>(fields).map((order) => ({ ...order, flags: order.flags | 2 }));
    fc.assert(
      fc.property(headers, orders, places, (header, order, place) => {
        const expected = bytesOf([...HEADER, ...fields], { ...header, ...order });
        expected[0] = 1;
        expectBytes({ kind: CommandKind.NEW_ORDER, header, order: { ...order, clientOrderId: '' } }, place, expected);
      }),
    );
  });

  test('CANCEL_ORDER', () => {
    fc.assert(
      fc.property(headers, valuesOf<CancelOrderFields>(CANCEL_ORDER), places, (header, cancel, place) => {
        const expected = bytesOf([...HEADER, ...CANCEL_ORDER], { ...header, ...cancel });
        expected[0] = 2;
        expectBytes({ kind: CommandKind.CANCEL_ORDER, header, cancel }, place, expected);
      }),
    );
  });

  test('AMEND_ORDER', () => {
    fc.assert(
      fc.property(headers, valuesOf<AmendOrderFields>(AMEND_ORDER), places, (header, amend, place) => {
        const expected = bytesOf([...HEADER, ...AMEND_ORDER], { ...header, ...amend });
        expected[0] = 6;
        expectBytes({ kind: CommandKind.AMEND_ORDER, header, amend }, place, expected);
      }),
    );
  });

  test('TIME', () => {
    fc.assert(
      fc.property(headers, places, (header, place) => {
        const expected = bytesOf(HEADER, header);
        expected[0] = 5;
        expectBytes({ kind: CommandKind.TIME, header }, place, expected);
      }),
    );
  });

  test('UPDATE_INSTRUMENT', () => {
    fc.assert(
      fc.property(headers, valuesOf<InstrumentUpdateFields>(UPDATE), places, (header, update, place) => {
        const expected = bytesOf([...HEADER, ...UPDATE], { ...header, ...update });
        expected[0] = 19;
        expectBytes({ kind: CommandKind.UPDATE_INSTRUMENT, header, update }, place, expected);
      }),
    );
  });

  test('MASS_CANCEL', () => {
    fc.assert(
      fc.property(headers, valuesOf<MassCancelFields>(MASS_CANCEL), places, (header, massCancel, place) => {
        const expected = bytesOf([...HEADER, ...MASS_CANCEL], { ...header, ...massCancel });
        expected[0] = 4;
        expectBytes({ kind: CommandKind.MASS_CANCEL, header, massCancel }, place, expected);
      }),
    );
  });

  test('SET_INSTRUMENT_STATE', () => {
    fc.assert(
      fc.property(headers, valuesOf<InstrumentStateFields>(INSTRUMENT_STATE), places, (header, change, place) => {
        const expected = bytesOf([...HEADER, ...INSTRUMENT_STATE], { ...header, ...change });
        expected[0] = 18;
        expectBytes({ kind: CommandKind.SET_INSTRUMENT_STATE, header, change }, place, expected);
      }),
    );
  });

  test('CHECKPOINT', () => {
    fc.assert(
      fc.property(headers, places, (header, place) => {
        const expected = bytesOf(HEADER, header);
        expected[0] = 3;
        expectBytes({ kind: CommandKind.CHECKPOINT, header }, place, expected);
      }),
    );
  });

  test('DEFINE_ASSET', () => {
    const assets = valuesOf<{ assetId: number; decimals: number }>(DEFINE_ASSET);
    fc.assert(
      fc.property(headers, assets, letters(2, 12), places, (header, fields, code, place) => {
        const expected = bytesOf([...HEADER, ...DEFINE_ASSET], { ...header, ...fields });
        expected[0] = 16;
        expected[45] = code.length;
        expected.set(Buffer.from(code), 48);
        expectBytes({ kind: CommandKind.DEFINE_ASSET, header, asset: { ...fields, code } }, place, expected);
      }),
    );
  });

  test('DEFINE_INSTRUMENT', () => {
    type Fields = Omit<Extract<ExchangeCommand, { definition: object }>['definition'], 'symbol' | 'base' | 'quote'>;
    const assetIds = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(
        headers,
        valuesOf<Fields>(DEFINE_INSTRUMENT),
        letters(4, 20),
        assetIds,
        assetIds,
        places,
        (header, fields, symbol, baseAssetId, quoteAssetId, place) => {
          const assets: readonly Field[] = [
            ['baseAssetId', 48, 'u32'],
            ['quoteAssetId', 52, 'u32'],
          ];
          const values = { ...header, ...fields, baseAssetId, quoteAssetId };
          const expected = bytesOf([...HEADER, ...DEFINE_INSTRUMENT, ...assets], values);
          expected[0] = 17;
          expected[45] = symbol.length;
          expected.set(Buffer.from(symbol), 96);
          const base = { assetId: baseAssetId, code: 'BASE', decimals: 8 };
          const quote = { assetId: quoteAssetId, code: 'QUOTE', decimals: 8 };
          const definition = { ...fields, symbol, base, quote };
          expectBytes({ kind: CommandKind.DEFINE_INSTRUMENT, header, definition }, place, expected);
        },
      ),
    );
  });
});
