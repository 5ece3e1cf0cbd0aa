import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../../core/assert.ts';
import {
  type BalancesAnswer,
  type CreditAnswer,
  type CreditRequest,
  type DebitAnswer,
  type HoldAnswer,
  type Ledger,
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
import { ASK_TIMEOUT_MS, type LedgerCallSettings, LedgerCalls, type LedgerStart } from './ledger-calls.ts';
import { parseChange, type StoredChanges, type StreamMessage } from './ledger-changes.ts';
import { BALANCE_PREFIX, balanceKey, LEDGER_KEYS } from './ledger-keys.ts';
import { balancesOf, holdAnswerOf, parseRecord, poolsOf, sequenceOf, watermarksOf } from './ledger-replies.ts';
import { LEDGER_SCRIPTS } from './ledger-scripts.ts';
import type { RedisConnection } from './redis-connection.ts';

export interface RedisLedgerSettings extends LedgerCallSettings {
  readonly partitionCount: number;
}

const REFUSED_PAUSE_MS = 100;
const { ledger, holds, closed, closedOrder, credits, debits, pools, watermarks, entries } = LEDGER_KEYS;

/**
 * The ledger in Redis: every operation is one script, decided and written by Redis in one step, with its entry in the
 * same step. Nothing is sent twice by itself. Where a connection breaks before the answer, the operation's id tells what
 * became of it: for a hold it is looked up, everything else is called again, which answers what it did the first time.
 */
export class RedisLedger implements Ledger {
  readonly #partitionCount: number;
  readonly #calls: LedgerCalls;
  readonly #connection: RedisConnection;
  readonly #holdCalls = new HoldCalls((requests) => this.#holdAll(requests));

  private constructor(settings: RedisLedgerSettings) {
    this.#partitionCount = settings.partitionCount;
    this.#calls = new LedgerCalls(settings);
    this.#connection = this.#calls.connection;
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

  /** @returns one that can't be used before `begin` */
  static toBegin(settings: RedisLedgerSettings): RedisLedger {
    return new RedisLedger(settings);
  }

  /** See LedgerCalls. */
  begin(start: LedgerStart): Promise<LedgerUnavailableError | null> {
    return this.#calls.begin(start);
  }

  /** Why it can't be used now, or null. */
  get trouble(): LedgerUnavailableError | null {
    return this.#calls.trouble;
  }

  /** Highest change sequence that anything here is based on. */
  get knownSequence(): number {
    return this.#calls.knownSequence;
  }

  /** @throws LedgerUnavailableError: nothing is held, unless `isOutcomeKnown` is false: then only a release makes sure */
  async hold(request: HoldRequest): Promise<HoldAnswer> {
    requireId(request.commandId);
    if (request.units <= 0n) fail(`hold ${request.commandId} of ${request.units} units`);
    return this.#holdCalls.add(request);
  }

  /** @throws LedgerUnavailableError: unless `isOutcomeKnown`, only the same request again tells what became of it */
  async release(commandId: number, timestampMs: number): Promise<ReleaseAnswer> {
    requireId(commandId);
    const keys = [ledger, holds, closed, closedOrder, entries, BALANCE_PREFIX];
    const args = [commandId, timestampMs].map(String);
    const answer = await this.#calls.runAgainIfLost(LEDGER_SCRIPTS.releaseHold, keys, args);
    if (answer[0] === 'SETTLED') return { outcome: 'SETTLED' };
    if (answer[0] === 'REPEATED') return { outcome: 'REPEATED', ledgerSequence: this.#calls.learn(answer[1]) };
    return { outcome: 'RELEASED', units: BigInt(answer[1]!), ledgerSequence: this.#calls.learn(answer[2]) };
  }

  async abandon(commandId: number, timestampMs: number): Promise<ReleaseAnswer> {
    for (;;) {
      try {
        return await this.release(commandId, timestampMs);
      } catch (error) {
        if (!(error instanceof LedgerUnavailableError) || error.isForGood) throw error;
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
    if (!(partition >= 0 && partition < this.#partitionCount))
      fail(`settlement of partition ${partition} of ${this.#partitionCount}`);
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
    const answer = await this.#calls.run(LEDGER_SCRIPTS.settleLegs, keys, args);
    if (answer[0] === 'BROKEN') {
      const [, event, account, asset, available, held] = answer;
      throw new LedgerInvariantError(
        `event ${event}: account ${account} asset ${asset} would have ${available} available and ${held} held`,
      );
    }
    const watermark = Number(answer[1]);
    if (answer[0] === 'GAP') return { outcome: 'GAP', watermark };
    return { outcome: answer[0] as 'APPLIED' | 'REPEATED', watermark, ledgerSequence: this.#calls.learn(answer[2]) };
  }

  /** @throws LedgerUnavailableError: unless `isOutcomeKnown`, only the same request again tells whether it was credited */
  async credit(request: CreditRequest): Promise<CreditAnswer> {
    const { operationId, accountId, assetId, units, timestampMs } = request;
    requireId(operationId);
    if (units <= 0n) fail(`credit ${operationId} of ${units} units`);
    const keys = [ledger, credits, pools, entries, balanceKey(accountId)];
    const args = [operationId, accountId, assetId, units, timestampMs].map(String);
    const answer = await this.#calls.runAgainIfLost(LEDGER_SCRIPTS.creditFunds, keys, args);
    if (answer[0] === 'CREDIT_DIFFERS') return { outcome: 'CREDIT_DIFFERS' };
    if (answer[0] === 'POOL_LIMIT') return { outcome: 'POOL_LIMIT', poolUnits: BigInt(answer[1]!) };
    const outcome = answer[0] as 'CREDITED' | 'REPEATED';
    return { outcome, availableUnits: BigInt(answer[1]!), ledgerSequence: this.#calls.learn(answer[2]) };
  }

  /** @throws LedgerUnavailableError: unless `isOutcomeKnown`, only the same request again tells whether it was debited */
  async debit({ operationId, timestampMs }: { operationId: number; timestampMs: number }): Promise<DebitAnswer> {
    requireId(operationId);
    const keys = [ledger, holds, closed, closedOrder, entries, debits, pools, BALANCE_PREFIX];
    const answer = await this.#calls.runAgainIfLost(
      LEDGER_SCRIPTS.debitFunds,
      keys,
      [operationId, timestampMs].map(String),
    );
    if (answer[0] === 'NOT_HELD') return { outcome: 'NOT_HELD' };
    const outcome = answer[0] as 'DEBITED' | 'REPEATED';
    return { outcome, units: BigInt(answer[1]!), ledgerSequence: this.#calls.learn(answer[2]) };
  }

  async balances(accountId: number): Promise<BalancesAnswer> {
    const answer = await this.#calls.run(LEDGER_SCRIPTS.readBalances, [ledger, watermarks, balanceKey(accountId)], []);
    const [, marks, fields] = answer as unknown as [string, string[], string[]];
    return { balances: balancesOf(fields), watermarks: watermarksOf(marks, this.#partitionCount) };
  }

  async watermarks(): Promise<readonly number[]> {
    return (await this.balances(0)).watermarks; // nobody has account 0
  }

  async openHoldsBelow(commandId: number): Promise<readonly OpenHold[]> {
    const answer = await this.#calls.run(LEDGER_SCRIPTS.listHolds, [ledger, holds], [String(commandId)]);
    const found = answer[1] as unknown as string[];
    const open: OpenHold[] = [];
    for (let at = 0; at < found.length; at += 2) {
      const { accountId, assetId, units } = parseRecord(found[at + 1]!);
      open.push({ commandId: Number(found[at]), accountId, assetId, units });
    }
    return open.sort((one, other) => one.commandId - other.commandId);
  }

  /** @throws StaleWriterError, LedgerUnavailableError: it may be called again */
  async raiseFloor(commandId: number): Promise<void> {
    requireId(commandId);
    await this.#calls.raiseFloor(commandId);
  }

  ledgerSequence(): Promise<number> {
    return this.#calls.ledgerSequence();
  }

  /** @returns the next changes that are not archived yet, in order, and the highest sequence there is */
  async changesAfter(archivedSequence: number, limit: number): Promise<StoredChanges> {
    const args = [archivedSequence, limit].map(String);
    const [, sequence, ...messages] = await this.#calls.run(LEDGER_SCRIPTS.readChanges, [ledger, entries], args);
    const ledgerSequence = sequenceOf(sequence);
    this.#calls.learnWithoutWord(ledgerSequence); // answers that told of it may have been lost
    return { ledgerSequence, changes: (messages as unknown as StreamMessage[]).map(parseChange) };
  }

  /** Everything through this change is archived, durably: Redis need not keep it any longer. */
  async trimThrough(archivedSequence: number): Promise<void> {
    await this.#calls.run(LEDGER_SCRIPTS.trimChanges, [ledger, entries], [String(archivedSequence)]);
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

  async #holdAll(requests: readonly HoldRequest[]): Promise<(HoldAnswer | Error)[]> {
    const keys = [ledger, holds, closed, entries];
    const place = placesIn(keys);
    const args: string[] = [];
    for (const { commandId, accountId, assetId, units, timestampMs } of requests)
      args.push(`${commandId}`, place(accountId), `${accountId}`, `${assetId}`, `${units}`, `${timestampMs}`);
    let answer: string[];
    try {
      answer = await this.#calls.run(LEDGER_SCRIPTS.holdFunds, keys, args);
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError) || error.isOutcomeKnown) throw error;
      return this.#findHolds(requests, error);
    }
    return (answer.slice(1) as unknown as string[][]).map((one) => {
      const hold = holdAnswerOf(one);
      if ('ledgerSequence' in hold) this.#calls.learn(hold.ledgerSequence);
      return hold;
    });
  }

  /** The answer of a call was lost: what is held was held by it. Of what is not, the call may still be on its way. */
  async #findHolds(requests: readonly HoldRequest[], lost: LedgerUnavailableError): Promise<(HoldAnswer | Error)[]> {
    await this.#connection.untilUsable(ASK_TIMEOUT_MS);
    if (this.trouble !== null) throw lost;
    const found = await this.#calls.run(
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
      this.#calls.learn(ledgerSequence);
      return { outcome: 'HELD', availableUnits, ledgerSequence };
    });
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
