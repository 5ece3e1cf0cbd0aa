/** What every benchmark is: a name to call it by, two sizes, and a report of tables and pictures. */
export interface Bench {
  readonly name: string; // `npm run bench -- NAME`
  readonly about: string; // one line
  readonly size: string; // of the full run: what is done, about how long it takes
  run(settings: BenchSettings): Promise<Report>;
}

export interface BenchSettings {
  readonly seed: number;
  readonly isShort: boolean; // seconds: shows that everything runs, its figures mean little
  readonly size: number | undefined; // asked for by the user, instead of the bench's own
  /** Tells what is being done: a benchmark is never silent for long. */
  readonly progress: (step: string) => void;
}

export interface Report {
  readonly heading: string;
  readonly mix: string; // what was done to whom: a figure means nothing without it
  readonly proof: string; // what was found equal before anything was measured
  readonly tables: readonly Table[];
  readonly notes?: readonly string[];
  readonly pictures?: readonly Picture[];
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[]; // a text for each column
}

export interface Picture {
  readonly name: string; // of the file, without folder and ending
  readonly about: string; // for readers who don't see it
  readonly svg: string;
}
