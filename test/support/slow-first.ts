import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Small files that take long: by their size, which is what new clones go by, they would come last and each alone. */
const SLOW = [
  'test/workers/queue/rabbitmq-work-queue.test.ts',
  'test/workers/bus/rabbitmq-feed-contract.test.ts',
  'test/workers/ledger/redis-ledger.test.ts',
  'test/workers/bus/rabbitmq-outages.test.ts',
  'test/bench/short-form.test.ts',
  'test/faults/bus-away.test.ts',
  'test/faults/worker-cut-off.test.ts',
];

export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification): boolean => SLOW.some((slow) => moduleId.endsWith(slow));
    const sorted = await super.sort(files);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}
