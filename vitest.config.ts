import { defineConfig } from 'vitest/config';
import { SlowFirst } from './test/support/slow-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./test/support/servers/install-servers.ts', './test/support/servers/share-rabbitmq.ts'],
    // Processes and rings, not tab switches: real child processes need room, and two cores are all there is. Four files
    // at a time, since about a third of their time is spent waiting.
    pool: 'forks',
    maxWorkers: 4,
    sequence: { sequencer: SlowFirst },
    // What hangs is ended; no test asks how fast anything is, and two cores may be busy with more than one of them.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ['default', './test/support/closing-line-reporter.ts'],
  },
});
