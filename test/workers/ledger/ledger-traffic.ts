import { expect, test } from 'vitest';
import { FEE_ACCOUNT_ID } from '../../../core/money/asset.ts';
import type { Ledger, Leg } from '../../../core/ports/ledger.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { expectChained, type LedgerUnderTest, type OpenLedger } from './ledger-under-test.ts';

const CLIENTS = 50;
const STEPS = 30;
const PARTITIONS = 8;
const ASSETS = [1, 2];
const FIRST_ACCOUNT = 100;
const NOW = 1_760_000_000_000;

/** Answered operations, by what must be found again after a crash. */
interface Answered {
  readonly reason: string;
  readonly operationId: number;
}

/** One partition's settlement: batches in order, whoever brings them, and repeated now and then. */
class PartitionSettlement {
  readonly #ledger: Ledger;
  readonly #partition: number;
  #lastSequence = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ledger: Ledger, partition: number) {
    this.#ledger = ledger;
    this.#partition = partition;
  }

  /** Settles one event that takes from an account's held units. @returns its sequence */
  settle(commandId: number, legsOf: (eventSequence: number) => Leg[], repeats: number): Promise<number> {
    const result = this.#turn.then(async () => {
      const beforeSequence = this.#lastSequence;
      const eventSequence = beforeSequence + PARTITIONS;
      const batch = {
        partition: this.#partition,
        beforeSequence,
        lastSequence: eventSequence,
        timestampMs: NOW,
        legs: legsOf(eventSequence),
        settledCommands: [{ commandId, eventSequence }],
      };
      const answers = await Promise.all(Array.from({ length: 1 + repeats }, () => this.#ledger.settle(batch)));
      expect(answers.filter(({ outcome }) => outcome === 'APPLIED')).toHaveLength(1);
      this.#lastSequence = eventSequence;
      return eventSequence;
    });
    this.#turn = result;
    return result;
  }
}

/** What the ledger must say of one account: a plain model, as nobody else moves this account's units. */
class Client {
  readonly accountId: number;
  readonly available = new Map<number, bigint>(ASSETS.map((assetId) => [assetId, 0n]));
  readonly held = new Map<number, bigint>(ASSETS.map((assetId) => [assetId, 0n]));
  readonly feesPaid = new Map<number, bigint>(ASSETS.map((assetId) => [assetId, 0n]));
  readonly credited = new Map<number, bigint>(ASSETS.map((assetId) => [assetId, 0n]));
  readonly debited = new Map<number, bigint>(ASSETS.map((assetId) => [assetId, 0n]));
  readonly #holds: { commandId: number; assetId: number; units: bigint }[] = [];
  readonly #ledger: Ledger;
  readonly #random: RandomIntegers;
  readonly #settlements: readonly PartitionSettlement[];
  readonly #answered: Answered[];
  #lastId: number;

  constructor(
    index: number,
    ledger: Ledger,
    random: RandomIntegers,
    settlements: readonly PartitionSettlement[],
    answered: Answered[],
  ) {
    this.accountId = FIRST_ACCOUNT + index;
    this.#ledger = ledger;
    this.#random = random;
    this.#settlements = settlements;
    this.#answered = answered;
    this.#lastId = (index + 1) * 100_000;
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      const act = this.#random.below(10);
      if (act < 2) await this.#credit();
      else if (act < 6) await this.#hold();
      else if (act < 7) await this.#end(this.#random.onceIn(2));
      else await this.#settle(act === 9);
    }
    for (const { assetId, availableUnits, heldUnits } of (await this.#ledger.balances(this.accountId)).balances)
      expect([availableUnits, heldUnits]).toEqual([this.available.get(assetId), this.held.get(assetId)]);
  }

  async #credit(): Promise<void> {
    const [assetId, units] = [this.#random.oneOf(ASSETS), this.#amount()];
    const operationId = this.#nextId();
    const request = { operationId, accountId: this.accountId, assetId, units, timestampMs: NOW };
    const [first, repeat] = await Promise.all([this.#ledger.credit(request), this.#ledger.credit(request)]);
    move(this.available, assetId, units);
    move(this.credited, assetId, units);
    expect(first).toMatchObject({ outcome: 'CREDITED', availableUnits: this.available.get(assetId) });
    expect(repeat).toEqual({ ...first, outcome: 'REPEATED' });
    this.#answered.push({ reason: 'deposit', operationId });
  }

  async #hold(): Promise<void> {
    const [assetId, units, commandId] = [this.#random.oneOf(ASSETS), this.#amount(), this.#nextId()];
    const request = { commandId, accountId: this.accountId, assetId, units, timestampMs: NOW };
    const answer = await this.#ledger.hold(request);
    const available = this.available.get(assetId)!;
    if (available < units) {
      expect(answer).toEqual({ outcome: 'INSUFFICIENT_FUNDS', availableUnits: available });
      return;
    }
    expect(answer).toMatchObject({ outcome: 'HELD', availableUnits: available - units });
    expect(await this.#ledger.hold(request)).toEqual({ ...answer, outcome: 'REPEATED' });
    move(this.available, assetId, -units);
    move(this.held, assetId, units);
    this.#holds.push({ commandId, assetId, units });
    this.#answered.push({ reason: 'hold', operationId: commandId });
  }

  /** Releases a hold, or has it debited. */
  async #end(isDebit: boolean): Promise<void> {
    const hold = this.#holds.shift();
    if (hold === undefined) return;
    const { commandId: operationId, assetId, units } = hold;
    if (isDebit) {
      const request = { operationId, timestampMs: NOW };
      const [first, repeat] = await Promise.all([this.#ledger.debit(request), this.#ledger.debit(request)]);
      expect(first).toMatchObject({ outcome: 'DEBITED', units });
      expect(repeat).toEqual({ ...first, outcome: 'REPEATED' });
      move(this.held, assetId, -units);
      move(this.debited, assetId, units);
      this.#answered.push({ reason: 'withdrawal', operationId });
      return;
    }
    expect(await this.#ledger.release(hold.commandId, NOW)).toMatchObject({ outcome: 'RELEASED', units: hold.units });
    expect(await this.#ledger.release(hold.commandId, NOW)).toEqual({
      outcome: 'REPEATED',
      ledgerSequence: expect.any(Number),
    });
    move(this.held, hold.assetId, -hold.units);
    move(this.available, hold.assetId, hold.units);
    this.#answered.push({ reason: 'release', operationId: hold.commandId });
  }

  /** Takes a part of a hold as a fee and gives the rest back; or gives all back. */
  async #settle(isFee: boolean): Promise<void> {
    const hold = this.#holds.pop();
    if (hold === undefined) return;
    const { commandId, assetId, units } = hold;
    const fee = isFee ? (units + 1n) / 2n : 0n;
    const { accountId } = this;
    const settlement = this.#random.oneOf(this.#settlements);
    const legsOf = (eventSequence: number): Leg[] => {
      const common = { eventSequence, assetId };
      const own = { ...common, accountId, availableDeltaUnits: units - fee, heldDeltaUnits: -units };
      if (!isFee) return [{ ...own, reason: 'cancel' }];
      const earned = { ...common, accountId: FEE_ACCOUNT_ID, availableDeltaUnits: fee, heldDeltaUnits: 0n };
      return [
        { ...own, reason: 'fill' },
        { ...earned, reason: 'fee' },
      ];
    };
    const operationId = await settlement.settle(commandId, legsOf, this.#random.below(3));
    move(this.held, assetId, -units);
    move(this.available, assetId, units - fee);
    move(this.feesPaid, assetId, fee);
    this.#answered.push({ reason: isFee ? 'fill' : 'cancel', operationId });
  }

  #amount(): bigint {
    return 1n + BigInt(this.#random.below(2 ** 50)) * BigInt(this.#random.oneOf([1, 16]));
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}

/** Random operations by many clients at once, with crashes in the middle. */
export function ledgerTraffic(adapter: LedgerUnderTest): void {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

  test(`${adapter.name}: ${CLIENTS} clients at once agree with a plain model; a crash loses nothing answered (SEED=${seed})`, async () => {
    const opened = await adapter.open();
    const { ledger } = opened;
    const answered: Answered[] = [];
    const settlements = Array.from(
      { length: PARTITIONS },
      (_, partition) => new PartitionSettlement(ledger, partition),
    );
    const clients = Array.from(
      { length: CLIENTS },
      (_, index) => new Client(index, ledger, new RandomIntegers(seed + index), settlements, answered),
    );
    let isRunning = true;
    const traffic = Promise.all(clients.map((client) => client.run())).finally(() => {
      isRunning = false;
    });
    let crashes = 0;
    for (; isRunning && crashes < 3; crashes++) {
      await new Promise((resolve) => setTimeout(resolve, 20 + 30 * crashes));
      const known = [...answered];
      const sequence = await ledger.ledgerSequence();
      await expectSurvived(await opened.crash(), known, sequence);
    }
    await traffic;
    expect(crashes).toBeGreaterThan(0);
    const crashed = await opened.crash();
    for (const client of clients)
      expect(await crashed.ledger.balances(client.accountId)).toEqual(await ledger.balances(client.accountId));
    await expectSurvived(crashed, answered, await ledger.ledgerSequence());
    await expectChained(opened);
    const fees = (await ledger.balances(FEE_ACCOUNT_ID)).balances;
    for (const assetId of ASSETS) {
      const sum = (of: (client: Client) => bigint): bigint => clients.reduce((total, client) => total + of(client), 0n);
      const paid = sum((client) => client.feesPaid.get(assetId)!);
      expect(fees.find((balance) => balance.assetId === assetId)?.availableUnits ?? 0n).toBe(paid);
      const own = sum((client) => client.available.get(assetId)! + client.held.get(assetId)!);
      expect(own + paid).toBe(sum((client) => client.credited.get(assetId)! - client.debited.get(assetId)!));
    }
    await opened.close();
  });
}

async function expectSurvived(crashed: OpenLedger, answered: readonly Answered[], sequence: number): Promise<void> {
  await expectChained(crashed);
  expect(await crashed.ledger.ledgerSequence()).toBeGreaterThanOrEqual(sequence);
  const entries = await crashed.entries();
  const found = new Set(entries.map(({ reason, operationId }) => `${reason} ${operationId}`));
  expect(answered.filter(({ reason, operationId }) => !found.has(`${reason} ${operationId}`))).toEqual([]);
  const totals = new Map<number, bigint>();
  for (const { reason, assetId, availableBefore, availableAfter, heldBefore, heldAfter } of entries) {
    const change = availableAfter + heldAfter - availableBefore - heldBefore;
    totals.set(assetId, (totals.get(assetId) ?? 0n) + (reason === 'deposit' || reason === 'withdrawal' ? 0n : change));
  }
  expect([...totals.values()].every((total) => total === 0n)).toBe(true); // no event in halves
  await crashed.close();
}

function move(amounts: Map<number, bigint>, assetId: number, units: bigint): void {
  amounts.set(assetId, amounts.get(assetId)! + units);
}
