/** What a load at a fixed rate is made of. */
export interface OpenLoop {
  readonly rate: number; // per second
  readonly count: number;
  /** Each carries one request at a time, and at most its share of all: ceil(count / lanes). */
  readonly lanes: number;
  /** @returns when the answer is there */
  readonly send: (lane: number, intendedMs: number) => Promise<void>;
}

export interface SendTimes {
  readonly lateMs: readonly number[]; // of each request: from the intended time until the sender looked at it
  readonly waits: number; // requests for which no lane was free then
}

const TICK_MS = 1;

/**
 * Sends what is due each millisecond, whatever comes back, and sleeps in between: a sender that spins takes its core from
 * what it measures. What finds no free lane goes with the next one that comes free, and its intended time stays: a server
 * that stalls does not hide it by holding its clients up.
 */
export function sendOnTime({ rate, count, lanes, send }: OpenLoop): Promise<SendTimes> {
  const shares = Math.ceil(count / lanes);
  const sent = Array<number>(lanes).fill(0);
  const free = Array.from({ length: lanes }, (_, lane) => lane); // a queue: the lane that rested longest goes first
  const queue: number[] = []; // intended times of what is due
  const lateMs: number[] = [];
  let waits = 0;
  let due = 0;
  let answered = 0;
  const finished = Promise.withResolvers<SendTimes>();
  const startMs = performance.now();

  const drain = (): void => {
    while (queue.length > 0 && free.length > 0) {
      const lane = free.shift()!;
      sent[lane]! += 1;
      send(lane, queue.shift()!).then(() => {
        if (sent[lane]! < shares) free.push(lane);
        answered += 1;
        if (answered === count) finished.resolve({ lateMs, waits });
        else drain();
      }, finished.reject);
    }
  };
  const tick = (): void => {
    const nowMs = performance.now();
    const dueBefore = due;
    for (; due < count; due++) {
      const intendedMs = startMs + Math.ceil((due * 1_000) / rate / TICK_MS) * TICK_MS;
      if (intendedMs > nowMs) break;
      lateMs.push(nowMs - intendedMs);
      queue.push(intendedMs);
    }
    drain();
    waits += Math.min(queue.length, due - dueBefore);
    if (due < count) setTimeout(tick, TICK_MS);
  };
  tick();
  return finished.promise;
}
