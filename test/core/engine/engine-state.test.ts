import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import type { EngineState } from '../../../core/engine/engine-state.ts';
import { MAX_ASSET_ID } from '../../../core/money/asset.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { CommandKind, EventKind, RejectReason } from '../../../core/protocol/kinds.ts';
import { StateFormatError, StateSection } from '../../../core/protocol/state-sections.ts';
import { CommandStream } from '../../support/command-stream.ts';
import { EngineHarness } from '../../support/engine-harness.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { TradingDesk } from '../../support/trading-desk.ts';

const COMMANDS = 1_200;
const firstSeed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const seedCount = process.env.SEED !== undefined ? 1 : process.env.RINGBOOK_TEST_LONG === undefined ? 40 : 1_000;

describe('an engine made from the state of another goes on as that one does, event by event', () => {
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed++)
    test(`SEED=${seed}`, () => {
      const random = new RandomIntegers(seed);
      const stream = new CommandStream(seed);
      const first = new EngineHarness({ limits: stream.limits });
      const cuts = [random.between(1, 30), random.between(31, COMMANDS / 2), random.between(COMMANDS / 2, COMMANDS)];
      let others: EngineHarness[] = [];
      for (let step = 1; step <= COMMANDS; step++) {
        const command = stream.next();
        const events = first.apply(command);
        stream.observe(events);
        for (const other of others) {
          const otherEvents = other.apply(command);
          if (!isDeepStrictEqual(otherEvents, events)) expect(otherEvents, `SEED=${seed} step=${step}`).toEqual(events);
        }
        if (!cuts.includes(step)) continue;
        const copies = [first, ...others].map(({ engine }) => engine.exportState()); // of copies of copies too
        expectSameBytes(copies, `SEED=${seed} step=${step}`);
        others = copies.map((state) => restored(state, first.engine.stateHash()));
      }
      const all = [first, ...others].map(({ engine }) => engine.exportState());
      expectSameBytes(all, `SEED=${seed} at last`);
      for (const { engine } of others) {
        engine.verifyInvariants();
        expect(engine.stateHash()).toBe(first.engine.stateHash());
        expect(engine.lastEventSequence).toBe(first.engine.lastEventSequence);
      }
    });
});

/**
 * The hash leaves out what the core only keeps for the gateway, the fees of later orders: their bytes prove them. In
 * ORDERS, of which every field that means anything is hashed, levels and stale rows may differ.
 */
function expectSameBytes([first, ...others]: readonly EngineState[], when: string): void {
  for (const { sections } of others)
    for (const [index, { id, bytes }] of first!.sections.entries()) {
      if (id === StateSection.ORDERS) continue;
      expect(Buffer.from(sections[index]!.bytes).equals(Buffer.from(bytes)), `section ${id}, ${when}`).toBe(true);
    }
}

function restored(state: EngineState, stateHash: string): EngineHarness {
  const harness = new EngineHarness({ limits: state.limits, staleByte: 0x3c });
  harness.engine.importState(structuredClone(state));
  expect(harness.engine.stateHash()).toBe(stateHash);
  expect(harness.engine.lastTimestampMs).toBe(state.timestampMs);
  return harness;
}

function someState(): { desk: TradingDesk; state: EngineState } {
  const desk = new TradingDesk();
  desk.buy(100, 5);
  const gone = desk.buy(99, 7);
  desk.buy(99, 3);
  desk.sell(101, 4);
  desk.cancel(gone);
  return { desk, state: desk.harness.engine.exportState() };
}

function importing(state: EngineState): () => void {
  return () => new EngineHarness({ limits: state.limits }).engine.importState(state);
}

function withSection(state: EngineState, id: number, change: (words: Uint32Array) => void): EngineState {
  const copy = structuredClone(state);
  change(new Uint32Array(copy.sections.find((section) => section.id === id)!.bytes));
  return copy;
}

test('a state is a copy: what the engine does next does not show in it', () => {
  const { desk, state } = someState();
  const before = structuredClone(state);
  desk.buy(100, 9);
  desk.sell(100, 2);
  expect(state).toEqual(before);
  expect(importing(state)).not.toThrow();
});

test('time, ledger sequence and free slots are part of it', () => {
  const { desk, state } = someState();
  const { engine } = new EngineHarness({ limits: state.limits });
  engine.importState(state);
  expect(engine.lastTimestampMs).toBe(1_000);
  expect(engine.lastCommandSequence).toBe(desk.harness.engine.lastCommandSequence);
  expect(engine.highestLedgerSequence).toBe(desk.harness.engine.highestLedgerSequence);
  expect(engine.restingOrders).toBe(3);
});

test('a state of other limits is refused, naming them', () => {
  const { state } = someState();
  const { engine } = new EngineHarness({ limits: { ...state.limits, maxOrders: state.limits.maxOrders * 2 } });
  expect(() => engine.importState(state)).toThrow(/maxOrders=8192 is not within 16384/);
});

test('only a fresh engine takes a state', () => {
  const { desk, state } = someState();
  expect(() => desk.harness.engine.importState(state)).toThrow(InvariantError);
});

test("a hash that is not the state's own is refused, none at all is taken", () => {
  const { desk, state } = someState();
  expect(importing({ ...state, stateHash: '00000000000000ff' })).toThrow(/00000000000000ff was written with it/);
  const unhashed = desk.harness.engine.exportState(false);
  expect(unhashed).toEqual({ ...state, stateHash: null });
  const { engine } = new EngineHarness({ limits: state.limits });
  engine.importState(unhashed);
  expect(engine.stateHash()).toBe(state.stateHash);
});

test('sections that are missing, doubled, unknown, newer or cut are refused', () => {
  const { state } = someState();
  const [engine, ...others] = state.sections;
  const broken: [readonly EngineState['sections'][number][], RegExp][] = [
    [others, /section 1 is missing/],
    [[...state.sections, engine!], /section 1 stands twice/],
    [[...state.sections, { id: 999, version: 1, bytes: new ArrayBuffer(8) }], /section 999 is not known/],
    [[{ ...engine!, version: 200 }, ...others], /section 1 version 200: this program knows versions/],
    [[{ ...engine!, bytes: engine!.bytes.slice(0, -8) }, ...others], /it ends at byte/],
    [[{ ...engine!, bytes: new ArrayBuffer(engine!.bytes.byteLength + 8) }, ...others], /maxOrders=0/],
  ];
  for (const [sections, problem] of broken) {
    expect(importing({ ...state, sections })).toThrow(StateFormatError);
    expect(importing({ ...state, sections })).toThrow(problem);
  }
  const longer = new Uint8Array(engine!.bytes.byteLength + 8);
  longer.set(new Uint8Array(engine!.bytes));
  expect(importing({ ...state, sections: [{ ...engine!, bytes: longer.buffer }, ...others] })).toThrow(
    /goes on behind/,
  );
});

test('any word changed in definitions or orders is noticed', () => {
  const { state } = someState();
  for (const id of [StateSection.DEFINITIONS, StateSection.ORDERS]) {
    const words = state.sections.find((section) => section.id === id)!.bytes.byteLength / 4;
    let refused = 0;
    for (let word = 0; word < words; word++) {
      const changed = withSection(state, id, (all) => {
        all[word] = all[word]! ^ 0x10;
      });
      try {
        importing(changed)();
      } catch (error) {
        expect(error instanceof StateFormatError || error instanceof InvariantError, `word ${word}: ${error}`).toBe(
          true,
        );
        refused += 1;
      }
    }
    // What may differ is what is made anew or means nothing: levels, links of free slots to none, padding.
    expect(refused, `section ${id}`).toBeGreaterThan(words / 2);
  }
});

test('as many assets fit as there are ids, also into a state; one beyond is refused for room, as instruments are', () => {
  const limits = { maxOrders: 1, maxLevels: 1, maxInstruments: 1 };
  const harness = new EngineHarness({ limits, checksBytes: false });
  let commandSequence = 0;
  const define = (assetId: number): readonly ExchangeEvent[] => {
    commandSequence += 1;
    const header = { commandSequence, commandId: commandSequence, timestampMs: 1_000, accountId: 0, ledgerSequence: 0 };
    return harness.apply({
      kind: CommandKind.DEFINE_ASSET,
      header,
      asset: { assetId, code: `A${assetId}`, decimals: 8 },
    });
  };
  for (let assetId = 1; assetId <= MAX_ASSET_ID; assetId++)
    expect(define(assetId)[0]!.kind).toBe(EventKind.ASSET_DEFINED);
  for (const assetId of [0, MAX_ASSET_ID + 1, 2 ** 32 - 1])
    expect(define(assetId)).toMatchObject([{ kind: EventKind.DEFINITION_REJECTED, reason: RejectReason.CAPACITY }]);
  const state = harness.engine.exportState();
  const copy = new EngineHarness({ limits });
  copy.engine.importState(state);
  expect(copy.engine.stateHash()).toBe(state.stateHash);
});
