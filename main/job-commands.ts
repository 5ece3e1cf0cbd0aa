import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AdminCommandSupport, addSubcommand, wholeNumber } from './admin-subcommand.ts';
import { TIMES, timeOption } from './time-option.ts';

const LIST_COLUMNS = ['id', 'state', 'when', 'next', 'handler'];
const RUN_COLUMNS = ['runId', 'job', 'state', 'scheduled', 'attempt', 'tookMs', 'missedCount', 'error'];

const WHEN_HELP = `
When it is due, exactly one of:
  --every 90s                 at this pace
  --cron "0 9 * * mon-fri"    five fields, or six with seconds first; @hourly, @daily, @weekly, @monthly, @yearly
  --at 2026-12-31T12:00:00Z   once
  --calendar "1 month 09:30"  every so many days, weeks, months or years at a time of day
  --trigger JSON              anything the admin API takes, such as {"type":"or","triggers":[…]}
Spans are written 500ms, 90s, 5m, 2h, 1d.`;

/** `jobs`: periodic work of a running exchange. */
export function addJobCommands(program: Command, support: AdminCommandSupport): void {
  const jobs = program.command('jobs').description('what is done periodically, and what became of it');
  addSubcommand(jobs, support, {
    usage: 'list',
    description: 'all jobs, the standing ones as well, and when each is due next',
    call: () => ({ path: '/jobs' }),
    columns: LIST_COLUMNS,
  });
  addSubcommand(jobs, support, {
    usage: 'add <id> <handler>',
    description: 'a new job; jobs handlers lists what it can do',
    options: (command) => whenOptions(command).addHelpText('after', WHEN_HELP),
    call: ([id, handler], options) => ({
      path: '/jobs',
      input: { id, handler, arguments: options.args, trigger: triggerOf(options), settings: settingsOf(options) },
    }),
  });
  addSubcommand(jobs, support, {
    usage: 'modify <id>',
    description: 'what is not named stays as it is; a new time counts from now on',
    options: (command) =>
      whenOptions(command).option('--handler <name>', 'what it does').addHelpText('after', WHEN_HELP),
    call: ([id], options) => ({
      path: '/jobs/modify',
      input: {
        id,
        handler: options.handler,
        arguments: options.args,
        trigger: changedTrigger(options),
        settings: settingsOf(options),
      },
    }),
  });
  const named: readonly (readonly [name: string, description: string])[] = [
    ['show', 'one job, whole'],
    ['pause', 'nothing is due until it is resumed; what runs goes on'],
    ['resume', 'from the next time on: what was due meanwhile is not made up for'],
    ['remove', 'forget it; what runs goes on, what waits is cancelled'],
    ['run', 'once more, as soon as it may, beside its times'],
  ];
  for (const [name, description] of named)
    addSubcommand(jobs, support, {
      usage: `${name} <id>`,
      description,
      call: ([id]) => ({ path: `/jobs/${name}`, input: { id } }),
    });
  addSubcommand(jobs, support, {
    usage: 'history [id]',
    description: 'runs of one job, or of all, newest first',
    options: (command) => command.option('--limit <number>', 'runs at most (default 20)', wholeNumber),
    call: ([id], { limit }) => ({ path: '/jobs/history', input: { id, limit } }),
    columns: RUN_COLUMNS,
  });
  addSubcommand(jobs, support, {
    usage: 'preview <id>',
    description: 'the next times of a job',
    options: (command) => command.option('--count <number>', 'how many (default 10)', wholeNumber),
    call: ([id], { count }) => ({ path: '/jobs/preview', input: { id, count } }),
    columns: ['time'],
  });
  addSubcommand(jobs, support, {
    usage: 'handlers',
    description: 'what jobs can do',
    call: () => ({ path: '/jobs/handlers' }),
  });
  addSubcommand(jobs, support, {
    usage: 'status',
    description: 'which scheduler is at work, and how many runs wait and run',
    call: () => ({ path: '/jobs/status' }),
  });
}

type Options = Readonly<Record<string, unknown>>;

function whenOptions(command: Command): Command {
  return command
    .option('--every <span>', 'at this pace', span)
    .option('--cron <expression>', 'at the times of a cron expression')
    .option('--at <time>', `once, ${TIMES}`, timeOption)
    .option('--calendar <text>', 'such as "1 month 09:30"')
    .option('--trigger <json>', 'as the admin API takes it', json)
    .option('--time-zone <zone>', 'of --cron and --calendar, such as Europe/Berlin (default UTC)')
    .option('--start <time>', 'nothing is due before; with --calendar the first day', timeOption)
    .option('--end <time>', 'nothing is due after', timeOption)
    .option('--args <json>', 'what the handler is called with', json)
    .option('--grace <span>', 'a time missed by more is not made up for, or "none" for however late', spanOrNone)
    .addOption(new Option('--coalesce <which>', 'of times that were missed').choices(['latest', 'earliest', 'all']))
    .option('--max-instances <number>', 'runs at the same time', wholeNumber)
    .addOption(new Option('--on-overlap <act>', 'what meets so many at work').choices(['skip', 'queue', 'replace']))
    .option('--timeout <span>', 'a run that takes longer has failed, or "none"', spanOrNone)
    .option('--retries <number>', 'of a run that failed', wholeNumber)
    .option('--retry-delay <span>', 'before the first retry; each further one waits twice as long', span)
    .option('--jitter <span>', 'begin up to so much later, by chance', span);
}

const WHEN = ['every', 'cron', 'at', 'calendar', 'trigger'] as const;
const DAY_MS = 86_400_000;

/** What else may be said about each kind of time; anything more would do nothing. */
const LIMITS: Readonly<Record<(typeof WHEN)[number], readonly string[]>> = {
  every: ['start', 'end'],
  cron: ['timeZone', 'start', 'end'],
  at: [],
  calendar: ['timeZone', 'start', 'end'],
  trigger: [],
};
const LIMIT_FLAGS: Readonly<Record<string, string>> = { timeZone: '--time-zone', start: '--start', end: '--end' };

/** @returns undefined when nothing is said about times. @throws InvalidArgumentError for what would have no effect */
function changedTrigger(options: Options): object | undefined {
  if (WHEN.some((name) => options[name] !== undefined)) return triggerOf(options);
  const alone = Object.keys(LIMIT_FLAGS).filter((name) => options[name] !== undefined);
  if (alone.length === 0) return undefined;
  throw new InvalidArgumentError(
    `${flagsOf(alone)} alone would change nothing: say the time again, by --every, --cron, --calendar or --trigger.`,
  );
}

/** @throws InvalidArgumentError */
function triggerOf(options: Options): object {
  const given = WHEN.filter((name) => options[name] !== undefined);
  const [kind] = given;
  if (kind === undefined || given.length > 1)
    throw new InvalidArgumentError('Give exactly one of --every, --cron, --at, --calendar and --trigger.');
  const idle = Object.keys(LIMIT_FLAGS).filter((name) => options[name] !== undefined && !LIMITS[kind].includes(name));
  if (idle.length > 0)
    throw new InvalidArgumentError(
      `${flagsOf(idle)} would do nothing beside --${kind}: leave it out${kind === 'trigger' ? ', or say it in the JSON' : ''}.`,
    );
  const { every, cron, at, calendar, trigger, timeZone, start, end } = options;
  switch (kind) {
    case 'trigger':
      return trigger as object;
    case 'every':
      return { type: 'interval', everyMs: every, startMs: start, endMs: end };
    case 'cron':
      return { type: 'cron', expression: cron, timeZone, startMs: start, endMs: end };
    case 'at':
      return { type: 'date', atMs: at };
    case 'calendar':
      return {
        ...calendarTimes(`${calendar}`),
        timeZone,
        startDate: startDate(start as number | undefined),
        endMs: end,
      };
  }
}

function calendarTimes(text: string): object {
  const [, count, unit, timeOfDay] =
    /^(?:every )?(\d+) (day|week|month|year)s?(?: at)? (\d\d:\d\d(?::\d\d)?)$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError(`"${text}" is no calendar time such as "1 month 09:30".`);
  return { type: 'calendar', every: Number(count), unit, timeOfDay };
}

function startDate(startMs: number | undefined): string | undefined {
  if (startMs === undefined) return undefined;
  if (startMs % DAY_MS !== 0)
    throw new InvalidArgumentError('--start of --calendar is its first day, such as 2026-01-31, without a time.');
  return new Date(startMs).toISOString().slice(0, 10);
}

function flagsOf(names: readonly string[]): string {
  return names.map((name) => LIMIT_FLAGS[name]).join(' and ');
}

function settingsOf(options: Options): object {
  const { grace, coalesce, maxInstances, onOverlap, timeout, retries, retryDelay, jitter } = options;
  return {
    misfireGraceMs: spanOrNull(grace),
    coalesce,
    maxInstances,
    onOverlap,
    timeoutMs: spanOrNull(timeout),
    retries,
    retryDelayMs: retryDelay,
    jitterMs: jitter,
  };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function span(text: string): number {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError('It must be a span such as 500ms, 90s, 5m, 2h or 1d.');
  return Number(digits) * UNITS[unit!]!;
}

const NONE = 'none'; // not null, which is no value to the parser of options

function spanOrNone(text: string): number | typeof NONE {
  return text === NONE ? NONE : span(text);
}

function spanOrNull(value: unknown): unknown {
  return value === NONE ? null : value;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('It must be JSON.');
  }
}
