import { type Command, InvalidArgumentError } from 'commander';

export interface ServicesOptions {
  readonly folder?: string;
  readonly redisPort?: number;
  readonly amqpPort?: number;
  readonly json?: boolean;
}

const HELP = `
Both listen on 127.0.0.1 alone, Redis with every write synced. When they are ready, two lines to paste are printed:
  export RINGBOOK_REDIS_URL=redis://127.0.0.1:…
  export RINGBOOK_AMQP_URL=amqp://guest:guest@127.0.0.1:…
Ctrl-C ends them. With --folder a later run has their data again, at the same ports where those are free; without it
everything is gone with them. redis-server, rabbitmq-server and epmd must be installed: what is missing is named.

  npm run ringbook -- services --folder ./services`;

export function addServicesCommand(program: Command): void {
  program
    .command('services')
    .description('a private Redis and RabbitMQ in the foreground, for development, until Ctrl-C')
    .option('--folder <folder>', 'where their data is kept (default: a temporary folder, removed at the end)')
    .option('--redis-port <number>', 'port of Redis (default: any free one)', parsePort)
    .option('--amqp-port <number>', 'port of RabbitMQ (default: any free one)', parsePort)
    .option('--json', 'the addresses as one line of JSON')
    .addHelpText('after', HELP)
    .action(async (options: ServicesOptions) => {
      const { runServices } = await import('./services/run-services.ts');
      await runServices(options);
    });
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new InvalidArgumentError('It must be a port, 1 to 65535.');
  return port;
}
