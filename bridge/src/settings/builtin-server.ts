// `"command": "drawbridge", "args": ["server", NAME]` in the settings. The same entry works in any
// other client with `drawbridge` on the PATH; here it starts the server's own file directly, without
// the command line in between.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The name and arguments of a built-in server's entry; nothing for any other command. */
export function parseBuiltin(
  command: string,
  args: readonly string[],
): { name: string; args: readonly string[] } | undefined {
  const [verb, name, ...rest] = args;
  if (command !== 'drawbridge' || verb !== 'server' || name === undefined) return undefined;
  return { name, args: rest };
}

/**
 * How to start a built-in server: its bundle, or its sources through tsx where there is no bundle or
 * the sources are newer.
 */
export function toBuiltinCommand(
  packageRoot: string,
  name: string,
  args: readonly string[],
): { command: string; args: string[] } {
  const bundle = join(packageRoot, 'servers', name, 'dist', 'main.js');
  const main = join(packageRoot, 'servers', name, 'src', 'main.ts');
  if (existsSync(bundle) && (!existsSync(main) || isNewer(bundle, toSources(packageRoot, name)))) {
    return { command: process.execPath, args: [bundle, ...args] };
  }
  // By URL, because a bare `tsx` would be looked for from the folder the server is started in.
  const tsx = createRequire(join(packageRoot, 'package.json')).resolve('tsx');
  return { command: process.execPath, args: ['--import', pathToFileURL(tsx).href, main, ...args] };
}

/** The folders that a server is made from: its own, what servers share, and the schemas. */
function toSources(packageRoot: string, name: string): readonly string[] {
  const servers = join(packageRoot, 'servers');
  const shared = readdirSync(servers).filter(
    (each) => each === name || !existsSync(join(servers, each, 'src', 'main.ts')),
  );
  return [...shared.map((each) => join(servers, each, 'src')), join(packageRoot, 'schemas', 'src')];
}

function isNewer(file: string, folders: readonly string[]): boolean {
  const made = statSync(file).mtimeMs;
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .every((source) => statSync(source).mtimeMs <= made);
}
