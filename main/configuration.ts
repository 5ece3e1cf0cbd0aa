import { z } from 'zod';
import { MAX_INSTRUMENT_ID } from '../core/money/instrument.ts';
import { DEFAULT_RING_SIZES, DEFAULT_SNAPSHOT_EVERY_COMMANDS } from '../core/threads/default-sizes.ts';
import { DEFAULT_ANSWER_TIMEOUT_MS, DEFAULT_CLOSED_ORDERS } from '../gateway/default-limits.ts';
import { DEFAULT_CLOSED_HOLDS } from '../workers/ledger/hold-records.ts';

/**
 * Settings from the environment (`RINGBOOK_*`) and from flags, checked once at start. A flag wins over its variable.
 * One message lists everything that is wrong.
 */
export interface Configuration {
  readonly host: string;
  readonly port: number; // 0: any free port
  readonly adminPort: number; // 0: any free port
  readonly metricsPort: number | undefined; // of workers and scheduler; 0: any free port; undefined: none
  readonly dataFolder: string;
  readonly mode: 'sandbox' | 'production';
  readonly rateLimit: 'gemini' | 'off';
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug';
  readonly adminToken: string | undefined;
  readonly masterKey: string | undefined; // 64 hex digits: encrypts stored secrets
  /** As the data folder keeps them from its first start on; undefined for what it has. */
  readonly maxOrders: number | undefined;
  readonly maxLevels: number | undefined;
  readonly maxInstruments: number | undefined;
  readonly journalSegmentMiB: number; // whole sixteenths
  readonly snapshotEveryCommands: number; // a start replays about this many at most
  readonly marketProtectionPpm: number; // how far a market order may move the price
  readonly commandRingSlots: number; // commands that may wait for the core before new ones get 503
  readonly eventRingSlots: number; // events that may wait for their readers before the core does
  readonly closedOrders: number; // kept in memory; older ones are asked from the history
  readonly closedHolds: number; // whose ids the embedded ledger knows, those of the last ten minutes at most
  readonly answerTimeoutMs: number; // after which an order's outcome is called unknown
  readonly redisUrl: string | undefined; // undefined: the embedded ledger
  readonly amqpUrl: string | undefined; // undefined: the embedded feed
  readonly instrumentsFile: string | undefined; // what the first start defines; later starts compare it
}

/** The settings are not usable. `message` has one line per problem. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const ringSlots = z.coerce
  .number()
  .int()
  .min(64)
  .max(2 ** 22)
  .refine((slots) => Number.isInteger(Math.log2(slots)), 'must be a power of two');

const port = z.coerce.number().int().min(0).max(65_535);

const SCHEMA = z.object({
  RINGBOOK_HOST: z.string().min(1).default('127.0.0.1'),
  RINGBOOK_PORT: port.default(8080),
  RINGBOOK_ADMIN_PORT: port.default(8081),
  RINGBOOK_METRICS_PORT: port.optional(),
  RINGBOOK_DATA_DIR: z.string().min(1).default('./data'),
  RINGBOOK_MODE: z.enum(['sandbox', 'production']).default('sandbox'),
  RINGBOOK_RATE_LIMIT: z.enum(['gemini', 'off']).optional(),
  RINGBOOK_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug']).default('warn'),
  RINGBOOK_ADMIN_TOKEN: z.string().min(16, 'needs at least 16 characters').optional(),
  RINGBOOK_MASTER_KEY: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'needs 64 hex digits, for instance from: openssl rand -hex 32')
    .optional(),
  RINGBOOK_MAX_ORDERS: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(2 ** 24)
    .optional(),
  RINGBOOK_MAX_LEVELS: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(2 ** 22)
    .optional(),
  RINGBOOK_MAX_INSTRUMENTS: z.coerce.number().int().min(1).max(MAX_INSTRUMENT_ID).optional(),
  RINGBOOK_JOURNAL_SEGMENT_MIB: z.coerce
    .number()
    .multipleOf(1 / 16)
    .min(1 / 16)
    .max(1_024)
    .default(64),
  RINGBOOK_SNAPSHOT_EVERY: z.coerce.number().int().min(1).max(1_000_000_000).default(DEFAULT_SNAPSHOT_EVERY_COMMANDS),
  RINGBOOK_MARKET_PROTECTION_PPM: z.coerce.number().int().min(0).max(999_999).default(50_000),
  RINGBOOK_COMMAND_RING_SLOTS: ringSlots.default(DEFAULT_RING_SIZES.commandSlots),
  RINGBOOK_EVENT_RING_SLOTS: ringSlots.default(DEFAULT_RING_SIZES.eventSlots),
  RINGBOOK_CLOSED_ORDERS: z.coerce.number().int().min(1).max(10_000_000).default(DEFAULT_CLOSED_ORDERS),
  RINGBOOK_CLOSED_HOLDS: z.coerce
    .number()
    .int()
    .min(10_000)
    .max(2 ** 23)
    .default(DEFAULT_CLOSED_HOLDS),
  RINGBOOK_ANSWER_TIMEOUT_MS: z.coerce.number().int().min(100).max(600_000).default(DEFAULT_ANSWER_TIMEOUT_MS),
  RINGBOOK_INSTRUMENTS_FILE: z.string().min(1).optional(),
  RINGBOOK_REDIS_URL: z
    .string()
    .regex(
      /^rediss?:\/\/[^/\s]+(\/\d*)?$/,
      'must be like redis://127.0.0.1:6379, or rediss://user:password@host:port/database',
    )
    .optional(),
  RINGBOOK_AMQP_URL: z
    .string()
    .regex(
      /^amqps?:\/\/[^/\s]+(\/[^/\s]*)?$/,
      'must be like amqp://127.0.0.1:5672, or amqps://user:password@host:port/vhost',
    )
    .optional(),
});

/**
 * @param environment variables; unknown `RINGBOOK_*` names are refused, since a typo would silently change nothing
 * @throws ConfigurationError
 */
export function readConfiguration(environment: Readonly<Record<string, string | undefined>>): Configuration {
  const given = Object.entries(environment).filter(
    ([name, value]) => name.startsWith('RINGBOOK_') && !name.startsWith('RINGBOOK_TEST_') && value !== '',
  );
  const known = new Set(Object.keys(SCHEMA.shape));
  const problems = given
    .filter(([name]) => !known.has(name))
    .map(([name]) => `${name} is not a setting; known are ${[...known].sort().join(', ')}`);
  const parsed = SCHEMA.safeParse(Object.fromEntries(given));
  if (!parsed.success)
    for (const issue of parsed.error.issues) problems.push(`${issue.path.join('.')}: ${issue.message}`);
  if (parsed.success && parsed.data.RINGBOOK_MODE === 'production') {
    if (parsed.data.RINGBOOK_MASTER_KEY === undefined)
      problems.push(
        'RINGBOOK_MASTER_KEY: production mode needs it to encrypt stored secrets; openssl rand -hex 32 makes one',
      );
    if (parsed.data.RINGBOOK_ADMIN_TOKEN === undefined)
      problems.push('RINGBOOK_ADMIN_TOKEN: production mode needs one of at least 16 characters');
  }
  if (!parsed.success || problems.length > 0)
    throw new ConfigurationError(
      `the configuration can't be used:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
    );
  const settings = parsed.data;
  return {
    host: settings.RINGBOOK_HOST,
    port: settings.RINGBOOK_PORT,
    adminPort: settings.RINGBOOK_ADMIN_PORT,
    metricsPort: settings.RINGBOOK_METRICS_PORT,
    dataFolder: settings.RINGBOOK_DATA_DIR,
    mode: settings.RINGBOOK_MODE,
    rateLimit: settings.RINGBOOK_RATE_LIMIT ?? (settings.RINGBOOK_MODE === 'sandbox' ? 'off' : 'gemini'),
    logLevel: settings.RINGBOOK_LOG_LEVEL,
    adminToken: settings.RINGBOOK_ADMIN_TOKEN,
    masterKey: settings.RINGBOOK_MASTER_KEY,
    maxOrders: settings.RINGBOOK_MAX_ORDERS,
    maxLevels: settings.RINGBOOK_MAX_LEVELS,
    maxInstruments: settings.RINGBOOK_MAX_INSTRUMENTS,
    journalSegmentMiB: settings.RINGBOOK_JOURNAL_SEGMENT_MIB,
    snapshotEveryCommands: settings.RINGBOOK_SNAPSHOT_EVERY,
    marketProtectionPpm: settings.RINGBOOK_MARKET_PROTECTION_PPM,
    commandRingSlots: settings.RINGBOOK_COMMAND_RING_SLOTS,
    eventRingSlots: settings.RINGBOOK_EVENT_RING_SLOTS,
    closedOrders: settings.RINGBOOK_CLOSED_ORDERS,
    closedHolds: settings.RINGBOOK_CLOSED_HOLDS,
    answerTimeoutMs: settings.RINGBOOK_ANSWER_TIMEOUT_MS,
    redisUrl: settings.RINGBOOK_REDIS_URL,
    amqpUrl: settings.RINGBOOK_AMQP_URL,
    instrumentsFile: settings.RINGBOOK_INSTRUMENTS_FILE,
  };
}
