import { type Configuration, ConfigurationError } from './configuration.ts';

/** @throws ConfigurationError naming what a split exchange needs and is not set */
export function requireServers(configuration: Configuration): { redisUrl: string; amqpUrl: string } {
  const { redisUrl, amqpUrl } = configuration;
  if (redisUrl !== undefined && amqpUrl !== undefined) return { redisUrl, amqpUrl };
  const missing = [
    ...(redisUrl === undefined ? ['RINGBOOK_REDIS_URL'] : []),
    ...(amqpUrl === undefined ? ['RINGBOOK_AMQP_URL'] : []),
  ];
  throw new ConfigurationError(
    `a split exchange needs Redis and RabbitMQ: set ${missing.join(' and ')} (\`ringbook services\` starts both for development), or run all in one with \`ringbook start\``,
  );
}
