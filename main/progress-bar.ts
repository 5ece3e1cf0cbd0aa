/** Says how far something long has come, beside what a program reads. */
export interface Progress {
  /** @param share 0 … 1 of this step */
  at(step: string, share: number): void;
  done(): void;
}

const BAR_CHARACTERS = 30;
const PAUSE_MS = { bar: 100, lines: 1_000 } as const;

/** A bar that is drawn again in its place on a terminal; elsewhere a line for each step, and one a second. */
export function showProgress(stream: { isTTY?: boolean; write(text: string): unknown } = process.stderr): Progress {
  const isTerminal = stream.isTTY === true;
  let lastStep = '';
  let shownMs = 0;
  return {
    at(step, share) {
      const isNew = step !== lastStep;
      if (!isNew && performance.now() - shownMs < (isTerminal ? PAUSE_MS.bar : PAUSE_MS.lines)) return;
      shownMs = performance.now();
      const percent = `${String(Math.floor(100 * Math.min(1, share))).padStart(3)} %`;
      if (isTerminal) {
        const filled = '█'.repeat(Math.floor(BAR_CHARACTERS * Math.min(1, share)));
        stream.write(
          `${isNew && lastStep !== '' ? '\n' : ''}\r\x1b[K${filled.padEnd(BAR_CHARACTERS, '░')} ${percent}  ${step}`,
        );
      } else {
        stream.write(isNew ? `${step} …\n` : `${step}: ${percent.trim()} …\n`);
      }
      lastStep = step;
    },
    done() {
      if (isTerminal && lastStep !== '') stream.write('\r\x1b[K');
    },
  };
}
