import { JobRefusedError } from '../../core/ports/jobs.ts';

/**
 * A local time: what a clock on the wall shows, written as the milliseconds since 1970 at which a clock in UTC shows the
 * same. So that calendar arithmetic needs no zone, and a zone no calendar.
 */
export type LocalMs = number;

/** A stretch of time in which a zone's clocks are not moved. */
interface Span {
  readonly startMs: number;
  readonly endMs: number; // the first instant that is not in it
  readonly offsetMs: number; // local time less UTC
}

const DAY_MS = 86_400_000;
/** How far a clock may be from UTC, and how much of it may be left out or doubled at once, both rounded up. */
const MOST_OFFSET_MS = 2 * DAY_MS;
const MOST_YEARS_KEPT = 200;

/** One IANA zone: instants to local times and back. What Node's own time zone data says, kept by year. */
export class TimeZone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat | null; // null for UTC
  readonly #years = new Map<number, readonly Span[]>();

  private constructor(name: string, format: Intl.DateTimeFormat | null) {
    this.name = name;
    this.#format = format;
  }

  /** @throws JobRefusedError for a name that is none */
  static of(name: string): TimeZone {
    const known = ZONES.get(name);
    if (known !== undefined) return known;
    const zone = new TimeZone(name, name === 'UTC' ? null : formatOf(name));
    ZONES.set(name, zone);
    return zone;
  }

  localOf(instantMs: number): LocalMs {
    return instantMs + this.spanAt(instantMs).offsetMs;
  }

  /** @returns the instant of a local time: the first of two, and for none the instant at which clocks were put forward */
  instantOf(localMs: LocalMs): number {
    if (this.#format === null) return localMs;
    let span = this.spanAt(localMs - MOST_OFFSET_MS);
    while (localMs >= span.endMs + span.offsetMs) span = this.spanAt(span.endMs);
    return Math.max(localMs - span.offsetMs, span.startMs);
  }

  /** @returns the stretch of equal offset around an instant; may end where the year does and go on in the next */
  spanAt(instantMs: number): Span {
    if (this.#format === null) return UTC_SPAN;
    const spans = this.#spansOf(new Date(instantMs).getUTCFullYear());
    for (const span of spans) if (instantMs < span.endMs) return span;
    return spans.at(-1)!;
  }

  #spansOf(year: number): readonly Span[] {
    const known = this.#years.get(year);
    if (known !== undefined) return known;
    const spans: Span[] = [];
    const yearEndMs = Date.UTC(year + 1, 0, 1);
    let startMs = Date.UTC(year, 0, 1);
    let offsetMs = this.#offsetAt(startMs);
    for (let dayMs = startMs + DAY_MS; dayMs <= yearEndMs; dayMs += DAY_MS) {
      const dayOffsetMs = this.#offsetAt(dayMs);
      if (dayOffsetMs === offsetMs) continue;
      const movedMs = this.#changeBetween(dayMs - DAY_MS, dayMs, dayOffsetMs);
      if (movedMs >= yearEndMs) break; // at midnight of the new year: the next year's
      spans.push({ startMs, endMs: movedMs, offsetMs });
      startMs = movedMs;
      offsetMs = dayOffsetMs;
    }
    spans.push({ startMs, endMs: yearEndMs, offsetMs });
    if (this.#years.size >= MOST_YEARS_KEPT) this.#years.clear();
    this.#years.set(year, spans);
    return spans;
  }

  /** @returns the first second at which the offset is the later one */
  #changeBetween(beforeMs: number, afterMs: number, afterOffsetMs: number): number {
    let low = beforeMs / 1_000;
    let high = afterMs / 1_000;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offsetAt(middle * 1_000) === afterOffsetMs) high = middle;
      else low = middle;
    }
    return high * 1_000;
  }

  #offsetAt(instantMs: number): number {
    const fields: Record<string, number> = {};
    for (const { type, value } of this.#format!.formatToParts(instantMs)) fields[type] = Number(value);
    const { year, month, day, hour, minute, second } = fields;
    return Date.UTC(year!, month! - 1, day!, hour!, minute!, second!) - Math.floor(instantMs / 1_000) * 1_000;
  }
}

const UTC_SPAN: Span = { startMs: -8.64e15, endMs: 8.64e15, offsetMs: 0 };
const ZONES = new Map<string, TimeZone>();

function formatOf(name: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    throw new JobRefusedError('INVALID_JOB', `timeZone: "${name}" is no IANA zone; Europe/Berlin and UTC are`);
  }
}
