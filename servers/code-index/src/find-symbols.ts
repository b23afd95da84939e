// Definitions by their names, over several indexes.
import type { PathGuard } from '@drawbridge/paths';
import { inScope, showIn, type Scope } from './deps.ts';
import type { NameMatch, SymbolRow } from './store-queries.ts';
import { toNamePath } from './symbol.ts';

export interface FoundSymbol {
  scope: Scope;
  row: SymbolRow;
  /** As callers see it. */
  path: string;
}

/** The last name, and those that must stand around it: `A/b`, `A.b`, `A::b`, `A#b`. */
export function parseNamePath(given: string): { name: string; around: string[] } {
  const trimmed = given.trim().replace(/\(\)$/, '');
  const parts = /^[.#]?[\w$-]+$/.test(trimmed)
    ? [trimmed]
    : trimmed.split(/\/|::|(?<=\w)[.#](?=[\w$#])/).filter((part) => part !== '');
  return { name: parts.at(-1) ?? trimmed, around: parts.slice(0, -1) };
}

export function hasAround(
  { container }: { container: string },
  around: readonly string[],
): boolean {
  if (around.length === 0) return true;
  const names = container.split(/\/|::|\./).map((name) => name.toLowerCase());
  const wanted = around.map((name) => name.toLowerCase());
  return wanted.every((name, at) => names.at(at - wanted.length) === name);
}

/** Those of exactly that name first by path; without regard to case if there is none. */
export async function findDefinitions(
  scopes: readonly Scope[],
  guard: PathGuard,
  given: string,
): Promise<FoundSymbol[]> {
  const found: FoundSymbol[] = [];
  // A path with dots may itself be a name, as in CSS.
  const { name, around } = parseNamePath(given);
  for (const scope of scopes) {
    const rows = await scope.index.use((store) => {
      const exact = store.symbolsNamed(name).filter((row) => hasAround(row, around));
      if (exact.length > 0) return exact;
      return store.symbolsByLower(name.toLowerCase()).filter((row) => hasAround(row, around));
    });
    for (const row of rows) {
      if (inScope(scope, row.path))
        found.push({ scope, row, path: showIn(scope, guard, row.path) });
    }
  }
  return found;
}

const MATCHES: readonly NameMatch[] = ['exact', 'prefix', 'part', 'letters'];
const MAX_NAMES = 2_000;

export interface SymbolSearch {
  query: string;
  kind?: string | undefined;
  exact: boolean;
  most: number;
}

/** The closest names first. */
export async function searchSymbols(
  scopes: readonly Scope[],
  guard: PathGuard,
  { query, kind, exact, most }: SymbolSearch,
): Promise<FoundSymbol[]> {
  const { name, around } = parseNamePath(query);
  const lower = name.replaceAll(/\s+/g, '').toLowerCase();
  const ranked: FoundSymbol[][] = MATCHES.map(() => []);
  for (const scope of scopes) {
    const seen = new Set<string>();
    let count = 0;
    for (const [place, match] of MATCHES.entries()) {
      if ((exact && match !== 'exact') || count >= most) break;
      const names = await scope.index.use((store) => store.namesLike(lower, match, MAX_NAMES));
      const fresh = names.filter((each) => !seen.has(each));
      fresh.sort((a, b) => a.length - b.length);
      for (const each of fresh) {
        seen.add(each);
        const rows = await scope.index.use((store) => store.symbolsByLower(each));
        for (const row of rows) {
          const wanted =
            (kind === undefined || row.kind === kind) &&
            hasAround(row, around) &&
            inScope(scope, row.path);
          if (!wanted) continue;
          ranked[place]?.push({ scope, row, path: showIn(scope, guard, row.path) });
          count += 1;
        }
        if (count >= most) break;
      }
    }
  }
  return ranked.flat().slice(0, most);
}

export function describeSymbol({ row, path }: FoundSymbol) {
  const { kind, startLine, endLine, signature } = row;
  return { name: toNamePath(row), kind, path, line: startLine, end_line: endLine, signature };
}

export function toSymbolLine(found: FoundSymbol): string {
  const { kind, path, line, end_line: end, name, signature } = describeSymbol(found);
  return `${path}:${line}-${end} ${kind} ${name}: ${signature}`;
}
