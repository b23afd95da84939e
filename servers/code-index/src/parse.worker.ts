// The thread that parses. One task at a time; whoever asks ends the thread when an answer takes too
// long. Grammars are WebAssembly, so that a text that breaks a parser breaks this thread and no more.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { Language, Parser, Query, type Tree } from 'web-tree-sitter';
import { extractChunks } from './extract-chunks.ts';
import { extractSymbols } from './extract-symbols.ts';
import { PatternError, findPattern, parsePattern, type Pattern } from './find-pattern.ts';
import { languageNamed } from './languages.ts';
import type { Occurrence, ParseAnswer, ParseResults, ParseTask } from './parse-task.ts';
import { QUERIES, type Grammar } from './queries.ts';

interface Loaded {
  parser: Parser;
  query: Query;
}

const require = createRequire(import.meta.url);
const grammars = dirname(require.resolve('@vscode/tree-sitter-wasm/package.json'));
const started = Parser.init();
const loaded = new Map<Grammar, Promise<Loaded>>();
const MAX_OCCURRENCES = 20_000;
const MAX_LINE = 300;
const NO_NAME = /comment|string|content|fragment|heredoc|regex|text/;

async function load(grammar: Grammar): Promise<Loaded> {
  await started;
  const bytes = await readFile(join(grammars, 'wasm', `tree-sitter-${grammar}.wasm`));
  const language = await Language.load(bytes);
  const parser = new Parser();
  parser.setLanguage(language);
  return { parser, query: new Query(language, QUERIES[grammar]) };
}

function loadFor(name: string): Promise<Loaded> {
  const language = languageNamed(name);
  if (language === undefined) throw new Error(`no language is called ${name}`);
  const { grammar } = language;
  let known = loaded.get(grammar);
  if (known === undefined) loaded.set(grammar, (known = load(grammar)));
  return known;
}

function withTree<T>({ parser }: Loaded, text: string, work: (tree: Tree) => T): T {
  const tree = parser.parse(text);
  if (tree === null) throw new Error('the parser gave up');
  try {
    return work(tree);
  } finally {
    tree.delete();
  }
}

/** Where names can begin and end: the letters of names in every language here. */
const NAME_LETTER = /[\p{L}\p{M}\p{N}_$]/u;

function findOccurrences(tree: Tree, text: string, name: string): Omit<Occurrence, 'definition'>[] {
  const found: Omit<Occurrence, 'definition'>[] = [];
  let [line, lineStart] = [1, 0];
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + name.length)) {
    const end = at + name.length;
    if (NAME_LETTER.test(text[at - 1] ?? '') && NAME_LETTER.test(name[0] ?? '')) continue;
    if (NAME_LETTER.test(text[end] ?? '') && NAME_LETTER.test(name.at(-1) ?? '')) continue;
    const node = tree.rootNode.descendantForIndex(at, end);
    if (node === null || !node.isNamed || node.childCount > 0 || NO_NAME.test(node.type)) continue;
    if (node.startIndex !== at || node.endIndex !== end) continue;
    for (let next = text.indexOf('\n', lineStart); next >= 0 && next < at;) {
      line += 1;
      lineStart = next + 1;
      next = text.indexOf('\n', lineStart);
    }
    const lineEnd = text.indexOf('\n', end);
    const whole = text.slice(
      lineStart,
      Math.min(lineEnd < 0 ? text.length : lineEnd, lineStart + 2 * MAX_LINE),
    );
    found.push({
      start: at,
      end,
      line,
      column: at - lineStart + 1,
      text: whole.trim().slice(0, MAX_LINE),
    });
    if (found.length >= MAX_OCCURRENCES) break;
  }
  return found;
}

const patterns = new Map<string, Pattern>();

function patternOf({ parser }: Loaded, language: string, given: string): Pattern {
  const key = `${language}\0${given}`;
  let known = patterns.get(key);
  if (known === undefined) {
    patterns.clear();
    patterns.set(key, (known = parsePattern(parser, language, given)));
  }
  return known;
}

async function run(task: ParseTask): Promise<ParseResults[ParseTask['kind']]> {
  const { text } = task;
  if (task.language === undefined) {
    const chunks = extractChunks(text, { symbols: [], comments: [] });
    return { symbols: [], imports: [], chunks, broken: false };
  }
  const grammar = await loadFor(task.language);
  if (task.kind === 'pattern') {
    const pattern = patternOf(grammar, task.language, task.pattern);
    if (!pattern.literals.every((literal) => text.includes(literal))) return { matches: [] };
    return withTree(grammar, text, (tree) => ({
      matches: findPattern(tree.rootNode, pattern, task.most),
    }));
  }
  return withTree(grammar, text, (tree) => {
    const extracted = extractSymbols(tree, grammar.query, text);
    const { symbols, imports, broken } = extracted;
    switch (task.kind) {
      case 'index':
        return { symbols, imports, chunks: extractChunks(text, extracted), broken };
      case 'symbols':
        return { symbols, broken };
      case 'occurrences': {
        const names = new Set(symbols.map(({ nameStart }) => nameStart));
        const occurrences = findOccurrences(tree, text, task.name).map((each) => ({
          ...each,
          definition: names.has(each.start),
        }));
        return { occurrences, symbols, broken };
      }
    }
  });
}

function reply(answer: ParseAnswer): void {
  parentPort?.postMessage(answer);
}

started.then(
  () => reply({ ready: true }),
  (error: unknown) => {
    throw error;
  },
);

parentPort?.on('message', (task: ParseTask) => {
  run(task).then(
    (result) => reply({ result }),
    (error: unknown) => {
      if (error instanceof PatternError) reply({ wrong: error.message });
      else
        reply({ defect: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    },
  );
});
