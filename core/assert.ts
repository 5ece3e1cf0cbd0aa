/** A fact that our own code must keep did not hold. Never caught to trade on: the thread ends and restart recovers. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Ends the thread with the broken fact. Callers test first and build the text only when it is needed. */
export function fail(fact: string): never {
  throw new InvariantError(fact);
}
