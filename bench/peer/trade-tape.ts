/** What both arms say about their trades, in order: equal tapes are equal trades. */
export interface TradeTape {
  trades: number;
  lots: number;
  checksum: number; // of price and lots of every trade, and of makers where `withMakers` was asked for
}

export function newTape(): TradeTape {
  return { trades: 0, lots: 0, checksum: 0 };
}

export function addTrade(tape: TradeTape, makerIndex: number, priceTicks: number, lots: number): void {
  tape.trades += 1;
  tape.lots += lots;
  tape.checksum = (Math.imul(Math.imul(Math.imul(tape.checksum, 31) + makerIndex, 31) + priceTicks, 31) + lots) | 0;
}

export function tapeText({ trades, lots, checksum }: TradeTape): string {
  return `${trades} trades, ${lots} lots, checksum ${(checksum >>> 0).toString(16).padStart(8, '0')}`;
}
