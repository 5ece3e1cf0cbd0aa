import { expect, test } from 'vitest';
import { ConfigurationError, readConfiguration } from '../../main/configuration.ts';

function refusal(environment: Record<string, string>): string {
  try {
    readConfiguration(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('the configuration was accepted');
}

test('nothing set is a sandbox on 8080 without rate limits', () => {
  expect(readConfiguration({ PATH: '/bin', HOME: '/root' })).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    adminPort: 8081,
    dataFolder: './data',
    mode: 'sandbox',
    rateLimit: 'off',
    journalSegmentMiB: 64,
    snapshotEveryCommands: 1_000_000,
  });
});

test('production limits rates unless told otherwise, and needs its keys', () => {
  const keys = { RINGBOOK_MASTER_KEY: 'ab'.repeat(32), RINGBOOK_ADMIN_TOKEN: 'x'.repeat(16) };
  expect(readConfiguration({ ...keys, RINGBOOK_MODE: 'production' }).rateLimit).toBe('gemini');
  expect(readConfiguration({ ...keys, RINGBOOK_MODE: 'production', RINGBOOK_RATE_LIMIT: 'off' }).rateLimit).toBe('off');
  const message = refusal({ RINGBOOK_MODE: 'production' });
  expect(message).toContain('RINGBOOK_MASTER_KEY');
  expect(message).toContain('RINGBOOK_ADMIN_TOKEN');
});

test('an empty variable is not set', () => {
  expect(readConfiguration({ RINGBOOK_PORT: '' }).port).toBe(8080);
});

test.each([
  ['RINGBOOK_PORT', '65536'],
  ['RINGBOOK_PORT', '80.5'],
  ['RINGBOOK_PORT', '-1'],
  ['RINGBOOK_METRICS_PORT', 'none'],
  ['RINGBOOK_MODE', 'Sandbox'],
  ['RINGBOOK_RATE_LIMIT', 'on'],
  ['RINGBOOK_LOG_LEVEL', 'loud'],
  ['RINGBOOK_ADMIN_TOKEN', 'short'],
  ['RINGBOOK_MASTER_KEY', 'ab'.repeat(31)],
  ['RINGBOOK_MAX_ORDERS', '999'],
  ['RINGBOOK_MAX_ORDERS', '16777217'],
  ['RINGBOOK_MAX_LEVELS', '999'],
  ['RINGBOOK_MAX_LEVELS', '4194305'],
  ['RINGBOOK_MAX_INSTRUMENTS', '0'],
  ['RINGBOOK_MAX_INSTRUMENTS', '65536'],
  ['RINGBOOK_JOURNAL_SEGMENT_MIB', '0'],
  ['RINGBOOK_JOURNAL_SEGMENT_MIB', '0.1'],
  ['RINGBOOK_SNAPSHOT_EVERY', '0'],
  ['RINGBOOK_SNAPSHOT_EVERY', '1.5'],
  ['RINGBOOK_COMMAND_RING_SLOTS', '32'],
  ['RINGBOOK_COMMAND_RING_SLOTS', '1000'],
  ['RINGBOOK_EVENT_RING_SLOTS', '8388608'],
  ['RINGBOOK_CLOSED_ORDERS', '0'],
  ['RINGBOOK_CLOSED_HOLDS', '9999'],
  ['RINGBOOK_ANSWER_TIMEOUT_MS', '0'],
  ['RINGBOOK_REDIS_URL', 'http://127.0.0.1:6379'],
  ['RINGBOOK_REDIS_URL', 'redis://'],
  ['RINGBOOK_AMQP_URL', 'redis://127.0.0.1'],
  ['RINGBOOK_AMQP_URL', 'amqp://'],
  ['RINGBOOK_AMQP_URL', 'amqp://host/one/two'],
  ['RINGBOOK_PROT', '8080'],
])('%s=%s is refused by name', (name, value) => {
  expect(refusal({ [name]: value })).toContain(name);
});

test('everything that is wrong is told at once', () => {
  const message = refusal({ RINGBOOK_PORT: 'x', RINGBOOK_MODE: 'x', RINGBOOK_LOG_LEVEL: 'x', RINGBOOK_X: 'x' });
  expect(message.split('\n').filter((line) => line.startsWith('  - '))).toHaveLength(4);
});
