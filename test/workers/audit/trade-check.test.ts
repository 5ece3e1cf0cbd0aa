import { afterAll, describe, expect, test } from 'vitest';
import { Catalogue } from '../../../core/money/catalogue.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { CancelReason, EventKind } from '../../../core/protocol/kinds.ts';
import { Findings } from '../../../workers/audit/check-report.ts';
import { TradeCheck } from '../../../workers/audit/trade-check.ts';
import { define } from '../../../workers/definitions/define.ts';
import { CommandStream } from '../../support/command-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';

const firstSeed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const SEEDS = process.env.SEED !== undefined ? 1 : process.env.RINGBOOK_TEST_LONG === '1' ? 100 : 8;
const COMMANDS = 1_500;
/** Ticks times lots of a trade whose fee, at the lowest rate, is at least one unit. */
const LARGE = 10_000_000;

/** The events of each command of a random stream, as the core gives them. */
function* randomCommands(seed: number): Generator<ExchangeEvent[]> {
  const stream = new CommandStream(seed);
  const harness = new EngineHarness({ limits: stream.limits });
  for (let command = 0; command < COMMANDS; command++) {
    const events = harness.apply(stream.next());
    stream.observe(events);
    yield events;
  }
}

/** @param change what the core is made to say instead, command by command */
function check(seed: number, change: (events: ExchangeEvent[]) => ExchangeEvent[]) {
  const findings = new Findings();
  const catalogue = new Catalogue();
  const trades = new TradeCheck(findings, catalogue);
  for (const events of randomCommands(seed)) {
    for (const event of events) define(catalogue, event);
    trades.compare(change(events));
  }
  return { trades, found: findings.reports()[6]!.findings };
}

let recomputed = 0;
let followed = 0;
// Of all seeds together: there are streams that never trade.
afterAll(() => {
  expect(recomputed).toBeGreaterThan(0);
  expect(followed).toBeLessThan(recomputed);
});

describe.each(Array.from({ length: SEEDS }, (_, index) => firstSeed + index))('SEED=%i', (seed) => {
  test('the trades that the orders ask for are those of the core', () => {
    const { trades, found } = check(seed, (events) => events);
    expect(found).toEqual([]);
    recomputed += trades.recomputedTrades;
    followed += trades.followedTrades;
  });

  test.each<[string, (fill: ExchangeEvent & { kind: typeof EventKind.FILLED }) => ExchangeEvent[]]>([
    ['at another price', (fill) => [{ ...fill, priceTicks: fill.priceTicks + 1 }]],
    ['of another quantity', (fill) => [{ ...fill, quantityLots: fill.quantityLots + 1 }]],
    ['with another maker', (fill) => [{ ...fill, makerOrderId: fill.makerOrderId + 1 }]],
    ['at another fee', (fill) => [{ ...fill, makerMakerRatePpm: fill.makerMakerRatePpm === 0 ? 1_000_000 : 0 }]],
    ['twice', (fill) => [fill, fill]],
    ['not at all', () => []],
  ])('a trade %s is found', (_what, changed) => {
    let isChanged = false;
    const lie = (event: ExchangeEvent): ExchangeEvent[] => {
      if (isChanged || event.kind !== EventKind.FILLED || event.quantityLots * event.priceTicks < LARGE) return [event];
      isChanged = true;
      return changed(event);
    };
    // Some streams trade a few lots at a time, of which no fee is left to be changed.
    for (let later = 0; !isChanged && later < 20; later++) {
      const { found } = check(seed + later * SEEDS, (events) => (isCutByBand(events) ? events : events.flatMap(lie)));
      expect(found.length).toBe(isChanged ? 1 : 0);
    }
    expect(isChanged).toBe(true);
  });
});

/** Such orders are followed, not recomputed. */
function isCutByBand(events: readonly ExchangeEvent[]): boolean {
  return events.some((event) => event.kind === EventKind.CANCELLED && event.reason === CancelReason.PRICE_BAND);
}
