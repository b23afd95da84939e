// What knip, which finds unused code, takes as entries; packages are taken from the tree.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KnipConfig } from 'knip';

/** A package of ours, with what it has of an entry and tests. */
function describe(folder: string) {
  const has = (path: string) => existsSync(join(import.meta.dirname, folder, path));
  const entry = [
    ...(has('src/main.ts') ? ['src/main.ts'] : []),
    ...(has('test') ? ['test/**/*.test.ts'] : []),
  ];
  return {
    entry,
    project: ['src/**/*.ts', ...(has('test') ? ['test/**/*.ts'] : [])],
    // A bundle leaves packages with binaries outside, so a server depends on those that it takes through
    // another package of ours.
    ...(has('src/main.ts') && { ignoreDependencies: ['@vscode/ripgrep'] }),
  };
}

const packages = [
  'schemas',
  'registry',
  ...readdirSync(join(import.meta.dirname, 'servers')).map((name) => `servers/${name}`),
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
