// `summary`: what a repository is made of: languages, modules, where it starts, what imports what.
import { posix } from 'node:path';
import { defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { toAnswerText } from '../answer-text.ts';
import { pathText } from '../arguments.ts';
import { inScope, showIn, withScopes, type Deps } from '../deps.ts';
import type { FileRow } from '../store-queries.ts';

const MOST = 30;
const ENTRY =
  /(?:^|\/)(?:main|index|app|server|cli|__main__|manage|program|mod|lib)\.(?:[cm]?[jt]sx?|py|go|rs|java|c|cc|cpp|cs|rb|php|sh)$/i;
const MANIFEST =
  /(?:^|\/)(?:package\.json|pyproject\.toml|setup\.py|go\.mod|Cargo\.toml|pom\.xml|build\.gradle|CMakeLists\.txt|Makefile|Gemfile|composer\.json|Dockerfile|[^/]+\.csproj)$/;
const ENDINGS = [
  '',
  '.ts',
  '.tsx',
  '.js',
  '.mjs',
  '.jsx',
  '.py',
  '.rb',
  '.php',
  '.h',
  '.hpp',
  '.css',
];
const INDEXES = ['/index.ts', '/index.tsx', '/index.js', '/__init__.py', '/mod.rs'];

/** Paths that an import may mean, from the file that has it. */
function candidatesOf(path: string, target: string): string[] {
  const folder = posix.dirname(path);
  const dots = /^\.+(?=\w|$)/.exec(target)?.[0].length;
  const isPython = path.endsWith('.py');
  const bases: string[] = [];
  if (isPython && dots !== undefined) {
    const up = '../'.repeat(dots - 1);
    bases.push(posix.join(folder, up, target.slice(dots).replaceAll('.', '/')));
  } else if (target.startsWith('.')) bases.push(posix.join(folder, target));
  else if (isPython) bases.push(target.replaceAll('.', '/'), `src/${target.replaceAll('.', '/')}`);
  else bases.push(posix.join(folder, target), target);
  return bases
    .flatMap((base) => [base, base.replace(/\.[cm]?js$/, '.ts')])
    .flatMap((base) => [...ENDINGS, ...INDEXES].map((end) => base + end));
}

function moduleOf(path: string, below: string): string {
  const rest = below === '' ? path : path.slice(below.length + 1);
  const parts = rest.split('/');
  const name = parts.slice(0, Math.min(parts.length - 1, 2)).join('/');
  return name === '' ? '.' : name;
}

/** The most frequent first. */
function most(counts: ReadonlyMap<string, number>): [name: string, count: number][] {
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, MOST);
}

function toList(counts: readonly [name: string, count: number][]): string {
  return counts.map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
}

function raise(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

export function summary(deps: Deps): Tool {
  const counts = z.looseObject({});
  return defineTool({
    name: 'summary',
    title: 'Summary',
    description: 'Languages, modules, entry points, and which module imports which.',
    effect: 'read',
    input: z.strictObject({ path: pathText.optional() }),
    output: z.object({
      languages: counts,
      modules: counts,
      entry_points: z.array(z.string()),
      imports: counts,
      packages: counts,
      index: z.string(),
    }),
    run: ({ path: given }, context) =>
      withScopes(deps, context, { path: given }, async ({ guard, scopes, index }) => {
        const [languages, modules] = [new Map<string, number>(), new Map<string, number>()];
        const [edges, packages] = [new Map<string, number>(), new Map<string, number>()];
        const entries: string[] = [];
        for (const scope of scopes) {
          const [all, imports] = await scope.index.use(
            (store): [FileRow[], ReturnType<typeof store.importsBelow>] => [
              store.filesBelow(''),
              store.importsBelow(''),
            ],
          );
          const paths = new Set(all.map(({ path }) => path));
          const below = scope.isFile ? posix.dirname(scope.below).replace(/^\.$/, '') : scope.below;
          for (const { path, language } of all) {
            if (!inScope(scope, path)) continue;
            raise(languages, language);
            raise(modules, moduleOf(path, below));
            if (ENTRY.test(path) || MANIFEST.test(path)) entries.push(showIn(scope, guard, path));
          }
          for (const { path, target } of imports) {
            if (!inScope(scope, path)) continue;
            const inside = candidatesOf(path, target).find((each) => paths.has(each));
            const from = moduleOf(path, below);
            if (inside === undefined) {
              if (!target.startsWith('.')) raise(packages, target);
            } else if (inScope(scope, inside) && moduleOf(inside, below) !== from) {
              raise(edges, `${from} -> ${moduleOf(inside, below)}`);
            }
          }
        }
        const depth = (path: string): number => path.split('/').length;
        entries.sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
        const [byLanguage, byModule] = [most(languages), most(modules)];
        const [byImport, byPackage] = [most(edges), most(packages)];
        const first = entries.slice(0, MOST);
        return {
          output: {
            languages: Object.fromEntries(byLanguage),
            modules: Object.fromEntries(byModule),
            entry_points: first,
            imports: Object.fromEntries(byImport),
            packages: Object.fromEntries(byPackage),
            index,
          },
          text: toAnswerText({
            content: [
              `Languages (files): ${toList(byLanguage)}`,
              `Modules (files): ${toList(byModule)}`,
              `Entry points: ${first.join(', ') || 'none'}`,
              `Imports: ${toList(byImport)}`,
              `From outside: ${toList(byPackage)}`,
            ],
            index,
          }),
        };
      }),
  });
}
