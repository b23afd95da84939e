// Definitions, comments and imports of one syntax tree.
import type { Node, Query, QueryMatch, Tree } from 'web-tree-sitter';
import { toNamePath, type CodeSymbol } from './symbol.ts';

export interface Extent {
  start: number;
  end: number;
}

export interface Extracted {
  /** In the order of their starts. */
  symbols: CodeSymbol[];
  comments: Extent[];
  imports: string[];
  /** Whether the text has mistakes, so that something may be missing. */
  broken: boolean;
}

/** Nodes that only add to a definition in them: a change of the definition changes them too. */
const WRAPPERS = new Set([
  'export_statement',
  'ambient_declaration',
  'decorated_definition',
  'template_declaration',
]);
/** Nodes that are no more than the definition in them, as long as it is the only one. */
const SINGLE_WRAPPERS = new Set([
  'lexical_declaration',
  'variable_declaration',
  'type_declaration',
  'const_declaration',
  'var_declaration',
  'expression_statement',
  'declaration_command',
  'const_declaration',
]);
const TYPE_KINDS = new Set(['class', 'interface', 'struct', 'trait', 'enum', 'scope']);
/** The first of these wins where a name is captured twice. */
const KIND_ORDER = ['method', 'function', 'struct', 'interface', 'class', 'type', 'constant'];
const MAX_NAME = 200;
const MAX_SIGNATURE = 160;
const MAX_SYMBOLS = 50_000;
const MAX_IMPORTS = 2_000;
const MAX_IMPORT = 300;

/** Whether nothing but a gap or a comment is in front, as far as that is easily told. */
function standsAlone(text: string, start: number): boolean {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  if (text.slice(lineStart, start).trim() !== '') return false;
  if (lineStart === 0) return true;
  const above = text.slice(text.lastIndexOf('\n', lineStart - 2) + 1, lineStart - 1).trim();
  return above === '' || /^(?:\/[/*]|\*)|[{};,]$/.test(above);
}

/** Asking for what is above a node costs a way down from the top, so it is asked only where it may tell. */
function withWrappers(node: Node, text: string): Node {
  let whole = node;
  if (standsAlone(text, node.startIndex)) return whole;
  for (let above = whole.parent; above !== null; above = whole.parent) {
    const counts =
      WRAPPERS.has(above.type) || (SINGLE_WRAPPERS.has(above.type) && above.namedChildCount === 1);
    if (!counts) break;
    whole = above;
  }
  return whole;
}

function signatureOf(text: string, start: number, end: number): string {
  const from = text.slice(start, Math.min(end, start + MAX_SIGNATURE * 2));
  const line = from.split(/\r?\n/, 1)[0]?.trim() ?? '';
  return line.length > MAX_SIGNATURE ? `${line.slice(0, MAX_SIGNATURE - 1)}…` : line;
}

interface Found extends CodeSymbol {
  owner: string | undefined;
}

function toFound({ captures }: QueryMatch, text: string): Found | undefined {
  const nameNode = captures.find(({ name }) => name === 'name')?.node;
  const ownerNode = captures.find(({ name }) => name === 'owner')?.node;
  const whole = captures.find(({ name }) => !/^(?:name|owner|_.*)$/.test(name));
  if (nameNode === undefined || whole === undefined) return undefined;
  const node = withWrappers(whole.node, text);
  const isSelector = whole.name === 'selector';
  let outer = node;
  // A selector stands for the rule that it begins.
  while (isSelector && outer.type !== 'rule_set' && outer.parent !== null) outer = outer.parent;
  const name = text
    .slice(nameNode.startIndex, nameNode.endIndex)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/^["']|["']$/g, '');
  if (name === '') return undefined;
  return {
    name: name.slice(0, MAX_NAME),
    kind: whole.name,
    container: '',
    owner: ownerNode && text.slice(ownerNode.startIndex, ownerNode.endIndex).slice(0, MAX_NAME),
    start: outer.startIndex,
    end: outer.endIndex,
    startLine: outer.startPosition.row + 1,
    endLine: Math.max(
      outer.startPosition.row + 1,
      outer.endPosition.column === 0 ? outer.endPosition.row : outer.endPosition.row + 1,
    ),
    nameStart: nameNode.startIndex,
    nameEnd: nameNode.endIndex,
    signature: signatureOf(text, outer.startIndex, outer.endIndex),
  };
}

function orderOf(kind: string): number {
  const place = KIND_ORDER.indexOf(kind);
  return place < 0 ? KIND_ORDER.length : place;
}

/** Fills in what is around each symbol, and drops what only holds others. */
function nest(found: readonly Found[]): CodeSymbol[] {
  const open: (Found & { path: string })[] = [];
  const symbols: CodeSymbol[] = [];
  for (const each of found) {
    while ((open.at(-1)?.end ?? Infinity) < each.end || (open.at(-1)?.end ?? 0) <= each.start) {
      if (open.pop() === undefined) break;
    }
    const above = open.at(-1);
    const { owner, ...symbol } = each;
    const outer = above?.path ?? '';
    symbol.container = owner === undefined ? outer : outer === '' ? owner : `${outer}/${owner}`;
    if (symbol.kind === 'function' && above !== undefined && TYPE_KINDS.has(above.kind)) {
      symbol.kind = 'method';
    }
    open.push({ ...each, path: toNamePath(symbol) });
    if (symbol.kind !== 'scope') symbols.push(symbol);
  }
  return symbols;
}

export function extractSymbols(tree: Tree, query: Query, text: string): Extracted {
  const comments: Extent[] = [];
  const imports = new Set<string>();
  const byName = new Map<number, Found>();
  for (const match of query.matches(tree.rootNode)) {
    const [first] = match.captures;
    if (first === undefined) continue;
    const special = match.captures.find(({ name }) => name === 'comment' || name === 'import');
    if (special?.name === 'comment') {
      comments.push({ start: special.node.startIndex, end: special.node.endIndex });
    } else if (special !== undefined) {
      const { startIndex, endIndex } = special.node;
      const target = text.slice(startIndex, Math.min(endIndex, startIndex + MAX_IMPORT));
      if (imports.size < MAX_IMPORTS) imports.add(target.replaceAll(/^["'<]|["'>]$/g, ''));
    } else if (byName.size < MAX_SYMBOLS) {
      const found = toFound(match, text);
      if (found === undefined) continue;
      const known = byName.get(found.nameStart);
      if (known === undefined || orderOf(found.kind) < orderOf(known.kind)) {
        byName.set(found.nameStart, found);
      }
    }
  }
  const found = [...byName.values()].sort((a, b) => a.start - b.start || b.end - a.end);
  return {
    symbols: nest(found),
    comments: comments.sort((a, b) => a.start - b.start),
    imports: [...imports],
    broken: tree.rootNode.hasError,
  };
}
