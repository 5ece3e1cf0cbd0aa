import type { Command } from 'commander';
import { type AdminCommandSupport, addSubcommand, wholeNumber } from './admin-subcommand.ts';
import { addJobCommands } from './job-commands.ts';
import { addTransferCommands } from './transfer-commands.ts';
import { addWorkCommands } from './work-commands.ts';

const PATH_OF_STATE = '/instruments/state';

/** `accounts`, `keys`, `deposits`, `withdrawals`, `parked`, `notices`, `instruments`, `jobs`: what operators do with a running exchange, through its admin API. */
export function addAdminCommands(program: Command, support: AdminCommandSupport): void {
  const accounts = program.command('accounts').description('who may hold and trade here');
  addSubcommand(accounts, support, {
    usage: 'list',
    description: 'all accounts',
    call: () => ({ path: '/accounts' }),
  });
  addSubcommand(accounts, support, {
    usage: 'create <name>',
    description: 'a new account, without any key or money',
    call: ([name]) => ({ path: '/accounts', input: { name } }),
  });

  const keys = program.command('keys').description('what programs sign with');
  addSubcommand(keys, support, {
    usage: 'list',
    description: 'all keys, the revoked ones as well; never a secret',
    call: () => ({ path: '/keys' }),
  });
  addSubcommand(keys, support, {
    usage: 'create <account>',
    description: 'a new key; its secret is shown now and never again',
    options: (command) =>
      command.option('--roles <roles>', 'of trader, fundManager and auditor, with commas between them', 'trader'),
    call: ([account], { roles }) => ({ path: '/keys', input: { account, roles: (roles as string).split(',') } }),
  });
  addSubcommand(keys, support, {
    usage: 'revoke <key>',
    description: 'refuse a key from now on; its orders stay until they are cancelled',
    call: ([key]) => ({ path: '/keys/revoke', input: { key } }),
  });

  addTransferCommands(program, accounts, support);
  addWorkCommands(program, support);
  addJobCommands(program, support);
  addInstrumentCommands(program.command('instruments').description('what is traded here'), support);
}

function addInstrumentCommands(instruments: Command, support: AdminCommandSupport): void {
  addSubcommand(instruments, support, {
    usage: 'list',
    description: 'all instruments, their steps, fees, limits and states',
    call: () => ({ path: '/instruments' }),
  });
  addSubcommand(instruments, support, {
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
  addSubcommand(instruments, support, {
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
    addSubcommand(instruments, support, {
      usage: `${name} <symbol>`,
      description,
      call: ([symbol]) => ({ path: PATH_OF_STATE, input: { symbol, state } }),
    });
  addSubcommand(instruments, support, {
    usage: 'cancel-orders <symbol>',
    description: 'cancel all orders that rest or wait as stops, in every state; halt first, so that none comes after',
    options: (command) => command.option('--account <name>', 'only those of this account'),
    call: ([symbol], { account }) => ({ path: '/instruments/cancel-orders', input: { symbol, account } }),
  });
}
