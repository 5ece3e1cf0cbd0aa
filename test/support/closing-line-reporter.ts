import type { Reporter, TestModule } from 'vitest/node';

/** Prints the line that a build server reads last: `N passed, N failed`, and `, N skipped` when any test did not run. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(testModules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const testModule of testModules) {
      const before = counts.passed + counts.failed;
      for (const test of testModule.children.allTests()) counts[test.result().state] += 1;
      // A file that could not even be loaded has no tests to fail: it counts as one failure of its own.
      if (testModule.state() === 'failed' && counts.passed + counts.failed === before) counts.failed += 1;
    }
    const notRun = counts.skipped + counts.pending;
    const skipped = notRun > 0 ? `, ${notRun} skipped` : '';
    // After the default reporter's own summary, which it writes in the same turn.
    setImmediate(() => console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`));
  }
}
