/**
 * Waits for an answer until it is time to end. (A race against one promise that lives as long as its owner would keep
 * every answer until then: each race leaves its reaction with it.)
 * @returns null once it is aborted, whatever the answer would have been
 */
export function unlessAborted<Answer>(answer: Promise<Answer>, signal: AbortSignal): Promise<Answer | null> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(null);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    void answer.then(resolve, reject).then(() => signal.removeEventListener('abort', onAbort));
  });
}
