import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addJobCommands } from '../../main/job-commands.ts';

const SENT = 'it was sent';

/** Parses a command as far as its call. */
function jobs(...words: string[]): Promise<Command> {
  const program = new Command().exitOverride();
  addJobCommands(program, {
    flagged: (command) => command.exitOverride().configureOutput({ writeErr: () => undefined }),
    configurationOf: () => {
      throw new Error(SENT);
    },
  });
  return program.parseAsync(['jobs', ...words], { from: 'user' });
}

const EVERY = ['--every', '5m'];
const MONTHLY = ['--calendar', '1 month 09:30'];

test.each<[problem: string, words: string[]]>([
  ['--end alone would change nothing', ['modify', 'a', '--end', '2030-01-01']],
  ['--time-zone and --start alone', ['modify', 'a', '--start', '2030-01-01', '--time-zone', 'Europe/Berlin']],
  [
    '--start and --end would do nothing beside --at',
    ['add', 'a', 'b', '--at', '2030-01-01', '--start', '2029-01-01', '--end', '2031-01-01'],
  ],
  ['--time-zone would do nothing beside --every', ['add', 'a', 'b', ...EVERY, '--time-zone', 'Europe/Berlin']],
  ['say it in the JSON', ['add', 'a', 'b', '--trigger', '{"type":"date","atMs":1}', '--end', '2031-01-01']],
  ['its first day', ['add', 'a', 'b', ...MONTHLY, '--start', '2030-01-01T12:00']],
  ['exactly one of', ['add', 'a', 'b', ...EVERY, ...MONTHLY]],
  ['exactly one of', ['add', 'a', 'b']],
])('an option that would have no effect is refused: %s', async (problem, words) => {
  await expect(jobs(...words)).rejects.toThrow(problem);
});

test.each<string[][]>([
  [['add', 'a', 'b', ...EVERY, '--start', '2030-01-01T12:00', '--end', '2031-01-01']],
  [['add', 'a', 'b', '--cron', '0 9 * * *', '--time-zone', 'Europe/Berlin', '--start', '2030-01-01T12:00']],
  [['add', 'a', 'b', ...MONTHLY, '--time-zone', 'Europe/Berlin', '--start', '2030-01-31', '--end', '2031-01-01']],
  [['add', 'a', 'b', '--at', '2030-01-01T12:00']],
  [['modify', 'a', '--retries', '2']],
  [['modify', 'a', ...EVERY, '--end', '2031-01-01']],
])('what has an effect is sent: %j', async (words) => {
  await expect(jobs(...words)).rejects.toThrow(SENT);
});
