import pino from 'pino';
import { expect, test } from 'vitest';
import { PartitionAlarm } from '../../main/partition-alarm.ts';
import { partitionRoutes } from '../../main/partition-routes.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';

test('a trouble of any length halts its partition by a call that the exchange takes', async () => {
  const halted = Promise.withResolvers<{ partition: number; reason: string }>();
  const [route] = partitionRoutes(async (partition, reason) => {
    halted.resolve({ partition, reason });
    return ['btcusd'];
  });
  const alarm = new PartitionAlarm({
    dataFolder: temporaryFolder(),
    logger: pino({ enabled: false }),
    nowMs: () => 1,
    halt: async (partition, reason) => ((await route!.answer({ partition, reason })) as { symbols: string[] }).symbols,
  });
  alarm.watch('settlement');
  alarm.stopped({ consumer: 'settlement', partition: 3, error: new Error(`too much: ${'x'.repeat(10_000)}`) });
  expect(await halted.promise).toEqual({
    partition: 3,
    reason: expect.stringMatching(/^settlement: stopped: too much/),
  });
  alarm.close();
});
