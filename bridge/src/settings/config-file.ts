// Finding and reading `mcp.config.json`: JSON, with the comments and trailing commas that editors
// allow in such files. Text that is not JSON is refused as a whole; a wrong value costs only what it
// stands in: a server, a project, a toolset, a limit.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { configFileSchema, type ConfigFile } from '@drawbridge/schemas';
import type { ParseError } from 'jsonc-parser';
import type { z } from 'zod';
import { type Issue, toIssues } from './issues.ts';
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

/** A place in the file, such as `['drawbridge', 'limits', 'bodyBytes']`. */
export type Place = readonly string[];

export interface ParsedConfig {
  /** As the file says it, before any check. */
  readonly value: unknown;
  /** What could be read; without what stands at `dropped`. */
  readonly config: ConfigFile;
  /** Why the text is refused as a whole; then `config` is empty. */
  readonly errors: readonly Issue[];
  /** What is wrong in it. */
  readonly issues: readonly Issue[];
  /** The places that were left out for their issues. */
  readonly dropped: readonly Place[];
}

/** Deeper than any settings go; what compares and copies them is recursive. */
const MAX_DEPTH = 64;

/** `path` names the file in the issues. */
export function parseConfigText(text: string, path = CONFIG_FILE_NAME): ParsedConfig {
  const syntaxErrors: ParseError[] = [];
  const value = parseBounded(text, syntaxErrors);
  const refuse = (errors: readonly Issue[]): ParsedConfig => ({
    value,
    config: configFileSchema.parse({}),
    errors,
    issues: [],
    dropped: [],
  });
  if (value === TOO_DEEP) {
    return refuse([{ path, message: `nested deeper than ${MAX_DEPTH} levels` }]);
  }
  if (syntaxErrors.length > 0) {
    return refuse(syntaxErrors.map((error) => toSyntaxIssue(error, text, path)));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse([{ path, message: 'an object is expected: { "mcpServers": { … } }' }]);
  }
  return { value, errors: [], ...takeWhatIsRight(value) };
}

const TOO_DEEP = Symbol('too deep');

function parseBounded(text: string, errors: ParseError[]): unknown {
  let value: unknown;
  try {
    value = parse(text, errors, { allowTrailingComma: true });
  } catch (error) {
    if (error instanceof RangeError) return TOO_DEEP;
    throw error;
  }
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return TOO_DEEP;
    level = level.flatMap((item) =>
      typeof item === 'object' && item !== null ? (Object.values(item) as unknown[]) : [],
    );
  }
  return value;
}

/** Leaves out what is wrong, piece by piece, until the rest can be read. */
function takeWhatIsRight(value: object): Pick<ParsedConfig, 'config' | 'issues' | 'dropped'> {
  const rest = structuredClone(value);
  const issues: Issue[] = [];
  const dropped: Place[] = [];
  for (;;) {
    const parsed = configFileSchema.safeParse(rest);
    if (parsed.success) return { config: parsed.data, issues, dropped };
    issues.push(...toIssues(parsed.error));
    const places = parsed.error.issues.flatMap(toPlaces);
    const gone = places.filter((place) => remove(rest, place));
    // Each round leaves out something, so there is a last one.
    if (gone.length === 0) return { config: configFileSchema.parse({}), issues, dropped: [[]] };
    dropped.push(...gone);
  }
}

/** What an issue makes unusable: the smallest piece that means something by itself. */
function toPlaces(issue: z.core.$ZodIssue): Place[] {
  const path = issue.path.map(String);
  const [key = '', part, name] = path;
  if (issue.code === 'unrecognized_keys' && path.length < 3) {
    return issue.keys.map((unknown) => [...path, unknown]);
  }
  if (key !== 'drawbridge') return [path.slice(0, 2)];
  if (part === undefined || name === undefined) return [path.slice(0, 2)];
  const isOneSetting = part === 'cors' || part === 'allowedHosts';
  return [isOneSetting ? [key, part] : [key, part, name]];
}

/** Answers whether there was something. */
function remove(value: object, place: Place): boolean {
  const last = place.at(-1);
  if (last === undefined) return false;
  const holder = place
    .slice(0, -1)
    .reduce<unknown>(
      (inner, key) =>
        typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined,
      value,
    );
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, last)) return false;
  return Reflect.deleteProperty(holder, last);
}

function toSyntaxIssue(error: ParseError, text: string, path: string): Issue {
  const before = text.slice(0, error.offset);
  const line = before.split('\n').length;
  const column = error.offset - before.lastIndexOf('\n');
  const words = printParseErrorCode(error.error)
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase();
  return { path: `${path}:${line}:${column}`, message: `not JSON: ${words}` };
}
