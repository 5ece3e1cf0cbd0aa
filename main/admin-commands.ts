import { type Command, InvalidArgumentError } from 'commander';
import { callAdmin } from './admin-client.ts';
import type { Configuration } from './configuration.ts';

type Row = Readonly<Record<string, unknown>>;

export interface AdminCommandSupport {
  /** Adds the flags that every command has. */
  readonly flagged: (command: Command) => Command;
  readonly configurationOf: (command: Command) => Configuration;
}

interface Subcommand {
  readonly usage: string; // name and arguments
  readonly description: string;
  readonly options?: (command: Command) => Command;
  /** @returns path of the call, and its input when it changes something */
  readonly call: (names: readonly string[], options: Row) => { readonly path: string; readonly input?: object };
}

const PATH_OF_STATE = '/instruments/state';

/** `accounts`, `keys`, `deposits`, `instruments`: what operators do with a running exchange, through its admin API. */
export function addAdminCommands(program: Command, support: AdminCommandSupport): void {
  const accounts = program.command('accounts').description('who may hold and trade here');
  add(accounts, support, {
    usage: 'list',
    description: 'all accounts',
    call: () => ({ path: '/accounts' }),
  });
  add(accounts, support, {
    usage: 'create <name>',
    description: 'a new account, without any key or money',
    call: ([name]) => ({ path: '/accounts', input: { name } }),
  });

  const keys = program.command('keys').description('what programs sign with');
  add(keys, support, {
    usage: 'list',
    description: 'all keys, the revoked ones as well; never a secret',
    call: () => ({ path: '/keys' }),
  });
  add(keys, support, {
    usage: 'create <account>',
    description: 'a new key; its secret is shown now and never again',
    options: (command) =>
      command.option('--roles <roles>', 'of trader, fundManager and auditor, with commas between them', 'trader'),
    call: ([account], { roles }) => ({ path: '/keys', input: { account, roles: (roles as string).split(',') } }),
  });
  add(keys, support, {
    usage: 'revoke <key>',
    description: 'refuse a key from now on; its orders stay until they are cancelled',
    call: ([key]) => ({ path: '/keys/revoke', input: { key } }),
  });

  const deposits = program.command('deposits').description('money that comes in');
  add(deposits, support, {
    usage: 'create <account> <asset> <amount>',
    description: 'credit an account at once; every call is a deposit of its own',
    call: ([account, asset, amount]) => ({ path: '/deposits', input: { account, asset, amount } }),
  });

  addInstrumentCommands(program.command('instruments').description('what is traded here'), support);
}

function addInstrumentCommands(instruments: Command, support: AdminCommandSupport): void {
  add(instruments, support, {
    usage: 'list',
    description: 'all instruments, their steps, fees, limits and states',
    call: () => ({ path: '/instruments' }),
  });
  add(instruments, support, {
    usage: 'add <base> <quote>',
    description: 'a new instrument, which trades at once; its steps never change afterwards',
    options: (command) =>
      command
        .requiredOption('--tick-size <decimal>', 'smallest step of the price, such as 0.01')
        .requiredOption('--lot-size <decimal>', 'smallest step of the quantity, such as 0.0001')
        .requiredOption('--minimum <decimal>', 'smallest quantity of an order')
        .option('--symbol <symbol>', 'base and quote together unless given')
        .option('--base-decimals <number>', 'of a base that is new here', wholeNumber)
        .option('--quote-decimals <number>', 'of a quote that is new here', wholeNumber)
        .option('--maker-rate-ppm <number>', 'fee of makers in millionths (default 2000)', wholeNumber)
        .option('--taker-rate-ppm <number>', 'fee of takers in millionths (default 4000)', wholeNumber),
    call: ([base, quote], { tickSize, lotSize, minimum, symbol, ...options }) => {
      const { baseDecimals, quoteDecimals, makerRatePpm, takerRatePpm } = options;
      const steps = { base, quote, tickSize, lotSize, minimum, symbol };
      return { path: '/instruments', input: { ...steps, baseDecimals, quoteDecimals, makerRatePpm, takerRatePpm } };
    },
  });
  add(instruments, support, {
    usage: 'update <symbol>',
    description: 'other fees, quantities or price band from now on; what is not named stays as it is',
    options: (command) =>
      command
        .option('--maker-rate-ppm <number>', 'fee of makers in millionths, of orders placed from now on', wholeNumber)
        .option('--taker-rate-ppm <number>', 'fee of takers, likewise', wholeNumber)
        .option('--minimum <decimal>', 'smallest quantity of an order')
        .option('--maximum <decimal>', 'largest quantity of an order')
        .option(
          '--price-band-ppm <number>',
          'nothing trades farther from the reference price; 0 for no band',
          wholeNumber,
        )
        .option('--reference-price <decimal>', 'what the price band lies around, or "last" for the last trade'),
    call: ([symbol], options) => {
      const { makerRatePpm, takerRatePpm, minimum, maximum, priceBandPpm, referencePrice } = options;
      const rates = { makerRatePpm, takerRatePpm };
      return {
        path: '/instruments/update',
        input: { symbol, ...rates, minimum, maximum, priceBandPpm, referencePrice },
      };
    },
  });
  const states: readonly (readonly [name: string, state: string, description: string])[] = [
    ['halt', 'halted', 'take cancels only, and match nothing'],
    ['resume', 'trading', 'take everything again'],
    ['cancel-only', 'cancel-only', 'take only what makes orders smaller'],
    ['post-only', 'post-only', 'take cancels, and orders that never take'],
  ];
  for (const [name, state, description] of states)
    add(instruments, support, {
      usage: `${name} <symbol>`,
      description,
      call: ([symbol]) => ({ path: PATH_OF_STATE, input: { symbol, state } }),
    });
}

function add(parent: Command, { flagged, configurationOf }: AdminCommandSupport, subcommand: Subcommand): void {
  const command = flagged(parent.command(subcommand.usage)).description(subcommand.description);
  subcommand.options?.(command);
  command.option('--json', 'as JSON').action(async () => {
    const options = command.opts<Row>();
    const { path, input } = subcommand.call(command.args, options);
    const answer = await callAdmin(configurationOf(command), path, input);
    console.log(options.json === true ? JSON.stringify(answer, null, 2) : formatAnswer(answer as Row | readonly Row[]));
  });
}

function wholeNumber(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** @returns a table of many rows, or a line per field of one */
function formatAnswer(answer: Row | readonly Row[]): string {
  if (!Array.isArray(answer)) {
    const width = Math.max(...Object.keys(answer).map((name) => name.length));
    return Object.entries(answer)
      .map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}`)
      .join('\n');
  }
  const rows = answer as readonly Row[];
  if (rows.length === 0) return 'none';
  const names = Object.keys(rows[0]!);
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
  return Array.isArray(value) ? value.join(',') : String(value);
}
