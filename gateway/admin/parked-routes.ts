import { z } from 'zod';
import {
  MAX_PARKED_ROWS,
  NotReplayableError,
  type ParkedJob,
  type ParkedJobs,
  WorkQueueUnavailableError,
} from '../../core/ports/work-queue.ts';
import { AdminError, type AdminRoute, inputRoute } from './admin-route.ts';

const LIST = z.strictObject({
  type: z.string().optional(),
  limit: z.number().int().min(1).max(MAX_PARKED_ROWS).default(50),
});
const ALL = z.strictObject({ type: z.string().optional() });
const ONE = z.strictObject({ id: z.string().min(1).max(255) });

/** Jobs that came to nothing: looked at, done again, or dropped. */
export function parkedRoutes(parked: ParkedJobs): AdminRoute[] {
  return [
    inputRoute('/parked/list', LIST, async ({ type, limit }) =>
      (await known(parked.list({ ...(type === undefined ? {} : { type }), limit }))).map(parkedJson),
    ),
    inputRoute('/parked/show', ONE, async ({ id }) => parkedJson(required(await known(parked.find(id)), id))),
    inputRoute('/parked/replay', ONE, async ({ id }) => ({
      id,
      replayed: required(await known(parked.replay(id)), id),
    })),
    inputRoute('/parked/replay-all', ALL, async ({ type }) => ({ replayed: await known(replayAll(parked, type)) })),
    inputRoute('/parked/drop', ONE, async ({ id }) => ({ id, dropped: required(await known(parked.drop(id)), id) })),
  ];
}

/** Those that are parked now, the oldest first; what is parked again meanwhile, and what is no job, stays. */
async function replayAll(parked: ParkedJobs, type: string | undefined): Promise<number> {
  const rows = await parked.list({ ...(type === undefined ? {} : { type }), limit: MAX_PARKED_ROWS });
  let replayed = 0;
  for (const { parkedId, cause } of rows) if (cause !== 'MALFORMED' && (await parked.replay(parkedId))) replayed += 1;
  return replayed;
}

function parkedJson({ parkedId, id: jobId, payloadText, ...rest }: ParkedJob) {
  return { id: parkedId, jobId, ...rest, payload: payloadOf(payloadText) };
}

/** What is no JSON is shown as it is. */
function payloadOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function required<Found>(found: Found | undefined | false, id: string): Found {
  if (found === undefined || found === false)
    throw new AdminError('NotFound', `there is no parked job ${id}: list them`);
  return found;
}

async function known<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof WorkQueueUnavailableError) throw new AdminError('TryLater', `Still parked: ${error.message}`);
    if (error instanceof NotReplayableError) throw new AdminError('Conflict', error.message);
    throw error;
  }
}
