import {
  HOP_LIMIT,
  type Job,
  type JobHandler,
  MAX_ATTEMPTS,
  type ParkingCause,
  PoisonJobError,
} from '../../core/ports/work-queue.ts';
import { checkedPayloadText } from './job-text.ts';

/** Pauses before the second try, the third …: one fewer than there are tries. */
export const RETRY_DELAYS_MS: readonly number[] = [1_000, 5_000, 15_000, 60_000];
const MAX_REASON_CHARACTERS = 500;

export interface Parking {
  readonly act: 'park';
  readonly cause: ParkingCause;
  readonly reason: string;
}

/** What becomes of a job once its handler was called. `job` is how it goes on; its payload stands in `payloadText`. */
export type JobFate =
  | { readonly act: 'done' }
  | { readonly act: 'retry'; readonly job: Job; readonly delayMs: number }
  | { readonly act: 'forward'; readonly job: Job; readonly payloadText: string }
  | Parking;

export interface FateRules {
  readonly types: ReadonlySet<string>;
  readonly retryDelaysMs: readonly number[]; // MAX_ATTEMPTS - 1 of them
  readonly hopLimit: number;
}

/** @param retryDelaysMs others than usual, for a test that can't wait; Infinity as hop limit shows what the limit is for */
export function fateRules(
  types: readonly string[],
  { retryDelaysMs = RETRY_DELAYS_MS, hopLimit = HOP_LIMIT }: Partial<Omit<FateRules, 'types'>> = {},
): FateRules {
  return { types: new Set(types), retryDelaysMs, hopLimit };
}

/** Calls the handler and decides. Never rejects: whatever it throws is a reason to try again or to park. */
export async function fateOf(job: Job, handler: JobHandler, rules: FateRules): Promise<JobFate> {
  try {
    const result = await handler(job);
    if (result.act === 'done') return result;
    const { type, payload } = result;
    const payloadText = checkedPayloadText({ type, id: job.id, payload }, rules.types);
    const hopsSpent = spentHops(job, rules, `${job.type} forwards it to ${type}`);
    return hopsSpent ?? { act: 'forward', job: { ...job, type, payload, attempt: 1, hops: job.hops + 1 }, payloadText };
  } catch (error) {
    return failedFate(job, reasonOf(error), error instanceof PoisonJobError, rules);
  }
}

function failedFate(job: Job, reason: string, isPoison: boolean, rules: FateRules): JobFate {
  if (isPoison) return parking('POISON', reason);
  if (job.attempt >= MAX_ATTEMPTS) return parking('ATTEMPTS', reason);
  const hopsSpent = spentHops(job, rules, `${job.type} would try it again after: ${reason}`);
  if (hopsSpent !== null) return hopsSpent;
  const delayMs = rules.retryDelaysMs[job.attempt - 1]!;
  return { act: 'retry', job: { ...job, attempt: job.attempt + 1, hops: job.hops + 1 }, delayMs };
}

function spentHops({ hops }: Job, { hopLimit }: FateRules, last: string): Parking | null {
  return hops < hopLimit ? null : parking('HOPS', `forwarded or tried again ${hops} times; ${last}`);
}

export function parking(cause: ParkingCause, reason: string): Parking {
  return { act: 'park', cause, reason: reason.slice(0, MAX_REASON_CHARACTERS) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
