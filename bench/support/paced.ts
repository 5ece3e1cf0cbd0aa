/** What is due at once is done together, up to so many. */
export const PACED_BATCH = 64;

/**
 * Waits on the clock for each command's time, whatever became of the ones before: a stall delays all that were due meanwhile.
 * @param act does the commands up to that one
 * @returns ms of each from its time until it was done
 */
export function pacedTimes(count: number, intervalMs: number, act: (end: number) => void): Float64Array<ArrayBuffer> {
  const times = new Float64Array(count);
  const startMs = performance.now();
  let nowMs = startMs;
  for (let done = 0; done < count; nowMs = performance.now()) {
    const due = Math.min(count, done + PACED_BATCH, Math.floor((nowMs - startMs) / intervalMs) + 1);
    if (due <= done) continue;
    act(due);
    const doneMs = performance.now() - startMs;
    for (; done < due; done++) times[done] = doneMs - done * intervalMs;
  }
  return times;
}

/** @param act does the commands up to that one @returns ms of each, with those of reading the timer */
export function commandTimes(count: number, act: (end: number) => void): Float64Array<ArrayBuffer> {
  const times = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    const startMs = performance.now();
    act(index + 1);
    times[index] = performance.now() - startMs;
  }
  return times;
}
