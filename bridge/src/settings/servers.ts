// The server entries of the settings file, as MCP clients write them, turned into what the bridge
// starts: variables filled in, paths absolute, built-in servers found, defaults applied.
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import {
  type ConfigFile,
  type ServerOptions,
  httpServerSchema,
  serverNameSchema,
  serverOptionsSchema,
  stdioServerSchema,
} from '@drawbridge/schemas';
import type { ServerManifest } from '@drawbridge/registry';
import type { UpstreamConfig } from '../upstreams/upstream.ts';
import { parseBuiltin, toBuiltinCommand, toBuiltinEnv } from './builtin-server.ts';
import type { ParsedConfig } from './config-file.ts';
import { type Issue, toIssues } from './issues.ts';
import { isSecretName, toSecretValues } from '../secrets/setting-secrets.ts';
import { type VariableScope, expandVariables } from './variables.ts';
import { toRecord } from '../json-record.ts';

export interface ServerContext {
  readonly parsed: ParsedConfig;
  /** What is in force: a server whose entry became faulty stays as it was. */
  readonly previous: readonly UpstreamConfig[];
  readonly scope: VariableScope;
  /** The settings file; a relative `cwd` of an entry counts from its folder. */
  readonly configPath: string;
  readonly packageRoot: string;
  /** The servers that ship with Drawbridge. */
  readonly builtins: readonly ServerManifest[];
}

interface Resolved {
  readonly upstreams: readonly UpstreamConfig[];
  readonly secretValues: readonly string[];
  readonly issues: readonly Issue[];
}

/** The bridge's own tools are listed under this name. */
const RESERVED_NAME = 'bridge';

const expandedFields = ['command', 'args', 'env', 'cwd', 'url', 'headers'] as const;

export function resolveServers(context: ServerContext): Resolved {
  const { config, dropped, issues: found, value } = context.parsed;
  const issues: Issue[] = [];
  const secretValues: string[] = [];
  const upstreams = new Map<string, UpstreamConfig>();
  const isDropped = (...place: string[]) =>
    dropped.some((each) => each.every((key, index) => key === place[index]));
  const disable = (name: string, entry: Entry['entry'], because: readonly Issue[]) => {
    if (!serverNameSchema.safeParse(name).success) return;
    const issue = because.map(({ path, message }) => `${path}: ${message}`).join('; ');
    const before = context.previous.find((upstream) => upstream.name === name);
    upstreams.set(
      name,
      before !== undefined && before.options.enabled
        ? { ...before, issue }
        : toDisabled(name, entry, issue),
    );
  };

  for (const key of ['mcpServers', 'servers'] as const) {
    for (const [name, given] of Object.entries(toRecord(toRecord(value)[key]))) {
      const path = `${key}.${name}`;
      const entry = toRecord(given);
      const places = [path, `drawbridge.servers.${name}`];
      const known = found.filter(({ path: at }) =>
        places.some((mine) => isAt(at, mine) || isAt(mine, at)),
      );
      if (isDropped(key, name)) {
        disable(name, entry, known);
        continue;
      }
      if (key === 'servers' && upstreams.has(name)) {
        issues.push({ path, message: 'stands under "mcpServers" too; keep one of the two' });
        continue;
      }
      const options = ownOptions(config, name);
      const resolved = resolveServer({ name, path, entry, options }, context);
      issues.push(...resolved.issues);
      secretValues.push(...resolved.secretValues);
      const [upstream] = isDropped('drawbridge', 'servers', name) ? [] : resolved.upstreams;
      if (upstream === undefined) disable(name, entry, [...known, ...resolved.issues]);
      else upstreams.set(name, upstream);
    }
    // A list that cannot be read at all says nothing about its servers.
    if (isDropped(key)) {
      for (const before of context.previous) upstreams.set(before.name, before);
    }
  }
  for (const name of Object.keys(config.drawbridge.servers)) {
    if (upstreams.has(name)) continue;
    issues.push({
      path: `drawbridge.servers.${name}`,
      message: `there is no such server; configured: ${[...upstreams.keys()].join(', ') || 'none'}`,
    });
  }
  return { upstreams: [...upstreams.values()], secretValues, issues };
}

function isAt(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}.`);
}

/** A server that cannot be started: it is listed with its issue, and nothing of its entry is run. */
function toDisabled(name: string, entry: Entry['entry'], issue: string): UpstreamConfig {
  return {
    name,
    options: { ...serverOptionsSchema.parse({}), enabled: false },
    builtin: false,
    transport:
      entry['url'] === undefined
        ? { kind: 'stdio', command: '', args: [], env: {} }
        : { kind: 'http-or-sse', url: '', headers: {} },
    fingerprint: toFingerprint(['disabled', name]),
    issue,
  };
}

function ownOptions({ drawbridge: { servers } }: ConfigFile, name: string): ServerOptions {
  const own = Object.hasOwn(servers, name) ? servers[name] : undefined;
  return own ?? serverOptionsSchema.parse({});
}

interface Entry {
  readonly name: string;
  /** Where the entry stands in the file. */
  readonly path: string;
  readonly entry: Readonly<Record<string, unknown>>;
  readonly options: ServerOptions;
}

function resolveServer({ name, path, entry, options }: Entry, context: ServerContext): Resolved {
  const fail = (...issues: Issue[]): Resolved => ({ upstreams: [], secretValues: [], issues });
  if (name === RESERVED_NAME) {
    return fail({ path, message: `"${RESERVED_NAME}" is the bridge's own name; choose another` });
  }
  // Several clients switch a server off with `disabled`; it then needs none of its variables.
  const enabled = options.enabled && entry['disabled'] !== true;
  const expanded = expandEntry(entry, path, context.scope);
  const issues = enabled ? expanded.issues : [];
  const transport = toTransport(expanded.entry, path, context);
  if ('issues' in transport) return fail(...issues, ...transport.issues);
  if (issues.length > 0) return fail(...issues);
  const { builtin, secrets = [], ...rest } = transport;
  return {
    issues,
    secretValues: [...expanded.secretValues, ...secrets],
    upstreams: [
      {
        name,
        options: { ...options, enabled },
        builtin: builtin !== undefined,
        ...(builtin !== undefined && { shipped: builtin }),
        ...rest,
      },
    ],
  };
}

type Transport = Pick<UpstreamConfig, 'transport' | 'fingerprint'> & {
  readonly builtin: string | undefined;
  readonly secrets?: readonly string[];
};

function toTransport(
  entry: Readonly<Record<string, unknown>>,
  path: string,
  context: ServerContext,
): Transport | { issues: Issue[] } {
  const hasCommand = entry['command'] !== undefined;
  if (hasCommand === (entry['url'] !== undefined)) {
    const message = 'a server has either "command" (a process) or "url" (over HTTP)';
    return {
      issues: [{ path, message: `${message}; this one has ${hasCommand ? 'both' : 'neither'}` }],
    };
  }
  if (!hasCommand) {
    const parsed = httpServerSchema.safeParse(entry);
    if (!parsed.success) return { issues: toIssues(parsed.error, path) };
    const { type, url, headers } = parsed.data;
    const kind = type === undefined ? 'http-or-sse' : type === 'sse' ? 'sse' : 'http';
    return {
      builtin: undefined,
      transport: { kind, url, headers },
      fingerprint: toFingerprint([kind, url, Object.keys(headers).sort()]),
    };
  }
  const parsed = stdioServerSchema.safeParse(entry);
  if (!parsed.success) return { issues: toIssues(parsed.error, path) };
  const { command, args, env } = parsed.data;
  const cwd =
    parsed.data.cwd === undefined
      ? {}
      : { cwd: resolve(dirname(context.configPath), parsed.data.cwd) };
  const builtin = parseBuiltin(command, args);
  // As written, not as started: a built-in server is the same one from sources and from its bundle.
  const fingerprint = toFingerprint(['stdio', command, args, Object.keys(env).sort()]);
  if (builtin === undefined) {
    const transport = { kind: 'stdio', command, args, env, ...cwd } as const;
    return { builtin: undefined, transport, fingerprint };
  }
  const manifest = context.builtins.find(({ id }) => id === builtin.name);
  if (manifest === undefined) {
    const names = context.builtins.map(({ id }) => id).join(', ');
    const message = `"${builtin.name}" does not ship with Drawbridge; there are: ${names}`;
    return { issues: [{ path: `${path}.args.1`, message }] };
  }
  const own = toBuiltinEnv(manifest, context.scope.env);
  return {
    builtin: builtin.name,
    secrets: own.secrets,
    transport: {
      kind: 'stdio',
      ...toBuiltinCommand(context.packageRoot, builtin.name, builtin.args),
      env: { ...stateFolderOf(context.scope.env), ...own.env, ...env },
      ...cwd,
    },
    fingerprint,
  };
}

/** Where the list of this user's homes lies, none of which a server opens. */
function stateFolderOf(env: VariableScope['env']): Record<string, string> {
  const { XDG_STATE_HOME: folder } = env;
  return folder === undefined ? {} : { XDG_STATE_HOME: folder };
}

/** Values of `env` and `headers` are left out, so that a renewed token does not make another server. */
function toFingerprint(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function expandEntry(
  entry: Readonly<Record<string, unknown>>,
  path: string,
  scope: VariableScope,
): { entry: Record<string, unknown>; secretValues: string[]; issues: Issue[] } {
  const secretValues: string[] = [];
  const issues: Issue[] = [];
  const expand = (value: unknown, at: string, key: string, isPrivate: boolean): unknown => {
    if (Array.isArray(value)) {
      return value.map((item, index) => expand(item, `${at}.${index}`, key, isPrivate));
    }
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [
          name,
          expand(item, `${at}.${name}`, name, isPrivate),
        ]),
      );
    }
    if (typeof value !== 'string') return value;
    const { text, issues: found, used } = expandVariables(value, at, scope);
    issues.push(...found);
    for (const variable of used) {
      // Paths come from variables too (`${HOME}`), and hiding them everywhere would blind the log.
      const looksLikePath = /^([A-Za-z]:)?[\\/]/.test(variable.value);
      if (isSecretName(variable.name) || (isPrivate && !looksLikePath)) {
        secretValues.push(...toSecretValues(variable.value));
      }
    }
    if (isPrivate && isSecretName(key)) secretValues.push(...toSecretValues(text));
    return text;
  };
  const fields = expandedFields
    .filter((field) => entry[field] !== undefined)
    .map((field) => [
      field,
      expand(entry[field], `${path}.${field}`, field, field === 'env' || field === 'headers'),
    ]);
  return { entry: { ...entry, ...Object.fromEntries(fields) }, secretValues, issues };
}
