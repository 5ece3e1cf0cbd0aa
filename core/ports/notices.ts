/**
 * What the exchange tells its operators: something stopped, waits, or went on again. A notice changes nothing by itself.
 */
export type NoticeKind =
  | 'ledger-unavailable' // no orders, settlement, deposits and withdrawals; cancels go on
  | 'ledger-usable'
  | 'disk-full'
  | 'disk-has-room'
  | 'partition-stopped' // a consumer gets no more events of a partition
  | 'transfer-stuck' // the ledger has kept it waiting for long; it is tried again by itself
  | 'job-parked'
  | 'job-loop' // consumers played ball with a job until it was parked
  | 'audit-breach'
  | 'operator'; // what an operator, or a program of his, has told

export interface NewNotice {
  readonly kind: NoticeKind;
  readonly text: string; // one sentence for people, at most 1,000 characters
  readonly facts: Readonly<Record<string, unknown>>; // for programs: JSON without bigint
}

export interface Notice extends NewNotice {
  readonly noticeId: string;
  readonly raisedMs: number; // milliseconds since 1970
}

/** Rows that one call may ask for. */
export const MAX_NOTICE_ROWS = 1_000;

export interface Notices {
  /** Never throws and never waits: it is logged at once, and kept as soon as it can be. */
  raise(notice: NewNotice): void;
  /** @returns the newest first */
  list(query: {
    readonly kind?: NoticeKind;
    readonly sinceMs?: number; // at or after
    readonly limit: number; // 1 … MAX_NOTICE_ROWS
  }): Promise<readonly Notice[]>;
}
