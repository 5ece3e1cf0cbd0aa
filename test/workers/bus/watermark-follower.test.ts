import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { PublisherLane } from '../../../workers/bus/publisher-lane.ts';
import { PUBLISHER_TIMES } from '../../../workers/bus/publisher-settings.ts';
import { WatermarkFollower } from '../../../workers/bus/watermark-follower.ts';
import { until } from '../../support/until.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Begins to follow a consumer of one partition, which something was sent to. */
function follow(watermarks: () => Promise<readonly number[]>): () => Promise<void> {
  const lane = new PublisherLane({ partition: 0, queue: 'q', watermark: 0, batchEvents: 8, windowBatches: 2 });
  lane.scannedSequence = 5;
  lane.takeBatch();
  const lanes = [lane];
  const end = new AbortController();
  const follower = new WatermarkFollower(
    { name: 'slow', watermarks },
    {
      times: { ...PUBLISHER_TIMES, watermarkPauseMs: 1, longestWatermarkPauseMs: 1 },
      signal: end.signal,
      lanes: () => lanes,
      session: () => null,
      onMoved: () => {},
      onLost: () => {},
    },
  );
  const ended = follower.run();
  return () => {
    end.abort();
    return ended;
  };
}

test('answers of a consumer that stands still are not kept, however long it is asked', async () => {
  const answers: WeakRef<readonly number[]>[] = [];
  const stop = follow(async () => {
    const answer = [0];
    answers.push(new WeakRef(answer));
    return answer;
  });
  await until(() => answers.length >= 100);
  collectGarbage();
  const keptCount = answers.filter((answer) => answer.deref() !== undefined).length;
  await stop();
  expect(keptCount).toBeLessThan(50);
});

test('an answer that never comes holds up no end', async () => {
  const asked = Promise.withResolvers<void>();
  const stop = follow(() => {
    asked.resolve();
    return new Promise(() => {});
  });
  await asked.promise;
  await stop();
});
