import { type ZodType, z } from 'zod';
import type { JsonValue, Trigger } from '../../core/ports/jobs.ts';

/** The form of what operators send about jobs. Whether it makes sense, such as a cron expression, the desk decides. */

const integer = z.number().int().min(Number.MIN_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER);
const timeMs = integer.exactOptional();
const timeZone = z.string().max(100).exactOptional();

const TRIGGER: ZodType<Trigger> = z.lazy(() =>
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('interval'), everyMs: integer, startMs: timeMs, endMs: timeMs }),
    z.strictObject({
      type: z.literal('cron'),
      expression: z.string().max(1_000),
      timeZone,
      startMs: timeMs,
      endMs: timeMs,
    }),
    z.strictObject({ type: z.literal('date'), atMs: integer }),
    z.strictObject({
      type: z.literal('calendar'),
      every: integer,
      unit: z.enum(['day', 'week', 'month', 'year']),
      timeOfDay: z.string().max(20),
      startDate: z.string().max(20).exactOptional(),
      missingDay: z.enum(['last', 'skip']).exactOptional(),
      timeZone,
      endMs: timeMs,
    }),
    z.strictObject({
      type: z.enum(['or', 'and']),
      triggers: z.array(TRIGGER).max(100),
      toleranceMs: integer.exactOptional(),
    }),
  ]),
);

const SETTINGS = z.strictObject({
  misfireGraceMs: integer.nullable().exactOptional(),
  coalesce: z.enum(['latest', 'earliest', 'all']).exactOptional(),
  maxInstances: integer.exactOptional(),
  onOverlap: z.enum(['skip', 'queue', 'replace']).exactOptional(),
  timeoutMs: integer.nullable().exactOptional(),
  retries: integer.exactOptional(),
  retryDelayMs: integer.exactOptional(),
  jitterMs: integer.exactOptional(),
});

const JSON_VALUE: ZodType<JsonValue> = z.json();
const id = z.string().max(200);

export const NAMED_JOB = z.strictObject({ id });
export const NEW_JOB = z.strictObject({
  id,
  handler: z.string().max(200),
  arguments: JSON_VALUE.default(null),
  trigger: TRIGGER,
  settings: SETTINGS.default({}),
});
export const CHANGED_JOB = z.strictObject({
  id,
  handler: z.string().max(200).exactOptional(),
  arguments: JSON_VALUE.exactOptional(),
  trigger: TRIGGER.exactOptional(),
  settings: SETTINGS.exactOptional(),
});
export const HISTORY = z.strictObject({
  id: id.exactOptional(),
  limit: z.number().int().min(1).max(1_000).default(20),
});
export const PREVIEW = z.strictObject({ id, count: z.number().int().min(1).max(1_000).default(10) });
