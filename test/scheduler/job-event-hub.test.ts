import { expect, test } from 'vitest';
import type { JobEvent } from '../../core/ports/job-events.ts';
import { JobEventHub } from '../../scheduler/job-event-hub.ts';

const exhausted = (jobId: string): JobEvent => ({ type: 'exhausted', jobId });

test('every listener hears every event in order; one that fails stops nobody', () => {
  const hub = new JobEventHub();
  const [heard, alsoHeard]: JobEvent[][] = [[], []];
  hub.subscribe((event) => heard!.push(event));
  const end = hub.subscribe((event) => {
    if (event.type === 'exhausted') throw new Error('broken listener');
  });
  hub.subscribe((event) => alsoHeard!.push(event));
  hub.emit(exhausted('a'));
  end();
  hub.emit(exhausted('b'));
  expect(heard).toEqual(alsoHeard);
  expect(heard!.map((event) => ('jobId' in event ? event.jobId : event.type))).toEqual(['a', 'trouble', 'b']);
});
