import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why a consumer can't go on, or must not be trusted to: with a partition, or (null) as a whole. */
export interface ConsumerTrouble {
  readonly partition: number | null;
  readonly trouble: string;
  readonly foundMs: number;
}

/** What a consumer last said of itself, whichever process it is in: a file in the data folder, there after its end, too. */
export interface ConsumerReport {
  readonly consumer: string;
  readonly pid: number;
  readonly startedMs: number;
  readonly troubles: readonly ConsumerTrouble[]; // the first hundred of this start
}

const FOLDER = 'consumers';
const SUFFIX = '.json';
const MAX_TROUBLES = 100;

/** Replaces the consumer's report: whole, or not at all. */
export function writeConsumerReport(dataFolder: string, report: ConsumerReport): void {
  const folder = join(dataFolder, FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, report.consumer + SUFFIX);
  writeFileSync(`${path}.tmp`, `${JSON.stringify(report, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** @returns the reports by the consumers' names; none before any has started */
export function readConsumerReports(dataFolder: string): ConsumerReport[] {
  const folder = join(dataFolder, FOLDER);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(SUFFIX));
  return names.sort().map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ConsumerReport);
}

/** A consumer's own report, kept up to date while it runs. */
export class OwnReport {
  readonly #dataFolder: string;
  #report: ConsumerReport;

  /** Forgets what an earlier process of this consumer said: it begins anew. */
  constructor(dataFolder: string, consumer: string, startedMs: number) {
    this.#dataFolder = dataFolder;
    this.#report = { consumer, pid: process.pid, startedMs, troubles: [] };
    writeConsumerReport(dataFolder, this.#report);
  }

  add(trouble: ConsumerTrouble): void {
    if (this.#report.troubles.length === MAX_TROUBLES) return;
    this.#report = { ...this.#report, troubles: [...this.#report.troubles, trouble] };
    writeConsumerReport(this.#dataFolder, this.#report);
  }
}
