// Code that looks like a pattern, in the notation of ast-grep: `$NAME` stands for one node, the same
// each time, `$_` for any, `$$$NAME` and `$$$` for any number. The pattern is parsed by the grammar of
// the file, so it is compared as a tree, whatever its white space. The steps of one file are bounded.
import type { Node, Parser } from 'web-tree-sitter';
import type { PatternMatch } from './parse-task.ts';

interface PatternNode {
  type: string;
  text: string;
  named: boolean;
  children: PatternNode[];
  /** Of what it stands for. */
  variable?: { name: string; many: boolean };
}

/** A letter, so that it may begin a name in every grammar, which no code here uses. */
const MARK = 'µ';
const VARIABLE = /\$\$\$([A-Z_][A-Z0-9_]*)?|\$([A-Z_][A-Z0-9_]*)/g;
const MARKED = new RegExp(`^(${MARK}${MARK}${MARK}|${MARK})([A-Z0-9_]*);?$`);
const NEEDS_SEMICOLON = new Set(['java', 'c', 'cpp', 'csharp', 'php', 'css']);
/** In C#, `new X()` alone would be read as the head of a method. */
const AS_VALUE = '_ = ';
const MAX_STEPS = 400_000;
const MAX_DEPTH = 400;
const MAX_TEXT = 400;
const MAX_CAPTURE = 200;
const MAX_PATTERN_NODES = 2_000;

/** The caller's mistake. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

export interface Pattern {
  readonly root: PatternNode;
  /** Words that a file with a match has in it. */
  readonly literals: readonly string[];
}

function toPatternNode(node: Node, count: { nodes: number }, depth = 0): PatternNode {
  if ((count.nodes += 1) > MAX_PATTERN_NODES || depth > MAX_DEPTH) {
    throw new PatternError('The pattern is too large or nested too deep.');
  }
  const { type, text, isNamed: named } = node;
  const [, marks, name = ''] = MARKED.exec(text) ?? [];
  const base = { type, text, named };
  if (marks !== undefined) {
    return { ...base, children: [], variable: { name, many: marks.length > 1 } };
  }
  const children = node.children.flatMap((child) =>
    child === null || child.isMissing ? [] : [toPatternNode(child, count, depth + 1)],
  );
  return { ...base, children };
}

/** The node that the pattern is about, without what merely holds it. */
function unwrap(node: Node): Node {
  let inner = node;
  for (;;) {
    const [only] = inner.namedChildren;
    const isOnly = inner.namedChildCount === 1 && only !== undefined && only !== null;
    if (!isOnly || only.text.trim() !== inner.text.trim().replace(/;$/, '').trim()) return inner;
    inner = only;
  }
}

function toPattern(node: Node): Pattern {
  const root = toPatternNode(node, { nodes: 0 });
  if (root.variable !== undefined) throw new PatternError('The pattern would match anything.');
  return { root, literals: literalsOf(root) };
}

/** @throws PatternError when it is no code of the language. */
export function parsePattern(parser: Parser, language: string, given: string): Pattern {
  const marked = given.replaceAll(VARIABLE, (whole, many?: string, one?: string) =>
    whole.startsWith('$$$') ? `${MARK.repeat(3)}${many ?? ''}` : `${MARK}${one ?? ''}`,
  );
  const asStatements = NEEDS_SEMICOLON.has(language)
    ? marked.replaceAll(new RegExp(`(${MARK}{3}[A-Z0-9_]*)(?=\\s*(?:\\}|\\n))`, 'g'), '$1;')
    : marked;
  const asExpression = language === 'csharp' && !/[;}]\s*$/.test(given);
  const forms = [asStatements, `${asStatements};`, marked, `${marked};`];
  for (const text of new Set([...(asExpression ? [AS_VALUE + marked] : []), ...forms])) {
    const prefix = language === 'php' && !text.startsWith('<?') ? '<?php ' : '';
    const isValue = text.startsWith(AS_VALUE);
    const tree = parser.parse(prefix + text + (isValue ? ';' : ''));
    if (tree === null) continue;
    try {
      if (tree.rootNode.hasError) continue;
      if (isValue) {
        const value = tree.rootNode.descendantForIndex(AS_VALUE.length, text.length);
        if (value?.startIndex !== AS_VALUE.length || value.endIndex !== text.length) continue;
        return toPattern(value);
      }
      const parts = tree.rootNode.namedChildren.filter((child) => child?.type !== 'php_tag');
      const [top] = parts;
      if (top === undefined || top === null) continue;
      if (parts.length > 1) throw new PatternError('The pattern is more than one statement.');
      return toPattern(unwrap(top));
    } finally {
      tree.delete();
    }
  }
  throw new PatternError(`The pattern is not ${language} code.`);
}

function literalsOf(node: PatternNode): string[] {
  if (node.variable !== undefined) return [];
  if (node.children.length > 0) return node.children.flatMap(literalsOf);
  return node.named && /^[\w$-]{2,}$/.test(node.text) ? [node.text] : [];
}

class Matcher {
  #steps = 0;
  readonly captures = new Map<string, string>();

  get exhausted(): boolean {
    return this.#steps > MAX_STEPS;
  }

  start(): void {
    this.captures.clear();
  }

  #bind(name: string, text: string): boolean {
    if (name === '' || name.startsWith('_')) return true;
    const known = this.captures.get(name);
    if (known !== undefined) return known === text;
    this.captures.set(name, text);
    return true;
  }

  matches(pattern: PatternNode, node: Node, depth = 0): boolean {
    if ((this.#steps += 1) > MAX_STEPS || depth > MAX_DEPTH) return false;
    const { variable } = pattern;
    if (variable !== undefined && !variable.many) {
      return node.isNamed && this.#bind(variable.name, node.text);
    }
    if (pattern.type !== node.type) return false;
    if (pattern.children.length === 0) return pattern.text === node.text;
    const children = node.children.flatMap((child) =>
      child === null || /comment/.test(child.type) ? [] : [child],
    );
    return this.#matchAll(pattern.children, children, { at: 0, from: 0, depth: depth + 1 });
  }

  #matchAll(
    patterns: readonly PatternNode[],
    nodes: readonly Node[],
    { at, from, depth }: { at: number; from: number; depth: number },
  ): boolean {
    if ((this.#steps += 1) > MAX_STEPS) return false;
    const pattern = patterns[at];
    if (pattern === undefined) return nodes.slice(from).every((node) => !node.isNamed);
    if (pattern.variable?.many === true) {
      for (let to = from; to <= nodes.length; to += 1) {
        const kept = new Map(this.captures);
        const [first, last] = [nodes[from], nodes[to - 1]];
        const text =
          to === from || first === undefined || last === undefined
            ? ''
            : nodes
                .slice(from, to)
                .map((node) => node.text)
                .join(' ');
        const rest = { at: at + 1, from: to, depth };
        if (this.#bind(pattern.variable.name, text) && this.#matchAll(patterns, nodes, rest)) {
          return true;
        }
        this.#restore(kept);
        if (this.exhausted) return false;
      }
      // A comma that the pattern has between, where there is nothing to divide.
      return false;
    }
    for (let to = from; to < nodes.length; to += 1) {
      const node = nodes[to] as Node; // the index is in range
      const kept = new Map(this.captures);
      const rest = { at: at + 1, from: to + 1, depth };
      if (this.matches(pattern, node, depth) && this.#matchAll(patterns, nodes, rest)) return true;
      this.#restore(kept);
      // Signs that the pattern does not show may be passed over, code may not.
      if (node.isNamed || this.exhausted) return false;
    }
    return false;
  }

  #restore(kept: ReadonlyMap<string, string>): void {
    this.captures.clear();
    for (const [name, text] of kept) this.captures.set(name, text);
  }
}

/** Matches in the order of their places, up to `most`. */
export function findPattern(root: Node, pattern: Pattern, most: number): PatternMatch[] {
  const matcher = new Matcher();
  const found: PatternMatch[] = [];
  for (const node of root.descendantsOfType(pattern.root.type)) {
    if (node === null || found.length >= most || matcher.exhausted) break;
    matcher.start();
    if (!matcher.matches(pattern.root, node)) continue;
    found.push({
      startLine: node.startPosition.row + 1,
      endLine: node.endPosition.row + 1,
      text: node.text.slice(0, MAX_TEXT),
      captures: Object.fromEntries(
        [...matcher.captures].map(([name, text]) => [name, text.slice(0, MAX_CAPTURE)]),
      ),
    });
  }
  return found;
}
