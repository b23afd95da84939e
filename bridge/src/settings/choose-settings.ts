// Which text of the settings is in force. Settings are code: they name commands to run. So the bridge
// runs what was last allowed, not what the file says now, unless the file is one that only its owner
// can change and no tool reaches.
import { lstatSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { listServers } from '@drawbridge/registry';
import { DrawbridgeError } from '../errors.ts';
import { CONFIG_FILE_NAME, parseConfigText } from './config-file.ts';
import { isReadOnlyMount, isWrittenByOwnerOnly, readSettingsText } from './file-safety.ts';
import { type Home, listedHomes } from './homes.ts';
import { isInside, toRealPath } from './inside.ts';
import { rootsOf, toProjects } from './projects.ts';
import { type SettingsCopies, createSettingsCopies } from './settings-copies.ts';

export interface ChooseOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** From the command line. */
  readonly configPath?: string | undefined;
  readonly home: Home;
  readonly packageRoot: string;
}

/** A settings file whose text is not in force. */
export interface PendingSettings {
  readonly path: string;
  /** `new`: never allowed. `changed`, `removed`: not as it was allowed. `broken`: not readable as JSON. */
  readonly kind: 'new' | 'changed' | 'removed' | 'broken';
  /** In words, with what to do. */
  readonly message: string;
  /** What the file holds; undefined when it was removed or cannot be read. */
  readonly text: string | undefined;
}

export interface SettingsChoice {
  /** The file that the text in force belongs to; its relative paths count from this file's folder. */
  readonly path: string;
  readonly text: string;
  /** Whether a running bridge keeps the text as the file's copy. */
  readonly isToBeKept: boolean;
  readonly pending?: PendingSettings;
}

interface SettingsFile {
  /** Free of links; the copy's key. */
  readonly path: string;
  /** As it is reached. */
  readonly given: string;
  /** The operator named it, or it is the installation's own. */
  readonly isNamed: boolean;
}

/** What runs where nothing was allowed: the servers that ship with Drawbridge, as its own file has them. */
export function toBuiltinText(packageRoot: string): string {
  const servers = listServers(packageRoot);
  const toolsets: Record<string, string[]> = {};
  for (const { id, _meta: meta } of servers) {
    for (const [name, tools] of Object.entries(meta?.['io.drawbridge/toolsets'] ?? {})) {
      (toolsets[name] ??= []).push(...tools.map((tool) => `${id}__${tool}`));
    }
  }
  return JSON.stringify({
    mcpServers: Object.fromEntries(
      servers.map(({ id }) => [id, { command: 'drawbridge', args: ['server', id] }]),
    ),
    drawbridge: { toolsets },
  });
}

/** @throws DrawbridgeError `settings/invalid` for a file that was named and cannot be read. */
export function chooseSettings(options: ChooseOptions): SettingsChoice {
  const { cwd, configPath, packageRoot } = options;
  const copies = createSettingsCopies(options.home, options.env);
  if (configPath !== undefined) return judge(toNamed(resolve(cwd, configPath)), copies, options);
  const shipped = toNamed(join(packageRoot, CONFIG_FILE_NAME));
  const own = toFound(cwd);
  const isThere = lstatSync(own.given, { throwIfNoEntry: false }) !== undefined;
  if (own.path === shipped.path || (!isThere && copies.read(own.path) === undefined)) {
    return judge(shipped, copies, options);
  }
  const choice = judge(own, copies, options);
  const wasAllowed = choice.pending === undefined || copies.read(own.path) !== undefined;
  // A file that was never allowed counts as if it were not there.
  return wasAllowed ? choice : { ...judge(shipped, copies, options), pending: choice.pending };
}

/** Whether two texts mean the same settings, whatever their comments and spaces. */
export function isSameSettings(a: string, b: string): boolean {
  if (a === b) return true;
  const [one, other] = [parseConfigText(a), parseConfigText(b)];
  return (
    one.errors.length === 0 &&
    other.errors.length === 0 &&
    isDeepStrictEqual(one.value, other.value)
  );
}

function judge(file: SettingsFile, copies: SettingsCopies, options: ChooseOptions): SettingsChoice {
  const { path } = file;
  const copy = copies.read(path);
  const found = read(file);
  const builtin = toBuiltinText(options.packageRoot);
  const wait = (kind: PendingSettings['kind'], why: string): SettingsChoice => ({
    path,
    text: copy ?? builtin,
    isToBeKept: false,
    pending: { path, kind, text: found.text, message: toPendingMessage(path, why, copy) },
  });
  if (copy === undefined) {
    if (found.text === undefined && file.isNamed && found.error !== undefined) throw found.error;
    if (found.text === undefined) return wait('broken', `cannot be read`);
    if (isSameSettings(found.text, builtin)) {
      return { path, text: found.text, isToBeKept: false };
    }
    if (isFollowed(file, { text: found.text, isFirst: true }, options)) {
      return { path, text: found.text, isToBeKept: true };
    }
    const broken = toSyntaxIssue(found.text, path);
    return broken === undefined ? wait('new', 'was never allowed') : wait('broken', broken);
  }
  if (found.text === undefined) {
    return found.isMissing ? wait('removed', 'was removed') : wait('broken', 'cannot be read');
  }
  if (isSameSettings(found.text, copy)) return { path, text: copy, isToBeKept: false };
  const broken = toSyntaxIssue(found.text, path);
  if (broken !== undefined) return wait('broken', broken);
  if (isFollowed(file, { text: copy, isFirst: false }, options)) {
    return { path, text: found.text, isToBeKept: true };
  }
  return wait('changed', 'was changed');
}

/** Why a text is refused as a whole; undefined when it can be read. */
function toSyntaxIssue(text: string, path: string): string | undefined {
  const [first] = parseConfigText(text, path).errors;
  return first === undefined ? undefined : `cannot be used (${first.path}: ${first.message})`;
}

/** What the file holds, or why that cannot be told. */
function read({ given, path }: SettingsFile): {
  text?: string;
  isMissing: boolean;
  error?: unknown;
} {
  try {
    const text = readSettingsText(given);
    if (text !== undefined) return { text, isMissing: false };
    const message = 'cannot be read: there is no such file';
    const error = new DrawbridgeError('settings/invalid', `${path} ${message}`, {
      details: [{ path, message }],
    });
    return { isMissing: true, error };
  } catch (error) {
    return { isMissing: false, error };
  }
}

/**
 * Whether the file's text is in force without being allowed: only its owner can write it, and it lies
 * outside every root that is in force and outside every home. At first its own text says which roots
 * those are, so the working folder counts as one, and a file that nobody named is never followed.
 */
function isFollowed(
  { path, given, isNamed }: SettingsFile,
  { text, isFirst }: { readonly text: string; readonly isFirst: boolean },
  { cwd, env, home }: ChooseOptions,
): boolean {
  if (isReadOnlyMount(path)) return true;
  if (isFirst && !isNamed) return false;
  const { config } = parseConfigText(text);
  const roots = rootsOf(toProjects(config.drawbridge.projects, { configPath: path, cwd }));
  const closed = [...roots, ...(isFirst ? [cwd] : []), home.path, ...listedHomes(env)];
  return !closed.some((folder) => isInside(folder, path)) && isWrittenByOwnerOnly(given);
}

/**
 * The path under which a settings file is known, free of links. A file that was found in the working
 * folder counts as itself where it is a link: it may lead to another folder's settings.
 */
export function toSettingsKey(path: string, isNamed: boolean): string {
  return isNamed ? toRealPath(path) : join(toRealPath(dirname(path)), basename(path));
}

function toNamed(given: string): SettingsFile {
  return { path: toSettingsKey(given, true), given, isNamed: true };
}

function toFound(cwd: string): SettingsFile {
  const given = join(cwd, CONFIG_FILE_NAME);
  return { path: toSettingsKey(given, false), given, isNamed: false };
}

function toPendingMessage(path: string, why: string, copy: string | undefined): string {
  const inForce =
    copy === undefined
      ? 'only the servers that ship with Drawbridge run'
      : 'what was last allowed stays in force';
  return `The settings file ${path} ${why}; ${inForce}. \`drawbridge allow\` shows it and takes it over.`;
}
