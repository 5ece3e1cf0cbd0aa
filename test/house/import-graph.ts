import { posix } from 'node:path';

/** One import as a file writes it. */
export interface Import {
  readonly file: string; // path from the root of the tree, with slashes, as is `target`
  readonly specifier: string;
  /** File in the tree, or null for a package or a part of Node. */
  readonly target: string | null;
  /** Whether loading the file loads the target: a worker's URL only names it. */
  readonly loads: boolean;
}

/** Statements, re-exports, side effects; import(); require(); new URL('….ts', …). Specifiers that are no literals are not seen. */
const IMPORTS: readonly (readonly [pattern: RegExp, loads: boolean])[] = [
  [/^\s*(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]/gm, true],
  [/^\s*import\s*['"]([^'"]+)['"]/gm, true],
  [/\bimport\s*\(\s*['"`]([^'"`$]+)['"`]/g, true],
  [/\brequire\s*\(\s*['"`]([^'"`$]+)['"`]/g, true],
  [/\bnew URL\(\s*['"`]([^'"`$]+\.ts)['"`]/g, false],
];

/** A wing does not know the others: what they share stands in core/, and main fills it. */
const WINGS = ['gateway', 'workers', 'scheduler'];
/** Reads the program itself, for the threads that run it. */
const PROGRAM_READER = 'core/threads/stripped-worker.ts';
const PURE = ['core/book', 'core/engine', 'core/money', 'core/protocol'];
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/;

export function importsOf(file: string, text: string): Import[] {
  return IMPORTS.flatMap(([pattern, loads]) =>
    Array.from(text.matchAll(pattern), (match) => {
      const specifier = match[1]!;
      const isRelative = specifier.startsWith('./') || specifier.startsWith('../');
      const isTree = isRelative || !loads; // new URL('worker.ts', import.meta.url) is relative without a dot
      return { file, specifier, target: isTree ? posix.join(posix.dirname(file), specifier) : null, loads };
    }),
  );
}

/**
 * @param texts of every .ts file of the tree, by path
 * @returns every breach of the house plan, one sentence each with its file; empty when the picture is still the code
 */
export function houseBreaches(texts: ReadonlyMap<string, string>): string[] {
  const imports = [...texts].flatMap(([file, text]) => importsOf(file, text));
  const breaches: string[] = [];
  for (const found of imports) {
    const rule = brokenRule(found);
    if (rule !== null) breaches.push(`${found.file} imports '${found.specifier}': ${rule}`);
  }
  for (const file of texts.keys())
    if (!isKebabCase(file)) breaches.push(`${file}: file and folder names are kebab-case`);
  const cycle = findCycle(imports.filter((found) => isIn('core', found.file) && found.loads));
  if (cycle !== null) breaches.push(`import cycle: ${cycle.join(' -> ')}`);
  return breaches;
}

function brokenRule({ file, specifier, target }: Import): string | null {
  if (isIn('core', file)) {
    if (target !== null && !isIn('core', target)) return 'core imports nothing outside core';
    if (target === null && !specifier.startsWith('node:')) return 'core imports no package';
    if (target === null && PURE.some((folder) => isIn(folder, file))) return 'this part of core is pure';
    if (/^node:fs\b/.test(specifier) && !isIn('core/journal', file) && file !== PROGRAM_READER)
      return 'only core/journal touches files';
    if (specifier === 'node:worker_threads' && !isIn('core/threads', file) && !isIn('core/ring', file))
      return 'only core/threads and core/ring touch threads';
  }
  if (target === null) return null;
  const wing = WINGS.find((name) => isIn(name, file));
  const otherWing = WINGS.find((name) => name !== wing && isIn(name, target));
  if (wing !== undefined && otherWing !== undefined) return `${wing} and ${otherWing} meet in core/ports/ only`;
  if (wing !== undefined && isMain(target)) return 'no wing knows main';
  const isShipped = wing !== undefined || isIn('core', file) || isMain(file);
  if (isShipped && (isIn('test', target) || isIn('bench', target))) return 'what is shipped needs no test and no bench';
  return null;
}

function isIn(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`);
}

function isMain(path: string): boolean {
  return path === 'main.ts' || isIn('main', path);
}

function isKebabCase(file: string): boolean {
  const [name, ...suffixes] = posix.basename(file).split('.');
  const folders = posix.dirname(file).split('/');
  return [name!, ...suffixes, ...folders.filter((folder) => folder !== '.')].every((part) => KEBAB_CASE.test(part));
}

/** @returns the files of one cycle, the first one repeated at the end, or null */
function findCycle(imports: readonly Import[]): string[] | null {
  const targets = new Map<string, string[]>();
  for (const { file, target } of imports)
    if (target !== null) targets.set(file, [...(targets.get(file) ?? []), target]);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const target of targets.get(file) ?? []) {
      const cycle = visit(target, [...path, file]);
      if (cycle !== null) return cycle;
    }
    done.add(file);
    return null;
  };
  for (const file of targets.keys()) {
    const cycle = visit(file, []);
    if (cycle !== null) return cycle;
  }
  return null;
}
