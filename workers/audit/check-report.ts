/** The seven statements of ARCHITECTURE.md, "What always holds", in its order. */
const TITLES = [
  'available and held of all accounts add up to what was credited less what was debited, for every asset',
  'no available and no held amount is below zero',
  'each held amount is what open orders need, plus holds of commands on their way',
  'every command is in the journal exactly once, and every event follows from the journal alone',
  'every event is settled exactly once, and every entry begins where the one before ended',
  'sequences have no gaps, and no watermark is beyond its log',
  'the journal, replayed, gives the same state, orders and trades, and the trades are those that the orders ask for',
] as const;

export type StatementNumber = 1 | 2 | 3 | 4 | 5 | 6 | 7;

export interface StatementReport {
  readonly number: StatementNumber;
  readonly title: string;
  readonly ok: boolean;
  /** Facts that were looked at: a statement proved on nothing says so. */
  readonly checked: number;
  readonly findingCount: number;
  /** The first ones, each naming entry, sequence, account or file. */
  readonly findings: readonly string[];
}

/** What an audit of a data folder found. Plain JSON. */
export interface AuditReport {
  readonly ok: boolean;
  readonly folder: string;
  readonly isRunning: boolean; // audited at a cut, while the exchange went on
  readonly statements: readonly StatementReport[];
  /** 16 hex digits; null when the journal could not be replayed. */
  readonly stateHash: string | null;
  readonly commandCount: number; // the last one's sequence, as of the cut
  readonly eventCount: number; // likewise
  readonly replayedFromCommand: number; // 1, or the one after a snapshot when older segments are in the archive
  readonly replayedFromSnapshot: string | null; // its path
  readonly entryCount: number;
  readonly restingOrders: number;
  /** Bytes of an interrupted write at the journal's end: never acknowledged, dropped by the next start. */
  readonly journalTornBytes: number;
  /** Likewise at the event log's end, which the next start writes again. */
  readonly eventLogTorn: { readonly file: string; readonly offsetBytes: number; readonly bytes: number } | null;
  /** Events that the event log lacks at its end; the next start writes them. */
  readonly unloggedEvents: number;
  /** Events that the ledger has not met; their effect is included in the proof. */
  readonly unsettledEvents: number;
  /** Trades that the auditor's own matcher gave again from the orders alone. */
  readonly recomputedTrades: number;
  /** Trades of orders that its matcher has no rule for: checked in every other way. */
  readonly followedTrades: number;
  /** Highest event in the history; null when the folder has no history yet. */
  readonly historySequence: number | null;
}

const MAX_FINDINGS = 20;

/** Collects what is found, statement by statement. Findings beyond a bound are counted, not kept. */
export class Findings {
  readonly #statements = TITLES.map(() => ({ checked: 0, count: 0, findings: [] as string[] }));

  /** Counts facts that were looked at. */
  checked(number: StatementNumber, facts = 1): void {
    this.#statements[number - 1]!.checked += facts;
  }

  add(number: StatementNumber, finding: string): void {
    const statement = this.#statements[number - 1]!;
    statement.count += 1;
    if (statement.findings.length < MAX_FINDINGS) statement.findings.push(finding);
  }

  /** One fact: counted, and a finding when it does not hold. The text is built only then. */
  require(number: StatementNumber, holds: boolean, finding: () => string): void {
    this.checked(number);
    if (!holds) this.add(number, finding());
  }

  reports(): StatementReport[] {
    return this.#statements.map(({ checked, count, findings }, index) => ({
      number: (index + 1) as StatementNumber,
      title: TITLES[index]!,
      ok: count === 0,
      checked,
      findingCount: count,
      findings,
    }));
  }
}
