const PAUSE_MS = 2;
const LONGEST_TURNS = 10_000;

/** @returns once the condition holds. Rejects when it does not come to that in twenty seconds or more */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < LONGEST_TURNS; turn++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw new Error('it did not come to that');
}
