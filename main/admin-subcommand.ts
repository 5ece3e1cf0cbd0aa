import { type Command, InvalidArgumentError } from 'commander';
import { callAdmin } from './admin-client.ts';
import type { Configuration } from './configuration.ts';
import { TIMES } from './time-option.ts';

type Row = Readonly<Record<string, unknown>>;

export interface AdminCommandSupport {
  /** Adds the flags that every command has. */
  readonly flagged: (command: Command) => Command;
  readonly configurationOf: (command: Command) => Configuration;
}

export interface Subcommand {
  readonly usage: string; // name and arguments
  readonly description: string;
  readonly options?: (command: Command) => Command;
  /** @returns path of the call, and its input when it changes something */
  readonly call: (names: readonly string[], options: Row) => { readonly path: string; readonly input?: object };
  readonly columns?: readonly string[]; // of a list's table; all unless given
}

/** Adds a command that is one call of the admin API. */
export function addSubcommand(
  parent: Command,
  { flagged, configurationOf }: AdminCommandSupport,
  subcommand: Subcommand,
): void {
  const command = flagged(parent.command(subcommand.usage)).description(subcommand.description);
  subcommand.options?.(command);
  command.option('--json', 'as JSON').action(async () => {
    const options = command.opts<Row>();
    const { path, input } = subcommand.call(command.args, options);
    const answer = await callAdmin(configurationOf(command), path, input);
    console.log(
      options.json === true
        ? JSON.stringify(answer, null, 2)
        : formatAnswer(answer as Row | readonly Row[], subcommand.columns),
    );
  });
}

export function wholeNumber(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

export const SINCE_HELP = `at or after it, ${TIMES}`;

/** @returns a table of many rows, or a line per field of one */
function formatAnswer(answer: Row | readonly Row[], columns?: readonly string[]): string {
  if (!Array.isArray(answer)) {
    const width = Math.max(...Object.keys(answer).map((name) => name.length));
    return Object.entries(answer)
      .map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}`)
      .join('\n');
  }
  const rows = answer as readonly Row[];
  if (rows.length === 0) return 'none';
  const names = columns ?? Object.keys(rows[0]!);
  const lines = [names, ...rows.map((row) => names.map((name) => cell(row[name])))];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
