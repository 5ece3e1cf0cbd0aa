import { DEFAULT_JOB_SETTINGS, JobRefusedError, type JobSettings, type JsonValue } from '../core/ports/jobs.ts';

const JOB_ID = /^[A-Za-z0-9._:-]{1,100}$/;
const MOST_ARGUMENT_CHARACTERS = 65_536;
/** A year of 366 days. */
const LONGEST_SPAN_MS = 366 * 86_400_000;

const SPANS = ['misfireGraceMs', 'timeoutMs', 'retryDelayMs', 'jitterMs'] as const;
const COUNTS = { maxInstances: [1, 100], retries: [0, 100] } as const;
const WORDS = {
  coalesce: ['latest', 'earliest', 'all'],
  onOverlap: ['skip', 'queue', 'replace'],
} as const;

/** @throws JobRefusedError that names the field */
export function checkedSettings(
  changes: Partial<JobSettings>,
  before: JobSettings = DEFAULT_JOB_SETTINGS,
): JobSettings {
  const settings = { ...before, ...definedOf(changes) };
  for (const name of SPANS) {
    const span = settings[name];
    const least = name === 'timeoutMs' ? 1 : 0;
    const mayBeNull = name === 'misfireGraceMs' || name === 'timeoutMs';
    if (!(span === null ? mayBeNull : Number.isSafeInteger(span) && span >= least && span <= LONGEST_SPAN_MS))
      refuse(`${name}: ${span} is no span within ${least} … ${LONGEST_SPAN_MS} ms${mayBeNull ? ', nor null' : ''}`);
  }
  for (const name of ['maxInstances', 'retries'] as const) {
    const [least, most] = COUNTS[name];
    const count = settings[name];
    if (!(Number.isSafeInteger(count) && count >= least && count <= most))
      refuse(`${name}: ${count} is no whole number within ${least} … ${most}`);
  }
  for (const name of ['coalesce', 'onOverlap'] as const)
    if (!(WORDS[name] as readonly string[]).includes(settings[name]))
      refuse(`${name}: "${settings[name]}" is none of ${WORDS[name].join(', ')}`);
  return settings;
}

/** @throws JobRefusedError */
export function requireJobId(jobId: string): void {
  if (!JOB_ID.test(jobId)) refuse(`id: "${jobId.slice(0, 100)}" is not 1 to 100 of letters, digits and . _ : -`);
}

/** @throws JobRefusedError */
export function requireArguments(value: JsonValue): void {
  const { length } = JSON.stringify(value);
  if (length > MOST_ARGUMENT_CHARACTERS) refuse(`arguments: ${length} characters; ${MOST_ARGUMENT_CHARACTERS} at most`);
}

function definedOf<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Fields>;
}

function refuse(problem: string): never {
  throw new JobRefusedError('INVALID_JOB', problem);
}
