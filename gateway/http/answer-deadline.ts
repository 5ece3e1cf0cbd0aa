/**
 * Waits for an outcome for a limited time. The outcome itself goes on: only the waiting ends.
 * @param lateError made when the time is over
 */
export async function withinDeadline<Outcome>(
  outcome: Promise<Outcome>,
  timeoutMs: number,
  lateError: () => Error,
): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(lateError()), timeoutMs);
  });
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}
