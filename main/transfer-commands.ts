import { type Command, InvalidArgumentError } from 'commander';
import { type AdminCommandSupport, addSubcommand, SINCE_HELP, wholeNumber } from './admin-subcommand.ts';
import { timeOption } from './time-option.ts';

/** `deposits`, `withdrawals` and `accounts history`: money that comes in and goes out, and what became of it. */
export function addTransferCommands(program: Command, accounts: Command, support: AdminCommandSupport): void {
  const deposits = program.command('deposits').description('money that comes in');
  addSubcommand(deposits, support, {
    usage: 'submit <account> <asset> <amount>',
    description: 'a deposit that was seen outside; the same key again is the same deposit, and is credited once',
    options: (command) =>
      command
        .option('--key <key>', 'what makes this deposit this one; network, asset and --tx-hash unless given')
        .option('--tx-hash <hash>', 'of the transaction outside')
        .option('--network <network>', "the asset's own unless given")
        .option('--address <address>', 'the deposit address that it was sent to, one of the account')
        .option('--confirm', 'credit it at once'),
    call: ([account, asset, amount], { key, txHash, network, address, confirm }) => ({
      path: '/deposits',
      input: { account, asset, amount, idempotencyKey: key, txHash, network, address, confirm },
    }),
  });
  addDecisions(deposits, support, 'deposit', 'credit it, once, however often this is said');

  const withdrawals = program.command('withdrawals').description('money that goes out');
  addDecisions(withdrawals, support, 'withdrawal', 'it has left: take what is held for it out of the account');

  addSubcommand(accounts, support, {
    usage: 'history <account>',
    description: "every change of an account's balances: before, after, why; newest first",
    options: (command) =>
      command
        .option('--asset <code>', 'of one asset only')
        .option('--since <time>', SINCE_HELP, timeOption)
        .option('--limit <number>', 'rows at most (default 50)', wholeNumber),
    call: ([account], { asset, since, limit }) => ({
      path: '/accounts/history',
      input: { account, asset, sinceMs: since, limit },
    }),
  });
}

function addDecisions(parent: Command, support: AdminCommandSupport, kind: string, meaning: string): void {
  const path = `/${kind}s`;
  addSubcommand(parent, support, {
    usage: 'list',
    description: `${kind}s, newest first`,
    options: (command) =>
      command
        .option('--account <name>', 'of one account only')
        .option('--asset <code>', 'of one asset only')
        .option('--state <state>', 'start, pending, done or failed')
        .option('--stuck', 'only those that neither the operator nor the client is waited for')
        .option('--since <time>', SINCE_HELP, timeOption)
        .option('--limit <number>', 'rows at most (default 50)', wholeNumber),
    call: (_names, { account, asset, state, stuck, since, limit }) => ({
      path: `${path}/list`,
      input: { account, asset, state, stuck, sinceMs: since, limit },
    }),
    columns: ['id', 'state', 'waitsFor', 'account', 'asset', 'amount', 'idempotencyKey', 'failure'],
  });
  addSubcommand(parent, support, {
    usage: 'show <id>',
    description: `one ${kind}, whole`,
    call: ([id]) => ({ path: `${path}/show`, input: { id: transferId(id!) } }),
  });
  addSubcommand(parent, support, {
    usage: 'confirm <id>',
    description: meaning,
    call: ([id]) => ({ path: `${path}/confirm`, input: { id: transferId(id!) } }),
  });
  addSubcommand(parent, support, {
    usage: 'fail <id> <reason>',
    description: `it came to nothing: end the ${kind}, ${kind === 'deposit' ? 'uncredited' : 'and give what it holds back'}`,
    call: ([id, reason]) => ({ path: `${path}/fail`, input: { id: transferId(id!), reason } }),
  });
}

function transferId(text: string): number {
  if (!/^[1-9][0-9]{0,15}$/.test(text)) throw new InvalidArgumentError(`"${text}" is no transfer's id: list them.`);
  return Number(text);
}
