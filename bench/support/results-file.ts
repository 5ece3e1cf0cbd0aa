import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from './bench.ts';
import { markdownText } from './report-text.ts';

const PREFACE = `# Results

Written by \`npm run bench -- --report\`; a section is replaced whenever its benchmark is run so again. A figure counts beside
its limit in the same run on the same machine: absolute numbers say how fast the machine is. \`npm run bench -- --help\` lists
the benchmarks. A section whose command says \`--short\` shows that its benchmark runs, and nothing else.
`;

/** RESULTS.md and its pictures: a section for each benchmark, in their order, whichever of them was run last. */
export class ResultsFile {
  readonly #folder: string;
  readonly #order: readonly string[];

  /**
   * @param folder where RESULTS.md lies and pictures/ below it
   * @param order names of all benchmarks; sections of others are dropped
   */
  constructor(folder: string, order: readonly string[]) {
    this.#folder = folder;
    this.#order = order;
  }

  /** Puts a report in the place of the one that this benchmark wrote before. */
  write(name: string, report: Report, machine: string, command: string): void {
    const path = join(this.#folder, 'RESULTS.md');
    const sections = existsSync(path) ? readSections(readFileSync(path, 'utf8')) : new Map<string, string>();
    sections.set(name, markdownText(report, machine, command));
    const pictures = join(this.#folder, 'pictures');
    mkdirSync(pictures, { recursive: true });
    for (const picture of report.pictures ?? []) writeFileSync(join(pictures, `${picture.name}.svg`), picture.svg);
    const known = this.#order.filter((each) => sections.has(each));
    writeFileSync(
      path,
      [PREFACE, ...known.map((each) => `<!-- ${each} -->\n${sections.get(each)}\n<!-- /${each} -->\n`)].join('\n'),
    );
  }
}

function readSections(text: string): Map<string, string> {
  const found = text.matchAll(/^<!-- ([a-z0-9-]+) -->\n([\s\S]*?)\n<!-- \/\1 -->$/gm);
  return new Map([...found].map(([, name, content]) => [name!, content!]));
}
