// Commands of the settings that lie where calls may write: whoever can call a tool that writes files
// could then decide what the bridge runs.
import { statSync } from 'node:fs';
import { isAbsolute, join, resolve, sep } from 'node:path';
import type { UpstreamConfig } from '../upstreams/upstream.ts';
import { isInside } from './inside.ts';
import type { Settings } from './settings.ts';
import { rootsOf } from './projects.ts';

export interface ProjectCode {
  readonly server: string;
  /** In words, with what to do. */
  readonly message: string;
}

/** The servers whose command, script or working folder lies in a root. */
export function findProjectCode(
  settings: Pick<Settings, 'upstreams' | 'projects' | 'home' | 'serversFolder'>,
): ProjectCode[] {
  const roots = rootsOf(settings.projects);
  const inRoot = (path: string) =>
    isInside(settings.home, path) ? undefined : roots.find((root) => isInside(root, path));
  return settings.upstreams.flatMap((upstream) =>
    toPlaces(upstream, settings.serversFolder).flatMap(({ what, path }) => {
      const root = inRoot(path);
      if (root === undefined) return [];
      const message = `${upstream.name}: its ${what} ${path} lies in the root ${root}, so whoever may write there decides what the bridge runs; move it out of the roots`;
      return [{ server: upstream.name, message }];
    }),
  );
}

function toPlaces(
  { name, builtin, transport, options }: UpstreamConfig,
  serversFolder: string,
): { what: string; path: string }[] {
  if (builtin || transport.kind !== 'stdio' || !options.enabled) return [];
  const { command, args, cwd } = transport;
  const base = cwd ?? join(serversFolder, name);
  const isPath = (text: string) => isAbsolute(text) || text.includes('/') || text.includes(sep);
  // `--import=./hook.mjs` names a script as much as `./hook.mjs` does.
  const scripts = args
    .flatMap((arg) => [arg, arg.slice(arg.indexOf('=') + 1)])
    .map((arg) => resolve(base, arg))
    .filter(isFile);
  return [
    ...(isPath(command) ? [{ what: 'command', path: resolve(base, command) }] : []),
    ...[...new Set(scripts)].map((path) => ({ what: 'script', path })),
    ...(cwd === undefined ? [] : [{ what: 'working folder', path: cwd }]),
  ];
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
