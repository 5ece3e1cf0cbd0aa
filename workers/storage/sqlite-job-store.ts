import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type {
  JobStore,
  JobUpdate,
  LeaseState,
  LostRun,
  RunOutcome,
  SchedulerStep,
  SchedulerStepDone,
} from '../../core/ports/job-store.ts';
import type { Job, JobDefinition, JobHandler, JobRun, SchedulerStatus } from '../../core/ports/jobs.ts';
import { type JobRow, jobOf, type RunRow, runOf } from './job-rows.ts';
import { JOBS_SCHEMA } from './jobs-schema.ts';
import { migrate } from './migrations.ts';
import { RunHistory } from './run-history.ts';
import { readLease, renewLease, takeLease } from './scheduler-lease.ts';
import { takeSchedulerStep, writeOutcomes } from './scheduler-transaction.ts';
import { DatabaseError, SqliteDatabase } from './sqlite-database.ts';
import { WriteTransactions } from './write-transactions.ts';

/** Nobody can write: most likely who holds the lease was stopped amid a transaction, and keeps SQLite's lock. */
export class LeaseLockedError extends Error {
  override readonly name = 'LeaseLockedError';

  constructor({ holder, pid }: LeaseState, cause: DatabaseError) {
    const who = holder === null ? 'a process that writes it' : `the scheduler that leads, process ${pid} (${holder}),`;
    const advice = holder === null ? 'it' : `process ${pid}`;
    super(
      `${cause.message}: ${who} may stand still amid a transaction; wake ${advice} (kill -CONT) or end it (kill -9), and this one goes on`,
      { cause },
    );
  }
}

/** `jobs.sqlite` of a data folder: its own file, so that balances never wait for it. */
export class SqliteJobStore implements JobStore {
  onChange: () => void = () => {};
  readonly #database: SqliteDatabase;
  readonly #transactions: WriteTransactions;
  readonly #history = new RunHistory();
  #dataVersion = -1;

  private constructor(database: SqliteDatabase) {
    this.#database = database;
    this.#transactions = new WriteTransactions(database);
  }

  /** @throws DatabaseError, SchemaTooNewError */
  static async open(dataFolder: string): Promise<SqliteJobStore> {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    const database = await SqliteDatabase.open(join(dataFolder, 'jobs.sqlite'));
    try {
      await migrate(database, JOBS_SCHEMA);
      return new SqliteJobStore(database);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  async changedElsewhere(): Promise<boolean> {
    const [row] = await this.#transactions.alone((database) =>
      database.all<{ data_version: number }>('PRAGMA data_version'),
    );
    const isChanged = row!.data_version !== this.#dataVersion;
    this.#dataVersion = row!.data_version;
    return isChanged;
  }

  insert(
    job: JobDefinition & { readonly standing: string | null },
    nextMs: number | null,
    nowMs: number,
  ): Promise<boolean> {
    const { jobId, handler, trigger, settings, standing } = job;
    return this.#changing(async (database) => {
      const rows = await database.all(
        `INSERT INTO jobs VALUES (?, ?, ?, ?, ?, 0, ?, NULL, 0, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING job_id`,
        [
          jobId,
          handler,
          JSON.stringify(job.arguments),
          JSON.stringify(trigger),
          JSON.stringify(settings),
          nextMs,
          standing,
          nowMs,
          nowMs,
        ],
      );
      if (rows.length === 0) return false;
      // Of a job that had this id before: neither it nor a retry of it is a run of this one.
      await database.run(
        `UPDATE runs SET state = 'cancelled', ended_ms = ?, error = 'its job was removed, and another one has its id now'
         WHERE job_id = ? AND state IN ('queued', 'running')`,
        [nowMs, jobId],
      );
      return true;
    });
  }

  update(jobId: string, change: (job: Job) => JobUpdate, nowMs: number): Promise<Job | undefined> {
    return this.#changing(async (database) => {
      const job = await findJob(database, jobId);
      if (job === undefined) return undefined;
      const { handler, arguments: args, trigger, settings, nextMs, isPaused, shiftMs, standing } = change(job);
      const [row] = await database.all<JobRow>(
        `UPDATE jobs SET handler = ?, arguments = ?, trigger = ?, settings = ?, next_ms = ?, is_paused = ?, shift_ms = ?,
           standing = coalesce(?, standing), updated_ms = ? WHERE job_id = ? RETURNING *`,
        [
          handler,
          JSON.stringify(args),
          JSON.stringify(trigger),
          JSON.stringify(settings),
          nextMs,
          isPaused ? 1 : 0,
          shiftMs,
          standing ?? null,
          nowMs,
          jobId,
        ],
      );
      return jobOf(row!);
    });
  }

  remove(jobId: string, nowMs: number): Promise<Job | undefined> {
    return this.#changing(async (database) => {
      const [row] = await database.all<JobRow>('DELETE FROM jobs WHERE job_id = ? RETURNING *', [jobId]);
      if (row === undefined) return undefined;
      await database.run("UPDATE runs SET state = 'cancelled', ended_ms = ? WHERE job_id = ? AND state = 'queued'", [
        nowMs,
        jobId,
      ]);
      this.#history.forget(jobId);
      return jobOf(row);
    });
  }

  find(jobId: string): Promise<Job | undefined> {
    return this.#transactions.alone((database) => findJob(database, jobId));
  }

  async standingOf(jobId: string): Promise<string | null | undefined> {
    const [row] = await this.#transactions.alone((database) =>
      database.all<{ standing: string | null }>('SELECT standing FROM jobs WHERE job_id = ?', [jobId]),
    );
    return row?.standing;
  }

  async list(): Promise<Job[]> {
    const rows = await this.#transactions.alone((database) =>
      database.all<JobRow>('SELECT * FROM jobs ORDER BY job_id'),
    );
    return rows.map(jobOf);
  }

  async history(jobId: string | undefined, limit: number): Promise<JobRun[]> {
    const [where, values] = jobId === undefined ? ['', []] : ['WHERE job_id = ?', [jobId]];
    const rows = await this.#transactions.alone((database) =>
      database.all<RunRow>(`SELECT * FROM runs ${where} ORDER BY run_id DESC LIMIT ?`, [...values, limit]),
    );
    return rows.map(runOf);
  }

  enqueue(jobId: string, nowMs: number): Promise<JobRun | undefined> {
    return this.#changing(async (database) => {
      const [row] = await database.all<RunRow>(
        `INSERT INTO runs (job_id, clock_epoch, scheduled_ms, cause, state, attempt, due_ms, missed_count, result)
         SELECT job_id, 0, ?2, 'operator', 'queued', 1, ?2, 0, 'null' FROM jobs WHERE job_id = ?1 RETURNING *`,
        [jobId, nowMs],
      );
      if (row === undefined) return undefined;
      await this.#history.trim(database, [jobId]);
      return runOf(row);
    });
  }

  async putHandlers(handlers: readonly Pick<JobHandler, 'name' | 'about'>[]): Promise<void> {
    await this.#transactions.run(async (database) => {
      await database.run('DELETE FROM handlers');
      await database.run("INSERT INTO handlers SELECT value ->> 'name', value ->> 'about' FROM json_each(?)", [
        JSON.stringify(handlers.map(({ name, about }) => ({ name, about }))),
      ]);
    });
  }

  handlers(): Promise<Pick<JobHandler, 'name' | 'about'>[]> {
    return this.#transactions.alone((database) => database.all('SELECT name, about FROM handlers ORDER BY name'));
  }

  status(): Promise<SchedulerStatus> {
    return this.#transactions.alone(async (database) => {
      const { holder, token, clockEpoch } = await readLease(database);
      const [row] = await database.all<{ queuedRuns: number; runningRuns: number }>(
        `SELECT (SELECT count(*) FROM runs WHERE state = 'queued') AS queuedRuns,
           (SELECT count(*) FROM runs WHERE state = 'running') AS runningRuns`,
      );
      return { holder, fencingToken: token, clockEpoch, ...row! };
    });
  }

  readLease(): Promise<LeaseState> {
    return this.#transactions.alone(readLease);
  }

  async takeLease(
    seen: LeaseState,
    holder: string,
    pid: number,
    nowMs: number,
  ): Promise<{ token: number; lost: LostRun[] } | null> {
    try {
      return await this.#transactions.run((database) => takeLease(database, seen, holder, pid, nowMs));
    } catch (error) {
      if (error instanceof DatabaseError && error.code === 'SQLITE_BUSY') throw new LeaseLockedError(seen, error);
      throw error;
    }
  }

  step(step: SchedulerStep): Promise<SchedulerStepDone> {
    return this.#transactions.run(async (database) => {
      const done = await takeSchedulerStep(database, step);
      await this.#history.trim(
        database,
        done.planned.flatMap(({ job, plan }) => plan.runs.map(() => job.jobId)),
      );
      return done;
    });
  }

  async clockWentBack(
    token: number,
    backMs: number,
    replan: (job: Job) => number | null,
    nowMs: number,
  ): Promise<void> {
    await this.#transactions.run(async (database) => {
      await renewLease(database, token, nowMs);
      await database.run('UPDATE lease SET clock_epoch = clock_epoch + 1');
      await database.run("UPDATE runs SET due_ms = max(due_ms - ?, 0) WHERE state = 'queued'", [backMs]);
      // A start that is still to come stays where it is, unless nobody chose it: then it is one period after the job was
      // added or given its trigger, and would keep a frequent job silent.
      await database.run(
        `UPDATE jobs SET shift_ms = shift_ms - ?1, next_ms = next_ms - ?1 WHERE trigger ->> 'type' = 'interval' AND (
           next_ms > trigger ->> 'startMs' + shift_ms OR
           trigger ->> 'startMs' - trigger ->> 'everyMs' IN (created_ms, updated_ms))`,
        [backMs],
      );
      const rows = await database.all<JobRow>(
        "SELECT * FROM jobs WHERE trigger ->> 'type' NOT IN ('interval', 'date') AND next_ms IS NOT NULL",
      );
      const replanned = rows.map(jobOf).map((job) => ({ jobId: job.jobId, nextMs: replan(job) }));
      await database.run(
        `UPDATE jobs SET next_ms = p.value ->> 'nextMs' FROM json_each(?) AS p WHERE jobs.job_id = p.value ->> 'jobId'`,
        [JSON.stringify(replanned)],
      );
    });
  }

  async releaseLease(token: number, outcomes: readonly RunOutcome[], nowMs: number): Promise<void> {
    await this.#transactions.run(async (database) => {
      await renewLease(database, token, nowMs);
      await writeOutcomes(database, token, outcomes);
      await database.run('UPDATE lease SET holder = NULL, pid = 0');
    });
  }

  async close(): Promise<void> {
    await this.#transactions.idle();
    await this.#database.close();
  }

  async #changing<Result>(act: (database: SqliteDatabase) => Promise<Result>): Promise<Result> {
    const result = await this.#transactions.run(act);
    this.onChange();
    return result;
  }
}

async function findJob(database: SqliteDatabase, jobId: string): Promise<Job | undefined> {
  const [row] = await database.all<JobRow>('SELECT * FROM jobs WHERE job_id = ?', [jobId]);
  return row === undefined ? undefined : jobOf(row);
}
