export type AuditStage = 'logs' | 'entries' | 'replay' | 'second replay' | 'done';

/** @param percent 0 … 100 of the whole audit, never going back */
export type OnProgress = (stage: AuditStage, percent: number) => void;

/** Where each stage begins, in percent of the whole: by experience. */
const BEGINNINGS: Readonly<Record<AuditStage, number>> = {
  logs: 0,
  entries: 10,
  replay: 25,
  'second replay': 80,
  done: 100,
};
const STAGES = Object.keys(BEGINNINGS) as AuditStage[];

/** Tells how far an audit has come, once for each whole percent. */
export class AuditProgress {
  readonly #onProgress: OnProgress;
  #stage: AuditStage = 'logs';
  #percent = -1;

  constructor(onProgress: OnProgress) {
    this.#onProgress = onProgress;
  }

  enter(stage: AuditStage): void {
    this.#stage = stage;
    this.at(0);
  }

  /** @param share of the present stage, 0 … 1 */
  at(share: number): void {
    const begins = BEGINNINGS[this.#stage];
    const ends = BEGINNINGS[STAGES[STAGES.indexOf(this.#stage) + 1] ?? 'done'];
    const percent = Math.floor(begins + (ends - begins) * Math.min(1, Number.isFinite(share) ? share : 1));
    const told = this.#stage === 'done' ? percent : Math.min(percent, 99); // the whole is told at its end only
    if (told <= this.#percent) return;
    this.#percent = told;
    this.#onProgress(this.#stage, told);
  }

  finish(): void {
    this.enter('done');
  }
}
