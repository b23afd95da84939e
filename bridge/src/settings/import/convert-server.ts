// One server of a client as one entry of our settings. Only what our settings know is taken over; what
// is left behind is told, so that nothing is lost in silence.
import { statSync } from 'node:fs';
import { isAbsolute, join, posix, win32 } from 'node:path';
import type { ClientServer } from './client-file.ts';
import { type VariableContext, convertVariables } from './client-variables.ts';
import type { ServerEntry } from '../edit-config.ts';

export interface ConvertContext extends VariableContext {
  /** Whether a URL is that of this very bridge. */
  readonly isOwnUrl: (url: URL) => boolean;
}

export interface ConvertedServer {
  /** Our settings allow fewer characters in it. */
  readonly name: string;
  readonly entry: ServerEntry;
  /** What was changed or left behind. */
  readonly notes: readonly string[];
  readonly used: readonly { readonly variable: string; readonly reason?: string }[];
}

const FIELDS = ['type', 'command', 'args', 'env', 'cwd', 'url', 'headers', 'disabled'];
const TYPES: Readonly<Record<string, string>> = {
  stdio: 'stdio',
  http: 'http',
  'streamable-http': 'streamable-http',
  streamableHttp: 'http',
  sse: 'sse',
};

/** The entry, or why it cannot be taken over. */
export function convertServer(
  server: ClientServer,
  context: ConvertContext,
): ConvertedServer | { readonly reason: string } {
  const { entry, project } = server;
  const { type } = entry;
  if (isDrawbridge(entry, context)) return { reason: 'is Drawbridge itself' };
  if (type !== undefined && !Object.hasOwn(TYPES, String(type))) {
    return { reason: `its type is "${String(type)}", which is not supported` };
  }
  if ((entry['command'] === undefined) === (entry['url'] === undefined)) {
    return { reason: 'it needs either a command or a url' };
  }
  const unknown = new Set<string>();
  const used: { variable: string; reason?: string }[] = [];
  const convert = (value: unknown): unknown => {
    if (typeof value === 'string') {
      const converted = convertVariables(value, context);
      for (const name of converted.unknown) unknown.add(name);
      used.push(...converted.used);
      return converted.text;
    }
    if (Array.isArray(value)) return value.map((item) => convert(toText(item)));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, item]) =>
        item === null ? [] : [[key, convert(toText(item))]],
      ),
    );
  };
  const taken = Object.fromEntries(
    FIELDS.filter((field) => entry[field] !== undefined && entry[field] !== false).map((field) => [
      field,
      field === 'type' ? TYPES[String(type)] : convert(entry[field]),
    ]),
  );
  if (unknown.size > 0) {
    return { reason: `${[...unknown].join(', ')} has no meaning outside of its client` };
  }
  // A client starts a project's server in the project. Here it does only where its paths need it: there
  // a package runner would find the project's own programs first.
  if (project !== undefined && needsFolder(taken, project)) taken['cwd'] ??= project;
  const name = toName(server.name);
  const left = Object.keys(entry).filter((field) => !FIELDS.includes(field));
  return {
    name,
    entry: taken,
    used,
    notes: [
      ...(name === server.name ? [] : [`is called ${name} here, as "${server.name}" is no name`]),
      ...(left.includes('envFile')
        ? ['its envFile is not read: set those variables in the environment']
        : []),
      ...left
        .filter((field) => field !== 'envFile')
        .map((field) => `"${field}" was left behind: it is its client’s own`),
    ],
  };
}

/** Whether the command or an argument is a path that counts from the project. */
function needsFolder(entry: ServerEntry, project: string): boolean {
  const { command, args } = entry;
  if (command === undefined) return false;
  return [command, ...(Array.isArray(args) ? args : [])].some((text) => {
    const path = String(text);
    return /^\.{1,2}([\\/]|$)/.test(path) || (!isAbsolute(path) && isFile(join(project, path)));
  });
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Letters, digits, `_`, `.`, `-`, no `__`, 48 characters, and not the bridge's own name. */
function toName(name: string): string {
  const plain = name
    .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
    .replaceAll(/_{2,}/g, '_')
    .replaceAll(/^[^A-Za-z0-9]+/g, '')
    .slice(0, 48);
  return plain === '' || plain === 'bridge' ? `${plain || 'imported'}-server` : plain;
}

/** Clients also write numbers and booleans where a process gets text. */
function toText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

/** An entry that leads back to a bridge would make it call itself. Its built-in servers are others. */
function isDrawbridge(
  entry: Readonly<Record<string, unknown>>,
  { isOwnUrl, platform }: ConvertContext,
): boolean {
  const { basename } = platform === 'win32' ? win32 : posix;
  const args = Array.isArray(entry['args']) ? entry['args'].map(String) : [];
  const words = [String(entry['command'] ?? ''), ...args];
  const at = words.findIndex((word) => /^drawbridge(?:\.(?:js|cmd|exe))?$/.test(basename(word)));
  if (at !== -1 && words[at + 1] !== 'server') return true;
  const headers = JSON.stringify(entry['headers'] ?? {});
  if (/\bdbk_/.test(headers)) return true;
  return [String(entry['url'] ?? ''), ...args].some(
    (text) => URL.canParse(text) && isOwnUrl(new URL(text)),
  );
}
