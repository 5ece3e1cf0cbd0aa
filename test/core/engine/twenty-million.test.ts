import { expect, test } from 'vitest';
import { CommandStream } from '../../support/command-stream.ts';
import { ExchangeTwins } from '../../support/exchange-twins.ts';

const isLong = process.env.RINGBOOK_TEST_LONG !== undefined;
const COMMANDS = isLong ? 20_000_000 : 40_000;
const COMMANDS_PER_STREAM = 4_000;
const VERIFIED_EVERY = 500;
const HOUR_MS = 3_600_000;

const firstSeed = Number(process.env.SEED ?? Date.now() % 2 ** 30);

/**
 * Other seeds at every run; one alone is run again with SEED=. The bytes of events are engine-agrees.test.ts's to check:
 * without them every one of these commands can be compared with the reference in minutes.
 */
test(
  `${COMMANDS} random commands give the reference's events, one by one (SEED=${firstSeed} and the next)`,
  () => {
    let applied = 0;
    for (let seed = firstSeed; applied < COMMANDS; seed++) {
      const stream = new CommandStream(seed);
      const twins = new ExchangeTwins({ limits: stream.limits, checksBytes: false });
      for (let step = 0; step < COMMANDS_PER_STREAM; step++, applied++) {
        stream.observe(twins.apply(stream.next(), `SEED=${seed} step=${step}`));
        if (step % VERIFIED_EVERY === VERIFIED_EVERY - 1) twins.verify();
      }
    }
    expect(applied).toBe(COMMANDS);
  },
  HOUR_MS,
);
