// Finding and reading `mcp.config.json`: JSON, with the comments and trailing commas that editors
// allow in such files.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { configFileSchema, type ConfigFile } from '@drawbridge/schemas';
import type { ParseError } from 'jsonc-parser';
import { toMessage } from '../errors.ts';
import { type Fault, toFaults } from './faults.ts';
import { parse, printParseErrorCode } from './jsonc.ts';

export const CONFIG_FILE_NAME = 'mcp.config.json';

/** The file named on the command line, else the one in `cwd`, else the one that ships with Drawbridge. */
export function findConfigFile(options: {
  readonly cwd: string;
  readonly configPath?: string | undefined;
  readonly packageRoot: string;
}): string {
  if (options.configPath !== undefined) return resolve(options.cwd, options.configPath);
  const own = join(options.cwd, CONFIG_FILE_NAME);
  return existsSync(own) ? own : join(options.packageRoot, CONFIG_FILE_NAME);
}

/** Reads the file, or checks `given` as if the file held it. */
export function readConfigFile(
  path: string,
  given?: string,
): { config: ConfigFile; faults: readonly Fault[] } {
  let text: string;
  try {
    text = given ?? readFileSync(path, 'utf8');
  } catch (error) {
    return broken([{ path, message: `cannot be read: ${toMessage(error)}` }]);
  }
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  if (errors.length > 0) return broken(errors.map((error) => toSyntaxFault(error, text, path)));
  const parsed = configFileSchema.safeParse(value);
  if (parsed.success) return { config: parsed.data, faults: [] };
  const faults = toFaults(parsed.error).map((fault) =>
    fault.path === '' ? { ...fault, path } : fault,
  );
  // Our own part at fault must not hide the faults of the servers.
  const servers = configFileSchema.safeParse(
    typeof value === 'object' && value !== null ? { ...value, drawbridge: {} } : value,
  );
  return servers.success ? { config: servers.data, faults } : broken(faults);
}

function broken(faults: readonly Fault[]) {
  return { config: configFileSchema.parse({}), faults };
}

function toSyntaxFault(error: ParseError, text: string, path: string): Fault {
  const before = text.slice(0, error.offset);
  const line = before.split('\n').length;
  const column = error.offset - before.lastIndexOf('\n');
  const words = printParseErrorCode(error.error)
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase();
  return { path: `${path}:${line}:${column}`, message: `not JSON: ${words}` };
}
