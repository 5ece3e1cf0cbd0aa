import { join } from 'node:path';
import type { TableShape } from './group-commit.ts';
import { VIEW_TABLES, ViewDatabase } from './view-database.ts';

/** Schema of `audit-tap.sqlite`, one step per version. */
const TAP_SCHEMA: readonly string[] = [
  `
  ${VIEW_TABLES}
  CREATE TABLE checked (
    partition INTEGER PRIMARY KEY,
    event_count INTEGER NOT NULL,
    trade_count INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE findings (
    finding_id INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL,
    event_sequence INTEGER NOT NULL,
    finding TEXT NOT NULL,
    found_ms INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE findings ADD COLUMN told INTEGER NOT NULL DEFAULT 1; -- whether the alarm it calls for was raised
  CREATE INDEX findings_untold ON findings (partition, finding_id) WHERE told = 0;
  `,
];

export const TAP_CHECKED: TableShape = {
  name: 'checked',
  columns: ['partition', 'event_count', 'trade_count'],
  keyColumns: 1,
};
export const TAP_FINDINGS: TableShape = {
  name: 'findings',
  columns: ['finding_id', 'partition', 'event_sequence', 'finding', 'found_ms', 'told'],
  keyColumns: 0,
};

/** What the audit tap has checked of one partition. */
export interface CheckedCounts {
  readonly eventCount: number;
  readonly tradeCount: number;
}

/** `audit-tap.sqlite` of a data folder: what the audit tap has checked and found. */
export type TapDatabase = ViewDatabase;
export const TapDatabase = {
  /** See ViewDatabase.open. */
  open(dataFolder: string, partitionCount: number, onFatal: (error: Error) => void): Promise<TapDatabase> {
    return ViewDatabase.open(tapDatabasePath(dataFolder), TAP_SCHEMA, partitionCount, onFatal);
  },
};

export function tapDatabasePath(dataFolder: string): string {
  return join(dataFolder, 'audit-tap.sqlite');
}

/** @returns by partition; zeros where nothing came yet */
export async function readCheckedCounts({ database, partitionCount }: TapDatabase): Promise<CheckedCounts[]> {
  const rows = await database.all<CheckedCounts & { readonly partition: number }>(
    'SELECT partition, event_count AS eventCount, trade_count AS tradeCount FROM checked',
  );
  const all: CheckedCounts[] = Array.from({ length: partitionCount }, () => ({ eventCount: 0, tradeCount: 0 }));
  for (const { partition, ...counts } of rows) all[partition] = counts;
  return all;
}

/** @returns the findings so far; the last one's id is the same */
export async function countFindings({ database }: TapDatabase): Promise<number> {
  const rows = await database.all<{ last: number | null }>('SELECT max(finding_id) AS last FROM findings');
  return rows[0]!.last ?? 0;
}

/** A finding as it is stored. */
export interface StoredFinding {
  readonly findingId: number;
  readonly partition: number;
  readonly eventSequence: number;
  readonly finding: string;
}

/** @returns of each partition the first finding that was not told to its end */
export function readUntold({ database }: TapDatabase): Promise<StoredFinding[]> {
  return database.all<StoredFinding>(
    `SELECT min(finding_id) AS findingId, partition, event_sequence AS eventSequence, finding
     FROM findings WHERE told = 0 GROUP BY partition`,
  );
}

/** Findings of that partition through that one were told. */
export async function markTold({ commits }: TapDatabase, partition: number, findingId: number): Promise<void> {
  await commits.change('UPDATE findings SET told = 1 WHERE told = 0 AND partition = ? AND finding_id <= ?', [
    partition,
    findingId,
  ]);
}
