import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { listSegments } from '../../../core/journal/segment-files.ts';
import { auditDataFolder } from '../../../workers/audit/audit.ts';
import { HistoryConsumer } from '../../../workers/history/history-consumer.ts';
import { exchangeDatabasePath } from '../../../workers/storage/exchange-database.ts';
import { HistoryDatabase } from '../../../workers/storage/history-database.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { LIMITS, randomOrder, TradingFolder } from '../trading-folder.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** An exchange at work: it trades on at random, with settlement and history behind it, until `stop`. */
class BusyExchange {
  readonly trading: TradingFolder;
  readonly #history: HistoryDatabase;
  readonly #busy: Promise<void>;
  #isStopping = false;

  private constructor(trading: TradingFolder, history: HistoryDatabase, random: RandomIntegers) {
    this.trading = trading;
    this.#history = history;
    this.#busy = this.#trade(random);
  }

  static async start(folder: string, random: RandomIntegers): Promise<BusyExchange> {
    const trading = await TradingFolder.open(folder);
    const history = await HistoryDatabase.open(folder, trading.exchange.partitionCount, (error) => {
      throw error;
    });
    await trading.trade(random, 100);
    trading.startSettlement();
    trading.feed.subscribe(await HistoryConsumer.open(history, trading.catalogue));
    return new BusyExchange(trading, history, random);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#busy;
    await this.trading.feed.settledThrough(this.trading.endSequence);
    expect(this.trading.failures).toEqual([]);
    await this.trading.abandon();
    await this.#history.close();
  }

  async #trade(random: RandomIntegers): Promise<void> {
    while (!this.#isStopping) {
      await this.trading.trade(random, 5);
      await this.trading.holdOnly(randomOrder(random)); // a hold whose command never comes
    }
  }
}

describe(`an exchange at work (SEED=${seed})`, () => {
  test('is audited again and again without being stopped', async () => {
    const folder = temporaryFolder();
    const random = new RandomIntegers(seed);
    const exchange = await BusyExchange.start(folder, random);
    const commandCounts: number[] = [];
    let unsettledEvents = 0;
    for (let audit = 0; audit < 12; audit++) {
      const report = await auditDataFolder(folder, { limits: LIMITS, isRunning: true });
      expect(report.statements.flatMap(({ findings }) => findings)).toEqual([]);
      expect(report).toMatchObject({ ok: true, isRunning: true, journalTornBytes: 0, eventLogTorn: null });
      commandCounts.push(report.commandCount);
      unsettledEvents += report.unsettledEvents;
    }
    await exchange.stop();
    expect(commandCounts).toEqual(commandCounts.toSorted((one, other) => one - other));
    expect(commandCounts.at(-1)).toBeGreaterThan(commandCounts[0]!);
    expect(unsettledEvents).toBeGreaterThan(0);
    const atRest = await auditDataFolder(folder, { limits: LIMITS });
    expect(atRest.statements.flatMap(({ findings }) => findings)).toEqual([]);
    expect(atRest).toMatchObject({ ok: true, unsettledEvents: 0 });
  });

  test('a unit that appears while it runs is found', async () => {
    const folder = temporaryFolder();
    const exchange = await BusyExchange.start(folder, new RandomIntegers(seed + 1));
    const intruder = await SqliteDatabase.open(exchangeDatabasePath(folder));
    await intruder.run(
      `UPDATE entries SET held_before = held_before + 1
       WHERE entry_sequence = (SELECT max(entry_sequence) FROM entries)`,
    );
    await intruder.close();
    const report = await auditDataFolder(folder, { limits: LIMITS, isRunning: true });
    expect(report.statements.flatMap(({ findings }) => findings)).toEqual([
      expect.stringMatching(/^entry \d+ \(account \d+, asset \d+, .*begins at/),
    ]);
    await exchange.stop();
  });

  test('what is half written at the end of its logs is no damage, a changed byte is', async () => {
    const folder = temporaryFolder();
    const exchange = await BusyExchange.start(folder, new RandomIntegers(seed + 2));
    await exchange.stop();
    for (const kind of [1, 2] as const) appendFileSync(listSegments(folder, kind).at(-1)!.path, Buffer.alloc(300, 1));
    const report = await auditDataFolder(folder, { limits: LIMITS, isRunning: true });
    expect(report.ok).toBe(true);
    const [first] = listSegments(folder, 2);
    const bytes = readFileSync(first!.path);
    bytes[200]! ^= 1;
    writeFileSync(first!.path, bytes);
    const damaged = await auditDataFolder(folder, { limits: LIMITS, isRunning: true });
    expect(damaged.statements.flatMap(({ findings }) => findings)).toEqual([
      expect.stringContaining(`${first!.path} is damaged at byte 0`),
    ]);
  });

  test('progress rises to 100 through all stages, and nothing is said twice', async () => {
    const folder = temporaryFolder();
    const exchange = await BusyExchange.start(folder, new RandomIntegers(seed + 3));
    const told: (readonly [stage: string, percent: number])[] = [];
    const onProgress = (stage: string, percent: number): void => void told.push([stage, percent]);
    await auditDataFolder(folder, { limits: LIMITS, isRunning: true, onProgress });
    await exchange.stop();
    const percents = told.map(([, percent]) => percent);
    expect(percents).toEqual([...new Set(percents)].sort((one, other) => one - other));
    expect([percents[0], percents.at(-1)]).toEqual([0, 100]);
    expect([...new Set(told.map(([stage]) => stage))]).toEqual(['logs', 'entries', 'replay', 'second replay', 'done']);
  });
});
