import { randomUUID } from 'node:crypto';
import type { Message, Options } from 'amqplib';
import type { Job, ParkedJob } from '../../../core/ports/work-queue.ts';
import { type Parking, parking } from '../job-fate.ts';

/**
 * A job as a message. Body: its payload as JSON in UTF-8. Properties: `correlationId` its id, `type` its type, `messageId`
 * of this one message, `timestamp` in seconds. Headers, whole numbers all: `version`, `hops`, `attempt`, `enqueuedMs`.
 */
export interface JobMessage {
  readonly content: Buffer;
  readonly options: Options.Publish & { readonly messageId: string };
}

/** Rises when a consumer of today could not read what is sent from then on. */
const MESSAGE_VERSION = 1;
const UTF8 = new TextDecoder('utf-8', { fatal: true });
const ID = /^[ -~]{1,200}$/;

/** What a delivery holds: a job, or why it is none. */
export type ReadMessage =
  | { readonly job: Job; readonly payloadText: string; readonly malformed: null }
  | { readonly job: Job; readonly payloadText: string; readonly malformed: Parking };

export function jobMessage(
  { type, id, attempt, hops, enqueuedMs }: Omit<Job, 'payload'>,
  payloadText: string,
): JobMessage {
  return {
    content: Buffer.from(payloadText),
    options: {
      messageId: randomUUID(),
      correlationId: id,
      type,
      timestamp: Math.floor(enqueuedMs / 1_000),
      contentType: 'application/json',
      headers: { version: MESSAGE_VERSION, hops, attempt, enqueuedMs },
    },
  };
}

/**
 * Never throws: of what is no job it tells as much as can be told. Counts that were lost on the way begin at their first
 * value, since the job itself is whole.
 * @param type of the queue that it came from
 */
export function readMessage({ content, properties }: Message, type: string, nowMs: number): ReadMessage {
  const { correlationId, headers = {} } = properties;
  const problems: string[] = [];
  const whole = (name: string, least: number, missing: number): number => {
    const value: unknown = headers[name];
    if (value === undefined) return missing;
    if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
    problems.push(`header ${name} is ${JSON.stringify(value)}`);
    return missing;
  };
  const version = whole('version', 1, MESSAGE_VERSION);
  if (version !== MESSAGE_VERSION) problems.push(`it has version ${version}, this program reads ${MESSAGE_VERSION}`);
  const id = typeof correlationId === 'string' && ID.test(correlationId) ? correlationId : '';
  if (id === '') problems.push('it has no id of 1 to 200 printable ASCII characters');
  let payload: unknown = null;
  try {
    payload = JSON.parse(UTF8.decode(content));
  } catch (error) {
    problems.push(`its payload is no JSON: ${(error as Error).message}`);
  }
  const counts = {
    attempt: whole('attempt', 1, 1),
    hops: whole('hops', 0, 0),
    enqueuedMs: whole('enqueuedMs', 0, nowMs),
  };
  const job: Job = { type, id, payload, ...counts };
  const malformed = problems.length === 0 ? null : parking('MALFORMED', problems.join('; '));
  return { job, payloadText: content.toString('utf8'), malformed };
}

/** The id of the message that is parked names the parking, so that one that is parked twice is one. */
export function parkedMessage(
  message: Message,
  { job, payloadText }: Pick<ReadMessage, 'job' | 'payloadText'>,
  { cause, reason }: Parking,
  parkedMs: number,
): JobMessage {
  const { content, options } = jobMessage(job, payloadText);
  const parkedId = typeof message.properties.messageId === 'string' ? message.properties.messageId : options.messageId;
  const headers = { ...options.headers, parkedId, cause, reason, parkedMs };
  // A malformed message keeps its very bytes.
  return { content: cause === 'MALFORMED' ? message.content : content, options: { ...options, headers } };
}

/** What somebody else put among the parked is MALFORMED. */
export function readParked(message: Message, nowMs: number): ParkedJob {
  const { properties } = message;
  const { headers = {} } = properties;
  const type = typeof properties.type === 'string' ? properties.type : '';
  const { job, payloadText, malformed } = readMessage(message, type, nowMs);
  const { id, attempt, hops, enqueuedMs } = job;
  const text = (name: string, missing: string): string => {
    const value: unknown = headers[name];
    return typeof value === 'string' && value !== '' ? value : missing;
  };
  const causes = ['ATTEMPTS', 'POISON', 'HOPS', 'LOOP', 'MALFORMED'] as const;
  const cause = causes.find((known) => known === headers.cause) ?? 'MALFORMED';
  const unknown = malformed?.reason ?? 'it was parked by the broker, or by another program';
  return {
    parkedId: text('parkedId', String(properties.messageId ?? randomUUID())),
    type,
    id,
    payloadText,
    attempt,
    hops,
    enqueuedMs,
    parkedMs: Number.isSafeInteger(headers.parkedMs) ? headers.parkedMs : nowMs,
    cause,
    reason: text('reason', unknown),
  };
}
