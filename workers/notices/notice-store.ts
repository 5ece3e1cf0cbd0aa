import { MAX_NOTICE_ROWS, type Notice, type Notices } from '../../core/ports/notices.ts';
import type { TableShape } from '../storage/group-commit.ts';
import type { SqlValue } from '../storage/sqlite-database.ts';
import type { WorkDatabase } from '../storage/work-database.ts';

const NOTICES: TableShape = {
  name: 'notices',
  columns: ['notice_id', 'kind', 'text', 'facts', 'raised_ms'],
  keyColumns: 1,
};
/** Kept at most; the oldest go, some at a time. */
const MAX_NOTICES = 100_000;
const TRIMMED_AT_A_TIME = 1_000;

type NoticeRow = Omit<Notice, 'facts'> & { readonly facts: string };

/** The table `notices` in `work.sqlite`. */
export class NoticeStore {
  readonly #work: WorkDatabase;
  #untilTrim = 1; // an earlier process may have ended just before it trimmed

  constructor(work: WorkDatabase) {
    this.#work = work;
  }

  /** @returns once it is durable. One that is kept again, under its id, is one */
  async keep({ noticeId, kind, text, facts, raisedMs }: Notice): Promise<void> {
    const { commits } = this.#work;
    commits.put(NOTICES, [noticeId, kind, text, JSON.stringify(facts), raisedMs]);
    await commits.durable();
    this.#untilTrim -= 1;
    if (this.#untilTrim > 0) return;
    this.#untilTrim = TRIMMED_AT_A_TIME;
    await commits.change(
      `DELETE FROM notices WHERE raised_ms <
         (SELECT raised_ms FROM notices ORDER BY raised_ms DESC LIMIT 1 OFFSET ${MAX_NOTICES})`,
      [],
    );
  }

  async list({ kind, sinceMs, limit }: Parameters<Notices['list']>[0]): Promise<Notice[]> {
    const conditions = ['true'];
    const values: SqlValue[] = [];
    if (kind !== undefined) {
      conditions.push('kind = ?');
      values.push(kind);
    }
    if (sinceMs !== undefined) {
      conditions.push('raised_ms >= ?');
      values.push(sinceMs);
    }
    const rows = await this.#work.reader.all<NoticeRow>(
      `SELECT notice_id AS noticeId, kind, text, facts, raised_ms AS raisedMs FROM notices
       WHERE ${conditions.join(' AND ')} ORDER BY raised_ms DESC, notice_id LIMIT ${Math.min(limit, MAX_NOTICE_ROWS)}`,
      values,
    );
    return rows.map((row) => ({ ...row, facts: JSON.parse(row.facts) }));
  }
}
