import { fail } from '../../../core/assert.ts';
import type { EntryReason } from '../../../core/ports/ledger.ts';

/** One line of a change, as ledger-prelude.lua tells. Amounts are canonical decimal text. */
export type ChangeLine =
  | {
      readonly kind: 'ENTRY';
      readonly reason: EntryReason;
      readonly operationId: number;
      readonly accountId: number;
      readonly assetId: number;
      readonly availableBefore: string;
      readonly availableAfter: string;
      readonly heldBefore: string;
      readonly heldAfter: string;
    }
  | { readonly kind: 'WATERMARK'; readonly partition: number; readonly eventSequence: number }
  | { readonly kind: 'MET' | 'CLOSED_UNHELD' | 'FLOOR'; readonly commandId: number };

/** What one operation did: all of it, under its change sequence. */
export interface LedgerChange {
  readonly ledgerSequence: number;
  readonly timestampMs: number;
  readonly lines: readonly ChangeLine[];
}

export interface StoredChanges {
  readonly ledgerSequence: number;
  readonly changes: readonly LedgerChange[];
}

/** A message of the stream as a script answers it: its id, then names and values in turns. */
export type StreamMessage = readonly [id: string, fields: readonly string[]];

/** Lines with a command id alone. */
const MARKS = { C: 'MET', T: 'CLOSED_UNHELD', F: 'FLOOR' } as const;

export function parseChange([id, [, timestampMs, , body]]: StreamMessage): LedgerChange {
  return {
    ledgerSequence: Number(id.slice(0, id.indexOf('-'))),
    timestampMs: Number(timestampMs),
    lines: body!.split('\n').map(parseLine),
  };
}

function parseLine(text: string): ChangeLine {
  const words = text.split(' ');
  const [kind, first, second] = words;
  if (kind === 'E' && words.length === 9)
    return {
      kind: 'ENTRY',
      reason: first as EntryReason,
      operationId: Number(second),
      accountId: Number(words[3]),
      assetId: Number(words[4]),
      availableBefore: words[5]!,
      availableAfter: words[6]!,
      heldBefore: words[7]!,
      heldAfter: words[8]!,
    };
  if (kind === 'W' && words.length === 3)
    return { kind: 'WATERMARK', partition: Number(first), eventSequence: Number(second) };
  if ((kind === 'C' || kind === 'T' || kind === 'F') && words.length === 2)
    return { kind: MARKS[kind], commandId: Number(first) };
  return fail(`Redis holds the change line "${text}"`);
}
