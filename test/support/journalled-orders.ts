import { LogKind } from '../../core/journal/frame.ts';
import { LogReader } from '../../core/journal/log-reader.ts';
import { COMMAND, commandSlots } from '../../core/protocol/command-record.ts';
import { CommandKind } from '../../core/protocol/kinds.ts';
import { SLOT_BYTES } from '../../core/protocol/record-window.ts';

export interface JournalledOrder {
  readonly orderId: string;
  readonly timestampMs: number;
}

/** @returns all new orders in the journal, in its order */
export function journalledOrders(dataFolder: string): JournalledOrder[] {
  const reader = new LogReader(dataFolder, LogKind.JOURNAL);
  const orders: JournalledOrder[] = [];
  for (let frame = reader.nextFrame(); frame !== null; frame = reader.nextFrame()) {
    const { window, byteLength } = frame;
    for (let at = 0; at < byteLength; at += commandSlots(window, at) * SLOT_BYTES) {
      if (window.u8[at + COMMAND.KIND] !== CommandKind.NEW_ORDER) continue;
      const timestampMs = window.f64[(at + COMMAND.TIMESTAMP_MS) >> 3]!;
      orders.push({ orderId: `${window.f64[(at + COMMAND.COMMAND_ID) >> 3]}`, timestampMs });
    }
  }
  reader.close();
  return orders;
}

/** @returns their ids */
export function journalledOrderIds(dataFolder: string): string[] {
  return journalledOrders(dataFolder).map(({ orderId }) => orderId);
}
