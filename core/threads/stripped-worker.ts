import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setEnvironmentData, Worker, type WorkerOptions } from 'node:worker_threads';

/** Imports of one's own files, as they stand in stripped text. */
const OWN_IMPORT = /\bfrom\s+'(\.[^']+\.ts)'/g;

/** Under which the thread's first file, stripped-entry.js, finds the texts. */
const TEXTS = 'ringbook.stripped-texts';

/** Text without types by URL: what threads run is read once. */
const texts = new Map<string, string>();

/**
 * Starts a worker thread whose program was stripped of its types in this thread. A thread that strips them itself runs
 * WebAssembly, which detaches an array buffer; from then on V8 checks at every access to a typed array whether its
 * buffer is still there, and commands take 1.15 times as long. Lines and columns stay what they are in the files. What
 * `node --import` names is loaded into the thread as into any other.
 * @param entry the file that the thread runs, which with everything it imports lies beside this program
 */
export function startStrippedWorker(entry: URL, options: WorkerOptions): Worker {
  setEnvironmentData(TEXTS, strippedSources(entry));
  return new Worker(new URL('./stripped-entry.js', import.meta.url), { ...options, argv: [entry.href] });
}

/** @returns text by URL of the entry and all it imports */
function strippedSources(entry: URL): Record<string, string> {
  const sources: Record<string, string> = {};
  const waiting = [entry.href];
  for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
    if (sources[url] !== undefined) continue;
    const text = texts.get(url) ?? stripped(readFileSync(fileURLToPath(url), 'utf8'));
    texts.set(url, text);
    sources[url] = text;
    for (const [, specifier] of text.matchAll(OWN_IMPORT)) waiting.push(new URL(specifier!, url).href);
  }
  return sources;
}

/** Without the warning that the function is experimental: Node runs every file here through the same one. */
function stripped(text: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}
