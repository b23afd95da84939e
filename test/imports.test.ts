// The picture of the architecture, as a test: which package and which folder may import which. It reads
// every import of every source file, so a shortcut between two parts fails here before it becomes a habit.
// Packages and folders are taken from the tree: a new one fails until it has its rule.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const ours = '@drawbridge/';

interface PackageRule {
  readonly folder: RegExp;
  /** Packages of the workspace that it may import. */
  readonly workspace: readonly string[];
  /** The only outside packages it may import. */
  readonly outside?: readonly string[];
}

/** The first rule that fits a package's folder is its own. */
const packageRules: readonly PackageRule[] = [
  { folder: /^schemas$/, workspace: [], outside: ['zod'] },
  { folder: /^registry$/, workspace: ['schemas'] },
  { folder: /^servers\/kit$/, workspace: ['schemas'] },
  { folder: /^servers\/(?:paths|network-guard|retrieval)$/, workspace: ['kit', 'schemas'] },
  { folder: /^servers\/git-runner$/, workspace: ['kit', 'network-guard', 'schemas'] },
  {
    folder: /^servers\/[a-z-]+$/,
    workspace: ['git-runner', 'kit', 'network-guard', 'paths', 'retrieval', 'schemas'],
  },
  { folder: /^agents\/runtime$/, workspace: ['kit', 'schemas'] },
  { folder: /^agents\/[a-z-]+$/, workspace: ['agent-runtime', 'kit', 'schemas'] },
  { folder: /^bridge$/, workspace: ['registry', 'schemas'] },
  { folder: /^bench$/, workspace: [] },
];

/** What each folder of the bridge may import of the others; the files beside them are everybody's. */
const folderRules: Record<string, readonly string[]> = {
  calls: ['flow', 'principals/caller', 'runs', 'secrets'],
  catalog: ['calls', 'flow', 'secrets', 'store', 'upstreams'],
  cli: [
    'edge/http/problem',
    'http-client',
    'processes',
    'settings',
    'stdio-proxy',
    'store',
    'telemetry',
  ],
  edge: ['calls', 'flow', 'principals/caller'],
  'edge/http': [
    'calls',
    'catalog',
    'edge',
    'flow',
    'principals',
    'runs',
    'sessions',
    'settings',
    'store',
    'telemetry',
    'upstreams',
  ],
  fast: ['calls', 'catalog', 'edge', 'mcp', 'principals', 'sessions'],
  flow: [],
  'http-client': [],
  mcp: ['calls', 'catalog', 'edge', 'flow', 'principals', 'sessions'],
  principals: ['store'],
  processes: [],
  rest: ['calls', 'edge', 'flow', 'mcp', 'principals', 'runs', 'store'],
  runs: ['flow', 'principals/caller', 'processes', 'secrets', 'store'],
  secrets: [],
  sessions: ['calls/call', 'principals/caller', 'secrets', 'store'],
  settings: ['secrets', 'upstreams/upstream'],
  'stdio-proxy': ['http-client'],
  store: ['flow', 'processes'],
  telemetry: ['calls', 'secrets', 'upstreams'],
  upstreams: ['calls', 'flow', 'principals/caller', 'processes'],
};

/** Outside packages that belong to some folders only. */
const outsideRules: readonly { readonly name: RegExp; readonly folders: readonly string[] }[] = [
  { name: /^@?hono(?:\/|$)/, folders: ['edge', 'edge/http', 'mcp', 'rest'] },
  { name: /^(?:drizzle-orm|pg|pg-copy-streams)(?:\/|$)/, folders: ['store'] },
];

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path));
}

function importsOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  return [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g)].flatMap(
    ([, name]) => name ?? [],
  );
}

/** The packages there are, by the patterns of the workspace. */
function findPackages(): string[] {
  const [, list = ''] =
    /^packages:\n((?: {2}- .+\n)+)/m.exec(
      readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8'),
    ) ?? [];
  const patterns = [...list.matchAll(/- '?([^'\n]+)/g)].flatMap(([, pattern]) => pattern ?? []);
  return patterns
    .flatMap((pattern) => {
      if (!pattern.endsWith('/*')) return [pattern];
      const parent = pattern.slice(0, -2);
      if (!existsSync(join(root, parent))) return [];
      return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`);
    })
    .filter((folder) => existsSync(join(root, folder, 'package.json')));
}

const packages = findPackages();

test('the packages are found', () => {
  expect(packages).toContain('bridge');
  expect(packages).toContain('servers/filesystem');
});

test.each(packages)('%s imports only what it may', (folder) => {
  const rule = packageRules.find((each) => each.folder.test(folder));
  expect(rule, `${folder} has no rule`).toBeDefined();
  const mistakes = sources(`${folder}/src`).flatMap((path) =>
    importsOf(path)
      .filter((name) => {
        if (name.startsWith('.')) {
          const target = resolve(root, dirname(path), name);
          return relative(join(root, folder), target).startsWith('..');
        }
        if (name.startsWith(ours)) {
          const [imported = ''] = name.slice(ours.length).split('/');
          return !rule?.workspace.includes(imported);
        }
        return rule?.outside !== undefined && !rule.outside.includes(name);
      })
      .map((name) => `${path} imports ${name}`),
  );
  expect(mistakes).toEqual([]);
});

/** The rule's name for a path below `bridge/src`; none for the files beside the folders. */
function toFolder(path: string): string | undefined {
  if (path.startsWith('edge/http/')) return 'edge/http';
  return path.includes('/') ? path.split('/')[0] : undefined;
}

test('the folders of the bridge know only what stands behind them', () => {
  const base = join(root, 'bridge/src');
  const mistakes = sources('bridge/src').flatMap((path) => {
    const folder = toFolder(relative(base, join(root, path)));
    if (folder === undefined) return [];
    const allowed = folderRules[folder];
    if (allowed === undefined) return [`${folder} has no rule`];
    return importsOf(path)
      .filter((name) => {
        if (!name.startsWith('.'))
          return outsideRules.some(
            (rule) => rule.name.test(name) && !rule.folders.includes(folder),
          );
        const target = relative(base, resolve(root, dirname(path), name));
        if (target.endsWith('package.json')) return false;
        const other = toFolder(target);
        if (other === undefined || other === folder) return false;
        return !allowed.some((each) => other === each || target.startsWith(`${each}`));
      })
      .map((name) => `${path} imports ${name}`);
  });
  expect(mistakes).toEqual([]);
});

test('no file of the bridge imports itself through others, types included', () => {
  const left = new Map(
    sources('bridge/src').map((path) => [
      path,
      importsOf(path)
        .filter((name) => name.startsWith('.'))
        .map((name) => relative(root, resolve(root, dirname(path), name))),
    ]),
  );
  // A file that imports nothing of the rest is in no circle; nor is one, then, that imports such alone.
  for (let before = 0; before !== left.size;) {
    before = left.size;
    for (const [path, targets] of left) {
      if (!targets.some((target) => left.has(target))) left.delete(path);
    }
  }
  // The same from the other end, so that what is left are the circles and what lies between them.
  for (let before = 0; before !== left.size;) {
    before = left.size;
    const imported = new Set([...left.values()].flat());
    for (const path of left.keys()) if (!imported.has(path)) left.delete(path);
  }
  expect([...left.keys()]).toEqual([]);
});

test('no rule is left of a folder that is gone', () => {
  const gone = Object.keys(folderRules).filter(
    (folder) => !existsSync(join(root, 'bridge/src', folder)),
  );
  expect(gone).toEqual([]);
});
