import { InvalidJobError, MAX_PAYLOAD_BYTES, type NewJob } from '../../core/ports/work-queue.ts';

const ID = /^[ -~]{1,200}$/;

/**
 * @returns the payload as JSON
 * @throws InvalidJobError unless the job may be enqueued
 */
export function checkedPayloadText({ type, id, payload }: NewJob, types: ReadonlySet<string>): string {
  if (!types.has(type))
    throw new InvalidJobError(`there is no queue for jobs of type "${type}"; there are ${[...types].join(', ')}`);
  if (!ID.test(id))
    throw new InvalidJobError(`job id ${JSON.stringify(id).slice(0, 80)} is not 1 to 200 printable ASCII characters`);
  const text = jsonText(payload, `${type} ${id}`);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_PAYLOAD_BYTES)
    throw new InvalidJobError(`the payload of ${type} ${id} has ${bytes} bytes; ${MAX_PAYLOAD_BYTES} is the most`);
  return text;
}

function jsonText(payload: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload);
  } catch (cause) {
    throw new InvalidJobError(`the payload of ${what} is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (text === undefined) throw new InvalidJobError(`the payload of ${what} is no JSON: it is ${typeof payload}`);
  return text;
}
