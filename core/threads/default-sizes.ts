export interface RingSizes {
  readonly commandSlots: number; // powers of two
  readonly eventSlots: number;
}

export const DEFAULT_RING_SIZES: RingSizes = { commandSlots: 2 ** 16, eventSlots: 2 ** 17 };

/** A start then replays this many commands at most: a few seconds. */
export const DEFAULT_SNAPSHOT_EVERY_COMMANDS = 1_000_000;
