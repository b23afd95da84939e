// The picture of the architecture, as a test: which folder may import which. It reads every import
// of every source file, so a shortcut between two parts fails here before it becomes a habit.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');

/** By package: the workspace packages and the outside packages whose use is restricted. */
const packages: Record<string, { workspace: string[]; only?: string[] }> = {
  schemas: { workspace: [], only: ['zod'] },
  registry: { workspace: ['@drawbridge/schemas'] },
  'servers/kit': { workspace: ['@drawbridge/schemas'] },
  'servers/filesystem': { workspace: ['@drawbridge/kit', '@drawbridge/schemas'] },
  bridge: { workspace: ['@drawbridge/registry', '@drawbridge/schemas'] },
  bench: { workspace: [] },
};

/** By folder of the bridge: which other folders it must not know. */
const edges: Record<string, RegExp> = {
  calls: /^(fronts|cli|store|upstreams|catalog|principals|sessions|settings|telemetry)\//,
  catalog: /^(fronts|cli|runs|principals|sessions|settings)\//,
  upstreams: /^(fronts|cli|runs|catalog|principals|sessions|settings|store)\//,
  runs: /^(fronts|cli|catalog|upstreams|principals|sessions|settings)\//,
  edge: /^(fronts|cli|runs|catalog|upstreams|principals|sessions|settings|store|telemetry)\//,
  fronts: /^(cli|store\/(?!idempotency-keys))/,
  // The store implements the upstreams' port for what it remembers of them.
  store: /^(fronts|cli|calls|catalog|upstreams\/(?!era-memory)|principals|sessions|settings)\//,
  settings: /^(fronts|cli|runs|catalog|principals|sessions|store)\//,
};
const httpFrameworks = /^(hono|@hono\/)/;
const sqlDrivers = /^pg(-copy-streams)?$/;

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

test.each(Object.entries(packages))(
  '%s imports only what it may',
  (folder, { workspace, only }) => {
    const faults = sources(`${folder}/src`).flatMap((path) =>
      importsOf(path)
        .filter((name) => {
          if (name.startsWith('.')) {
            return relative(join(root, folder), resolve(root, dirname(path), name)).startsWith(
              '..',
            );
          }
          if (name.startsWith('@drawbridge/'))
            return !workspace.some((allowed) => name === allowed || name.startsWith(`${allowed}/`));
          return only !== undefined && !only.includes(name);
        })
        .map((name) => `${path} imports ${name}`),
    );
    expect(faults).toEqual([]);
  },
);

test('the folders of the bridge know only what stands behind them', () => {
  const base = join(root, 'bridge/src');
  const faults = sources('bridge/src').flatMap((path) => {
    const folder = relative(base, join(root, path)).split('/')[0] ?? '';
    return importsOf(path)
      .filter((name) => {
        if (name.startsWith('.')) {
          const target = relative(base, resolve(root, dirname(path), name));
          return edges[folder]?.test(target) ?? false;
        }
        if (httpFrameworks.test(name)) return folder !== 'fronts';
        return sqlDrivers.test(name) && folder !== 'store';
      })
      .map((name) => `${path} imports ${name}`);
  });
  expect(faults).toEqual([]);
});
