// `"command": "drawbridge", "args": ["server", NAME]` in the settings. The same entry works in any
// other client with `drawbridge` on the PATH; here it starts the server's own file directly, without
// the command line in between.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

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
 * the sources are newer. The bundle lists the folders it was made from.
 */
export function toBuiltinCommand(
  packageRoot: string,
  name: string,
  args: readonly string[],
): { command: string; args: string[] } {
  const folder = join(packageRoot, 'servers', name);
  const bundle = join(folder, 'dist', 'main.js');
  const main = join(folder, 'src', 'main.ts');
  if (existsSync(bundle) && (!existsSync(main) || isFresh(bundle, folder))) {
    return { command: process.execPath, args: [bundle, ...args] };
  }
  // By URL, because a bare `tsx` would be looked for from the folder the server is started in.
  const tsx = createRequire(join(packageRoot, 'package.json')).resolve('tsx');
  return { command: process.execPath, args: ['--import', pathToFileURL(tsx).href, main, ...args] };
}

/** Relative to the server's folder; scripts/bundle.mjs writes it. */
const sourcesSchema = z.array(z.string());

/** A bundle that was not finished lists no sources. */
function isFresh(bundle: string, folder: string): boolean {
  const list = join(folder, 'dist', 'sources.json');
  if (!existsSync(list)) return false;
  const made = statSync(bundle).mtimeMs;
  return sourcesSchema
    .parse(JSON.parse(readFileSync(list, 'utf8')))
    .map((path) => join(folder, path))
    .filter((source) => existsSync(source))
    .flatMap((source) =>
      readdirSync(source, { recursive: true, encoding: 'utf8' }).map((name) => join(source, name)),
    )
    .every((file) => statSync(file).mtimeMs <= made);
}
