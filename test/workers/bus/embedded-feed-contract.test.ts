import { EmbeddedFeed } from '../../../workers/bus/embedded-feed.ts';
import type { FeedFailure } from '../../../workers/bus/feed-settings.ts';
import { PARTITIONS } from './event-store.ts';
import { feedContract } from './feed-contract.ts';
import type { FeedStart, RunningFeed } from './feed-under-test.ts';

feedContract('embedded', () => ({ start }));

function start({ consumers, partitionCount = PARTITIONS, ...settings }: FeedStart): RunningFeed {
  const failures: FeedFailure[] = [];
  const feed = new EmbeddedFeed({
    ...settings,
    partitionCount,
    firstPauseMs: 5,
    onFailure: (failure) => failures.push(failure),
  });
  for (const consumer of consumers) feed.subscribe(consumer);
  return { progress: feed, failures, stop: () => feed.stop() };
}
