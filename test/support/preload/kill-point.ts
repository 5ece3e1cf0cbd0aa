/**
 * Loaded into a process of ours by `node --import`, before anything of it: ends the process with SIGKILL right before
 * or right after the step of a transfer, or of a consumer's work, that the file of a KillPoint (test/support/kill-point.ts)
 * names. The program itself knows nothing of it and has no switch for it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { AmqpConnection } from '../../../workers/bus/amqp-connection.ts';
import { EmbeddedLedger } from '../../../workers/ledger/embedded-ledger.ts';
import { RedisLedger } from '../../../workers/ledger/redis/redis-ledger.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { FIRST_TRANSFER_ID } from '../../../workers/transfers/sandbox-grants.ts';
import { TransferStore } from '../../../workers/transfers/transfer-store.ts';

const ordersPath = process.env.RINGBOOK_TEST_KILL_POINT ?? '';
if (ordersPath === '') throw new Error('RINGBOOK_TEST_KILL_POINT must name the file with the point');

// biome-ignore lint/suspicious/noExplicitAny: arguments go through as they are
type Method = (...args: any[]) => Promise<unknown>;

function isMet(step: string, side: 'before' | 'after'): boolean {
  return existsSync(ordersPath) && readFileSync(ordersPath, 'utf8') === `${side} ${step}`;
}

/** @param stepOf of a call's arguments; null: no step that a test may name */
function patch(prototype: object, name: string, stepOf: (...args: never[]) => string | null): void {
  const methods = prototype as Record<string, Method>;
  const method = methods[name]!;
  methods[name] = async function (this: unknown, ...args) {
    const step = stepOf(...(args as never[]));
    if (step === null) return method.apply(this, args);
    if (isMet(step, 'before')) process.kill(process.pid, 'SIGKILL');
    const result = await method.apply(this, args);
    if (isMet(step, 'after')) process.kill(process.pid, 'SIGKILL');
    return result;
  };
}

patch(TransferStore.prototype, 'insert', () => 'insert');
patch(TransferStore.prototype, 'advance', (_id: number, from: string, to: string) => `${from} to ${to}`);
for (const { prototype } of [EmbeddedLedger, RedisLedger]) {
  patch(prototype, 'credit', ({ operationId }: { operationId: number }) =>
    operationId < FIRST_TRANSFER_ID ? 'grant' : 'credit',
  );
  for (const name of ['hold', 'debit', 'release'] as const) patch(prototype, name, () => name);
}
patch(RedisLedger.prototype, 'settle', () => 'settle');
patch(SqliteDatabase.prototype, 'exec', (sql: string) => (sql === 'COMMIT' ? 'commit' : null));

// Acknowledgements are not waited for: the frame leaves with the next turn of the event loop.
const { keepChannel } = AmqpConnection.prototype;
AmqpConnection.prototype.keepChannel = function (this: AmqpConnection, settings) {
  const onOpen: typeof settings.onOpen = (channel) => {
    const { ack } = channel;
    channel.ack = (...args: Parameters<typeof ack>) => {
      if (isMet('ack', 'before')) process.kill(process.pid, 'SIGKILL');
      ack.apply(channel, args);
      if (isMet('ack', 'after')) process.kill(process.pid, 'SIGKILL');
    };
    return settings.onOpen(channel);
  };
  return keepChannel.call(this, { ...settings, onOpen });
};
