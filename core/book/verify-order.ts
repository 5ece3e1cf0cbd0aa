import { fail } from '../assert.ts';
import * as kinds from '../protocol/kinds.ts';
import type { OrderPool } from './order-pool.ts';
import { ORDER, ORDER_NUMBERS, ORDER_WORDS, TERMS, TERMS_NUMBERS } from './order-record.ts';

const { OrderFlag, TimeInForce } = kinds;

/**
 * What an order says of itself, against the place where it was found.
 * @param isUntriggered whether it was found among the stops that wait
 * @throws InvariantError naming the first fact that does not hold
 */
export function verifyOrder(orders: OrderPool, slot: number, instrumentId: number, isUntriggered: boolean): void {
  const row = slot * ORDER_WORDS;
  const ownInstrumentId = orders.orderU32[row + ORDER.HEAD]! >>> 16;
  if (ownInstrumentId !== instrumentId)
    fail(`slot ${slot}: stands in instrument ${instrumentId}, is of ${ownInstrumentId}`);
  const typeWord = orders.orderU32[row + ORDER.TYPE_WORD]!;
  if ((((typeWord >>> 24) & OrderFlag.UNTRIGGERED) !== 0) !== isUntriggered)
    fail(`slot ${slot}: its untriggered flag does not say where it stands`);
  const restingLots = orders.orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
  const totalLots = orders.terms[slot * TERMS_NUMBERS + TERMS.TOTAL_LOTS]!;
  if (!Number.isSafeInteger(totalLots) || totalLots < restingLots)
    fail(`slot ${slot}: totalLots=${totalLots}, restingLots=${restingLots}`);
  const expiresAtMs = orders.terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS]!;
  if ((((typeWord >>> 8) & 0xff) === TimeInForce.GTD) !== expiresAtMs > 0)
    fail(`slot ${slot}: expiresAtMs=${expiresAtMs} with time in force ${(typeWord >>> 8) & 0xff}`);
}
