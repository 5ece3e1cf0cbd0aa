import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../../core/assert.ts';
import {
  type BalancesAnswer,
  type CreditAnswer,
  type CreditRequest,
  type DebitAnswer,
  type HoldAnswer,
  type Ledger,
  LedgerPausedError,
  LedgerUnavailableError,
  type OpenHold,
  type ReleaseAnswer,
  type SettleAnswer,
  type SettlementBatch,
} from '../../../core/ports/ledger.ts';
import { LedgerInvariantError } from '../ledger-errors.ts';
import { requireId } from '../operation-id.ts';
import { requireOrdered, requireZeroSums } from '../settlement-plan.ts';
import { HoldCalls, type HoldRequest } from './hold-calls.ts';
import { parseChange, type StoredChanges, type StreamMessage } from './ledger-changes.ts';
import { BALANCE_PREFIX, balanceKey, LEDGER_KEYS } from './ledger-keys.ts';
import { balancesOf, holdAnswerOf, parseRecord, poolsOf, sequenceOf, watermarksOf } from './ledger-replies.ts';
import { LEDGER_SCRIPTS, type LedgerScript } from './ledger-scripts.ts';
import { checkRedis, halfDone } from './redis-check.ts';
import { RedisConnection } from './redis-connection.ts';

export interface RedisLedgerSettings {
  readonly url: string;
  readonly partitionCount: number;
  /** Names the one ledger that belongs to the data folder. */
  readonly epoch: string;
  /** Highest change sequence that the archive holds: Redis must know it. */
  readonly knownSequence: number;
  /** @param trouble why the ledger can't be used from now on; null when it can again */
  readonly onChange?: (trouble: LedgerUnavailableError | null) => void;
  readonly onWarning?: (warning: string) => void;
  /** Called after answers that tell of changes: there is something to archive. */
  readonly onWrite?: () => void;
  /** A Redis that says nothing for so long while calls wait is taken for dead; 10 s when left out. */
  readonly answerTimeoutMs?: number;
}

/** How long a call whose connection broke waits for the next one to learn its outcome. */
const ASK_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 10_000;
const REFUSED_PAUSE_MS = 100;
const { ledger, holds, closed, closedOrder, credits, debits, pools, watermarks, entries } = LEDGER_KEYS;

/**
 * The ledger in Redis: every operation is one script, decided and written by Redis in one step, with its entry in the
 * same step. Nothing is sent twice by itself. Where a connection breaks before the answer, the operation's id tells what
 * became of it: for a hold it is looked up, everything else is called again, which answers what it did the first time.
 */
export class RedisLedger implements Ledger {
  readonly #settings: RedisLedgerSettings;
  readonly #connection: RedisConnection;
  readonly #holdCalls = new HoldCalls((requests) => this.#holdAll(requests));
  readonly #warned = new Set<string>();
  #knownSequence: number;

  private constructor(settings: RedisLedgerSettings) {
    this.#settings = settings;
    this.#knownSequence = settings.knownSequence;
    this.#connection = new RedisConnection({
      url: settings.url,
      answerTimeoutMs: settings.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
      verify: (connection) => checkRedis(connection, this.#expected(), (warning) => this.#warnOnce(warning)),
      onChange: settings.onChange ?? (() => {}),
    });
  }

  /** @throws LedgerUnavailableError, LedgerPausedError: there is no Redis to begin with, or not the one that it must be */
  static async open(settings: RedisLedgerSettings): Promise<RedisLedger> {
    const opened = new RedisLedger(settings);
    try {
      await opened.#connection.open();
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  /** Why it can't be used now, or null. */
  get trouble(): LedgerUnavailableError | null {
    return this.#connection.trouble;
  }

  /** Highest change sequence that anything here is based on. */
  get knownSequence(): number {
    return this.#knownSequence;
  }

  /** @throws LedgerUnavailableError: nothing is held, unless `isOutcomeKnown` is false: then only a release makes sure */
  async hold(request: HoldRequest): Promise<HoldAnswer> {
    requireId(request.commandId);
    if (request.units <= 0n) fail(`hold ${request.commandId} of ${request.units} units`);
    return this.#holdCalls.add(request);
  }

  /**
   * Patient: waits for a ledger that is away or paused, since whoever gives a hold back has nobody else to tell.
   * @throws LedgerUnavailableError only when it is closed meanwhile
   */
  async release(commandId: number, timestampMs: number): Promise<ReleaseAnswer> {
    requireId(commandId);
    const keys = [ledger, holds, closed, closedOrder, entries, BALANCE_PREFIX];
    for (;;) {
      try {
        const answer = await this.#run(LEDGER_SCRIPTS.releaseHold, keys, [String(commandId), String(timestampMs)]);
        if (answer[0] !== 'RELEASED') return { outcome: answer[0] as 'REPEATED' | 'SETTLED' };
        return { outcome: 'RELEASED', units: BigInt(answer[1]!), ledgerSequence: this.#learn(answer[2]) };
      } catch (error) {
        if (!(error instanceof LedgerUnavailableError)) throw error;
        await this.#connection.untilUsable(ASK_TIMEOUT_MS);
        await sleep(REFUSED_PAUSE_MS, undefined, { ref: false });
      }
    }
  }

  /**
   * @throws LedgerInvariantError when legs do not add up to zero or would leave an amount below zero; InvariantError for
   *   a batch that contradicts itself; LedgerUnavailableError: the same batch may be brought again, it applies once
   */
  async settle(batch: SettlementBatch): Promise<SettleAnswer> {
    const { partition, beforeSequence, lastSequence, timestampMs, legs, settledCommands } = batch;
    if (!(partition >= 0 && partition < this.#settings.partitionCount))
      fail(`settlement of partition ${partition} of ${this.#settings.partitionCount}`);
    requireOrdered(batch);
    requireZeroSums(legs);
    const keys = [ledger, holds, closed, closedOrder, entries, watermarks];
    const place = placesIn(keys);
    const args = [partition, beforeSequence, lastSequence, timestampMs, legs.length].map(String);
    for (const { eventSequence, accountId, assetId, availableDeltaUnits, heldDeltaUnits, reason } of legs)
      args.push(
        `${eventSequence}`,
        place(accountId),
        `${accountId}`,
        `${assetId}`,
        `${availableDeltaUnits}`,
        `${heldDeltaUnits}`,
        reason,
      );
    for (const { commandId, eventSequence } of settledCommands) args.push(`${commandId}`, `${eventSequence}`);
    const answer = await this.#run(LEDGER_SCRIPTS.settleLegs, keys, args);
    if (answer[0] === 'BROKEN') {
      const [, event, account, asset, available, held] = answer;
      throw new LedgerInvariantError(
        `event ${event}: account ${account} asset ${asset} would have ${available} available and ${held} held`,
      );
    }
    const watermark = Number(answer[1]);
    if (answer[0] === 'GAP') return { outcome: 'GAP', watermark };
    return { outcome: answer[0] as 'APPLIED' | 'REPEATED', watermark, ledgerSequence: this.#learn(answer[2]) };
  }

  /** @throws LedgerUnavailableError: unless `isOutcomeKnown`, only the same request again tells whether it was credited */
  async credit(request: CreditRequest): Promise<CreditAnswer> {
    const { operationId, accountId, assetId, units, timestampMs } = request;
    requireId(operationId);
    if (units <= 0n) fail(`credit ${operationId} of ${units} units`);
    const keys = [ledger, credits, pools, entries, balanceKey(accountId)];
    const args = [operationId, accountId, assetId, units, timestampMs].map(String);
    const answer = await this.#runAgainIfLost(LEDGER_SCRIPTS.creditFunds, keys, args);
    if (answer[0] === 'CREDIT_DIFFERS') return { outcome: 'CREDIT_DIFFERS' };
    if (answer[0] === 'POOL_LIMIT') return { outcome: 'POOL_LIMIT', poolUnits: BigInt(answer[1]!) };
    const outcome = answer[0] as 'CREDITED' | 'REPEATED';
    return { outcome, availableUnits: BigInt(answer[1]!), ledgerSequence: this.#learn(answer[2]) };
  }

  /** @throws LedgerUnavailableError: unless `isOutcomeKnown`, only the same request again tells whether it was debited */
  async debit({ operationId, timestampMs }: { operationId: number; timestampMs: number }): Promise<DebitAnswer> {
    requireId(operationId);
    const keys = [ledger, holds, closed, closedOrder, entries, debits, pools, BALANCE_PREFIX];
    const answer = await this.#runAgainIfLost(LEDGER_SCRIPTS.debitFunds, keys, [operationId, timestampMs].map(String));
    if (answer[0] === 'NOT_HELD') return { outcome: 'NOT_HELD' };
    const outcome = answer[0] as 'DEBITED' | 'REPEATED';
    return { outcome, units: BigInt(answer[1]!), ledgerSequence: this.#learn(answer[2]) };
  }

  async balances(accountId: number): Promise<BalancesAnswer> {
    const answer = await this.#run(LEDGER_SCRIPTS.readBalances, [ledger, watermarks, balanceKey(accountId)], []);
    const [, marks, fields] = answer as unknown as [string, string[], string[]];
    return { balances: balancesOf(fields), watermarks: watermarksOf(marks, this.#settings.partitionCount) };
  }

  async watermarks(): Promise<readonly number[]> {
    return (await this.balances(0)).watermarks; // nobody has account 0
  }

  async openHoldsBelow(commandId: number): Promise<readonly OpenHold[]> {
    const answer = await this.#run(LEDGER_SCRIPTS.listHolds, [ledger, holds], [String(commandId)]);
    const found = answer[1] as unknown as string[];
    const open: OpenHold[] = [];
    for (let at = 0; at < found.length; at += 2) {
      const { accountId, assetId, units } = parseRecord(found[at + 1]!);
      open.push({ commandId: Number(found[at]), accountId, assetId, units });
    }
    return open.sort((one, other) => one.commandId - other.commandId);
  }

  async raiseFloor(commandId: number): Promise<void> {
    requireId(commandId);
    const answer = await this.#runAgainIfLost(LEDGER_SCRIPTS.raiseFloor, [ledger, entries], [String(commandId), '0']);
    this.#learn(answer[1]);
  }

  async ledgerSequence(): Promise<number> {
    const answer = await this.#connection.run(LEDGER_SCRIPTS.readLedger, [ledger], []);
    if (answer[0] === 'EMPTY') throw this.#pause('EMPTY', 'Redis is empty');
    if (answer[1] !== this.#settings.epoch) throw this.#pause('FOREIGN', 'Redis holds another ledger');
    if (Number(answer[2]) < this.#knownSequence) throw this.#pauseOlder(answer[2]!);
    if (answer[4] !== answer[2]) throw this.#connection.pause(halfDone(answer[4]!));
    return this.#learn(answer[2]);
  }

  /** @returns the next changes that are not archived yet, in order, and the highest sequence there is */
  async changesAfter(archivedSequence: number, limit: number): Promise<StoredChanges> {
    const args = [archivedSequence, limit].map(String);
    const [, sequence, ...messages] = await this.#run(LEDGER_SCRIPTS.readChanges, [ledger, entries], args);
    const ledgerSequence = sequenceOf(sequence);
    this.#knownSequence = Math.max(this.#knownSequence, ledgerSequence); // answers that told of it may have been lost
    return { ledgerSequence, changes: (messages as unknown as StreamMessage[]).map(parseChange) };
  }

  /** Everything through this change is archived, durably: Redis need not keep it any longer. */
  async trimThrough(archivedSequence: number): Promise<void> {
    await this.#run(LEDGER_SCRIPTS.trimChanges, [ledger, entries], [String(archivedSequence)]);
  }

  /** @returns every account that ever had a balance, in no order; one that gets its first meanwhile may be missing */
  async *accountIds(): AsyncGenerator<number> {
    const seen = new Set<string>(); // a scan may tell a key twice
    let cursor = '0';
    do {
      const answer = await this.#connection.command('SCAN', cursor, 'MATCH', `${BALANCE_PREFIX}*`, 'COUNT', '1000');
      const [next, keys] = answer as [string, string[]];
      for (const key of keys) {
        if (!seen.has(key)) yield Number(key.slice(BALANCE_PREFIX.length));
        seen.add(key);
      }
      cursor = next;
    } while (cursor !== '0');
  }

  /** @returns what of each asset came and went, ever */
  async pools(): Promise<{ assetId: number; creditedUnits: bigint; debitedUnits: bigint }[]> {
    return poolsOf((await this.#connection.command('HGETALL', pools)) as string[]);
  }

  /** @returns how many credits and debits it remembers: all that there ever were */
  async operationCounts(): Promise<{ credits: number; debits: number }> {
    const [creditCount, debitCount] = await Promise.all(
      [credits, debits].map((key) => this.#connection.command('HLEN', key)),
    );
    return { credits: Number(creditCount), debits: Number(debitCount) };
  }

  /** @returns once it can be used, or after that time; rejects when it was closed */
  untilUsable(timeoutMs: number): Promise<void> {
    return this.#connection.untilUsable(timeoutMs);
  }

  /** Runs a script whose keys begin with the ledger and whose arguments begin with epoch and known sequence. */
  async #run(script: LedgerScript, keys: readonly string[], args: readonly string[]): Promise<string[]> {
    const answer = await this.#connection.run(script, keys, [
      this.#settings.epoch,
      String(this.#knownSequence),
      ...args,
    ]);
    if (answer[0] === 'STALE_EPOCH')
      throw answer[1] === ''
        ? this.#pause('EMPTY', 'Redis was emptied: bring its data back, or run `ledger rebuild`')
        : this.#pause('FOREIGN', 'Redis holds another ledger than before: name the one of this data folder');
    if (answer[0] === 'STALE_SEQUENCE') throw this.#pauseOlder(answer[1]!);
    if (answer[0] === 'HALF_DONE') throw this.#connection.pause(halfDone(answer[1]!));
    return answer;
  }

  /** For what may be called again by its id: a lost answer is asked for once there is a connection. */
  async #runAgainIfLost(script: LedgerScript, keys: readonly string[], args: readonly string[]): Promise<string[]> {
    const endMs = performance.now() + ASK_TIMEOUT_MS;
    for (;;) {
      try {
        return await this.#run(script, keys, args);
      } catch (error) {
        if (!(error instanceof LedgerUnavailableError) || error.isOutcomeKnown || performance.now() > endMs)
          throw error;
        await this.#connection.untilUsable(endMs - performance.now());
        if (this.trouble !== null) throw error; // still nobody knows
      }
    }
  }

  async #holdAll(requests: readonly HoldRequest[]): Promise<(HoldAnswer | Error)[]> {
    const keys = [ledger, holds, closed, entries];
    const place = placesIn(keys);
    const args: string[] = [];
    for (const { commandId, accountId, assetId, units, timestampMs } of requests)
      args.push(`${commandId}`, place(accountId), `${accountId}`, `${assetId}`, `${units}`, `${timestampMs}`);
    let answer: string[];
    try {
      answer = await this.#run(LEDGER_SCRIPTS.holdFunds, keys, args);
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError) || error.isOutcomeKnown) throw error;
      return this.#findHolds(requests, error);
    }
    return (answer.slice(1) as unknown as string[][]).map((one) => {
      const hold = holdAnswerOf(one);
      if ('ledgerSequence' in hold) this.#learn(hold.ledgerSequence);
      return hold;
    });
  }

  /** The answer of a call was lost: what is held was held by it. Of what is not, the call may still be on its way. */
  async #findHolds(requests: readonly HoldRequest[], lost: LedgerUnavailableError): Promise<(HoldAnswer | Error)[]> {
    await this.#connection.untilUsable(ASK_TIMEOUT_MS);
    if (this.trouble !== null) throw lost;
    const found = await this.#run(
      LEDGER_SCRIPTS.findHolds,
      [ledger, holds],
      requests.map(({ commandId }) => String(commandId)),
    );
    return requests.map((request, index) => {
      const text = found[index + 1]!;
      if (text === '') return lost;
      const { accountId, assetId, units, availableUnits, ledgerSequence } = parseRecord(text);
      if (accountId !== request.accountId || assetId !== request.assetId || units !== request.units)
        return { outcome: 'HOLD_DIFFERS', heldUnits: units };
      this.#learn(ledgerSequence);
      return { outcome: 'HELD', availableUnits, ledgerSequence };
    });
  }

  /** @returns the sequence, which Redis must know from now on */
  #learn(sequence: string | number | undefined): number {
    const learnt = sequenceOf(sequence);
    if (learnt > this.#knownSequence) {
      this.#knownSequence = learnt;
      this.#settings.onWrite?.();
    }
    return learnt;
  }

  #pause(code: string, message: string): LedgerPausedError {
    return this.#connection.pause(new LedgerPausedError(code, message));
  }

  #pauseOlder(sequence: string): LedgerPausedError {
    return this.#pause(
      'OLDER',
      `Redis knows ${sequence} changes, but ${this.#knownSequence} are known here: bring the newer data back, or run \`ledger rebuild\``,
    );
  }

  #expected(): { epoch: string; knownSequence: number } {
    return { epoch: this.#settings.epoch, knownSequence: this.#knownSequence };
  }

  #warnOnce(warning: string): void {
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#settings.onWarning?.(warning);
  }

  close(): void {
    this.#connection.close();
  }
}

/** @returns what adds an account's key once and tells its place, as scripts count: from 1 */
function placesIn(keys: string[]): (accountId: number) => string {
  const places = new Map<number, string>();
  return (accountId) => {
    let place = places.get(accountId);
    if (place === undefined) {
      place = String(keys.push(balanceKey(accountId)));
      places.set(accountId, place);
    }
    return place;
  };
}
