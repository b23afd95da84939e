// What knip, which finds unused code, takes as entries; packages are taken from the tree.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { KnipConfig } from 'knip';

/** Relative to the folder above the one given. */
function filesIn(folder: string): string[] {
  const part = basename(folder);
  return readdirSync(join(import.meta.dirname, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `${part}/${path}`);
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(import.meta.dirname, folder, 'package.json'), 'utf8'));
}

/**
 * A bundle leaves packages with binaries outside, so a server depends on those that it takes through
 * another package of ours: here, whatever both depend on.
 */
function outsideOf(folder: string): string[] {
  const { dependencies = {} } = readManifest(folder);
  const shared = packages
    .filter((each) => Object.hasOwn(dependencies, readManifest(each).name))
    .flatMap((each) => Object.keys(readManifest(each).dependencies ?? {}));
  const text = filesIn(`${folder}/src`)
    .map((path) => readFileSync(join(import.meta.dirname, folder, path), 'utf8'))
    .join();
  return Object.keys(dependencies).filter(
    (name) => shared.includes(name) && !text.includes(`'${name}'`),
  );
}

/** A package of ours, with what it has of an entry and tests. */
function describe(folder: string) {
  const has = (path: string) => existsSync(join(import.meta.dirname, folder, path));
  const files = ['src', 'test'].filter(has).flatMap((part) => filesIn(`${folder}/${part}`));
  const entry = files.filter((path) => /^src\/main\.ts$|\.worker\.ts$/.test(path));
  return {
    entry,
    project: ['src/**/*.ts', ...(has('test') ? ['test/**/*.ts'] : [])],
    ...(has('src/main.ts') && { ignoreDependencies: outsideOf(folder) }),
  };
}

const packages = [
  'schemas',
  'registry',
  ...['servers', 'agents']
    .filter((parent) => existsSync(join(import.meta.dirname, parent)))
    .flatMap((parent) =>
      readdirSync(join(import.meta.dirname, parent)).map((name) => `${parent}/${name}`),
    ),
].filter((folder) => existsSync(join(import.meta.dirname, folder, 'package.json')));

const config: KnipConfig = {
  workspaces: {
    '.': {
      entry: [
        'scripts/*.{mjs,ts}',
        'scripts/soak/*.mjs',
        'scripts/attack/*.mjs',
        'scripts/attack/*-process.ts',
        'bin/*.js',
        'test/**/*.test.ts',
      ],
      project: ['scripts/**', 'test/**'],
    },
    bridge: {
      entry: [
        'src/cli/main.ts',
        'src/worker.ts',
        'test/**/*.test.ts',
        'test/support/servers/*.{ts,mjs}',
        'test/store/owner-process.ts',
      ],
      project: ['src/**/*.ts', 'test/**/*.ts'],
      ignoreDependencies: ['swagger-ui-dist', '@modelcontextprotocol/server-everything'],
    },
    bench: {
      entry: ['src/load/main.ts', 'src/server/*-server.mjs', 'test/**/*.test.ts'],
      project: ['src/**/*.{ts,mjs}', 'test/**/*.ts'],
      ignoreDependencies: ['mcp-hub', 'mcp-proxy', 'supergateway'],
    },
    ...Object.fromEntries(packages.map((folder) => [folder, describe(folder)])),
  },
  ignoreBinaries: ['flock', 'setpriv', 'unshare'],
  ignoreExportsUsedInFile: true,
};

export default config;
