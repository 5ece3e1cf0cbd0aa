/** When an order that waits is answered 503, outcome unknown. */
export const DEFAULT_ANSWER_TIMEOUT_MS = 30_000;

/** Closed orders that can still be asked for without the history. */
export const DEFAULT_CLOSED_ORDERS = 200_000;
