import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import { bytesOf, type Field, writeClientOrderId } from './field-table.ts';

// Where every field of every event lies, written out by hand from the description of the format.

const HEADER: readonly Field[] = [
  ['eventSequence', 8, 'f64'],
  ['commandSequence', 16, 'f64'],
  ['timestampMs', 24, 'f64'],
];

const ORDER: readonly Field[] = [
  ...HEADER,
  ['instrumentId', 2, 'u16'],
  ['accountId', 4, 'u32'],
  ['orderId', 32, 'f64'],
  ['keyId', 40, 'u32'],
  ['orderType', 44, 'u8'],
  ['timeInForce', 45, 'u8'],
  ['selfTradePrevention', 46, 'u8'],
  ['flags', 47, 'u8'],
  ['priceTicks', 48, 'i32'],
  ['stopPriceTicks', 52, 'i32'],
  ['makerRatePpm', 80, 'u32'],
  ['takerRatePpm', 84, 'u32'],
];
const ACCEPTED: readonly Field[] = [...ORDER, ['quantityLots', 56, 'f64'], ['expiresAtMs', 72, 'f64']];
const STATE: readonly Field[] = [...ORDER, ['slot', 88, 'i32'], ['generation', 92, 'u32'], ['commandId', 96, 'f64']];
const FILLED: readonly Field[] = [
  ...HEADER,
  ['instrumentId', 2, 'u16'],
  ['makerAccountId', 4, 'u32'],
  ['makerOrderId', 32, 'f64'],
  ['takerOrderId', 40, 'f64'],
  ['takerAccountId', 48, 'u32'],
  ['priceTicks', 52, 'i32'],
  ['quantityLots', 56, 'f64'],
  ['makerLimitTicks', 64, 'i32'],
  ['takerLimitTicks', 68, 'i32'],
  ['makerRemainingLots', 72, 'f64'],
  ['makerMakerRatePpm', 88, 'u32'],
  ['makerTakerRatePpm', 92, 'u32'],
  ['takerMakerRatePpm', 96, 'u32'],
  ['takerTakerRatePpm', 100, 'u32'],
  ['takerFlags', 104, 'u8'],
  ['makerSlot', 108, 'i32'],
  ['makerGeneration', 112, 'u32'],
];
/** Definitions keep their command's id where orders keep theirs. */
const DEFINED: readonly Field[] = [...HEADER, ['commandId', 32, 'f64']];

const WITHOUT_REASON = new Set<EventKind>([
  EventKind.BOOKED,
  EventKind.EXPIRED,
  EventKind.STOP_PLACED,
  EventKind.TRIGGERED,
]);

/** The fields of an event's object that lie in the record as they are named there, by kind and by lots or budget. */
export function fieldsOf(kind: EventKind, byBudget: boolean): readonly Field[] {
  switch (kind) {
    case EventKind.ACCEPTED:
      return byBudget ? [...ACCEPTED, ['budgetUnits', 64, 'i64']] : ACCEPTED;
    case EventKind.FILLED:
      return [...FILLED, byBudget ? ['takerRemainingUnits', 80, 'i64'] : ['takerRemainingLots', 80, 'f64']];
    case EventKind.CHECKPOINTED:
      return [...HEADER, ['restingOrders', 48, 'f64'], ['commandId', 96, 'f64']];
    case EventKind.ASSET_DEFINED:
      return DEFINED;
    case EventKind.INSTRUMENT_DEFINED:
      return [...DEFINED, ['baseAssetId', 48, 'u32'], ['quoteAssetId', 52, 'u32']];
    case EventKind.DEFINITION_REJECTED:
      return [...DEFINED, ['reason', 104, 'u8']];
    case EventKind.MASS_CANCELLED:
      return [
        ...DEFINED,
        ['instrumentId', 2, 'u16'],
        ['accountId', 4, 'u32'],
        ['keyId', 40, 'u32'],
        ['cancelledOrders', 48, 'f64'],
      ];
    case EventKind.TIME_ADVANCED:
      return [...DEFINED, ['expiredOrders', 48, 'f64']];
    case EventKind.INSTRUMENT_UPDATED:
      return [
        ...DEFINED,
        ['instrumentId', 2, 'u16'],
        ['referencePriceTicks', 48, 'i32'],
        ['priceBandPpm', 52, 'u32'],
        ['minQuantityLots', 72, 'f64'],
        ['maxQuantityLots', 80, 'f64'],
        ['makerRatePpm', 88, 'u32'],
        ['takerRatePpm', 92, 'u32'],
      ];
    case EventKind.INSTRUMENT_STATE_CHANGED:
      return [...DEFINED, ['instrumentId', 2, 'u16'], ['state', 44, 'u8'], ['stateBefore', 45, 'u8']];
    default: {
      const type = byBudget ? 'i64' : 'f64';
      const unit = byBudget ? 'Units' : 'Lots';
      const remaining: readonly Field[] = [
        [`remainingAfter${unit}`, 56, type],
        [`remainingBefore${unit}`, 64, type],
      ];
      const state = [...STATE, ...remaining];
      if (WITHOUT_REASON.has(kind)) return state;
      if (kind === EventKind.AMENDED)
        return [...state, ['totalLots', 72, 'f64'], ['heldUnits', 112, 'i64'], ['priceTicksBefore', 120, 'i32']];
      const refused: readonly Field[] = [...state, ['reason', 104, 'u8']];
      return kind === EventKind.AMEND_REJECTED ? [...refused, ['heldUnits', 112, 'i64']] : refused;
    }
  }
}

export const ASSET: readonly Field[] = [
  ['assetId', 64, 'u32'],
  ['decimals', 44, 'u8'],
];
export const DEFINITION: readonly Field[] = [
  ['instrumentId', 2, 'u16'],
  ['tickScale', 44, 'u8'],
  ['tickMantissa', 56, 'i64'],
  ['lotUnits', 64, 'i64'],
  ['minQuantityLots', 72, 'f64'],
  ['maxQuantityLots', 80, 'f64'],
  ['makerRatePpm', 88, 'u32'],
  ['takerRatePpm', 92, 'u32'],
];

/** @returns the only bytes that an event may have: one slot, or two with a long client order id */
export function encodeEvent(event: ExchangeEvent): Uint8Array {
  const isLong = event.kind === EventKind.ACCEPTED && event.clientOrderId.length > 31;
  const flags = 'flags' in event ? event.flags : event.kind === EventKind.FILLED ? event.takerFlags : 0;
  const bytes = bytesOf(fieldsOf(event.kind, (flags & 2) !== 0), event, isLong ? 2 : 1);
  const side = 'side' in event ? event.side : event.kind === EventKind.FILLED ? event.takerSide : 0;
  bytes[0] = event.kind;
  bytes[1] = side + (event.isLastOfCommand ? 128 : 0);
  if (event.kind === EventKind.ACCEPTED) {
    writeClientOrderId(bytes, event.clientOrderId, event.eventSequence);
  } else if (event.kind === EventKind.CHECKPOINTED) {
    new DataView(bytes.buffer).setBigUint64(40, BigInt(`0x${event.stateHash}`), true);
  } else if (event.kind === EventKind.ASSET_DEFINED) {
    addBytes(bytes, bytesOf(ASSET, event.asset));
    writeText(bytes, 45, 48, event.asset.code);
  } else if (event.kind === EventKind.INSTRUMENT_DEFINED) {
    addBytes(bytes, bytesOf(DEFINITION, event.definition));
    writeText(bytes, 45, 96, event.definition.symbol);
  }
  return bytes;
}

function writeText(bytes: Uint8Array, lengthAt: number, textAt: number, text: string): void {
  bytes[lengthAt] = text.length;
  bytes.set(Buffer.from(text, 'latin1'), textAt);
}

/** Lays a nested object's fields over those of its event: where one has a field, the other is zero. */
function addBytes(bytes: Uint8Array, more: Uint8Array): void {
  for (let at = 0; at < more.length; at++) bytes[at] = bytes[at]! | more[at]!;
}
