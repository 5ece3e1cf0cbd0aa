import { InvalidArgumentError } from 'commander';

/** What a command's options take for a moment. */
export const TIMES = 'as 2026-11-21, 2026-11-21T16:00, 2026-11-21T16:00:00Z or milliseconds, in UTC';

const DIGITS = /^[0-9]{1,15}$/;
const ISO = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * Times without a zone are UTC, whatever zone the host is in.
 * @returns milliseconds since 1970
 * @throws InvalidArgumentError
 */
export function timeOption(text: string): number {
  const timestampMs = DIGITS.test(text) ? Number(text) : isoMs(text);
  if (timestampMs >= 0) return timestampMs;
  throw new InvalidArgumentError(`It must be a time ${TIMES}.`);
}

/** @returns NaN for what is none, such as 30 February */
function isoMs(text: string): number {
  const [, day, zone] = ISO.exec(text) ?? [];
  const dayMs = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(dayMs) || !new Date(dayMs).toISOString().startsWith(day!)) return Number.NaN;
  return text === day ? dayMs : Date.parse(zone === undefined ? `${text}Z` : text);
}
