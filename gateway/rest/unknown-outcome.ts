import { withinDeadline } from '../http/answer-deadline.ts';
import { tryLater } from './errors.ts';

/**
 * Waits for the outcome of what a client asked for, which goes on when the waiting ends.
 * @param advice how the client finds out what became of it
 * @throws ApiError 503 when the time is over
 */
export type Answered = <Outcome>(outcome: Promise<Outcome>, advice: string) => Promise<Outcome>;

export function answeredWithin(timeoutMs: number): Answered {
  return (outcome, advice) =>
    withinDeadline(outcome, timeoutMs, () =>
      tryLater(`No answer after ${timeoutMs} ms: the outcome is unknown, and the request stands; ${advice}`, 5),
    );
}
