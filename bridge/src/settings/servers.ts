// The server entries of the settings file, as MCP clients write them, turned into what the bridge
// starts: variables filled in, paths absolute, built-in servers found, defaults applied.
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import {
  type ConfigFile,
  type ServerOptions,
  httpServerSchema,
  serverOptionsSchema,
  stdioServerSchema,
} from '@drawbridge/schemas';
import type { UpstreamConfig } from '../upstreams/upstream.ts';
import { parseBuiltin, toBuiltinCommand } from './builtin-server.ts';
import { type Fault, toFaults } from './faults.ts';
import { isSecretName, toSecretValues } from './secrets.ts';
import { type VariableScope, expandVariables } from './variables.ts';

export interface ServerContext {
  readonly scope: VariableScope;
  /** The settings file; a relative `cwd` of an entry counts from its folder. */
  readonly configPath: string;
  readonly packageRoot: string;
  /** Ids of the servers that ship with Drawbridge. */
  readonly builtins: readonly string[];
}

interface Resolved {
  readonly upstreams: readonly UpstreamConfig[];
  readonly secretValues: readonly string[];
  readonly faults: readonly Fault[];
}

/** The bridge's own tools are listed under this name. */
const RESERVED_NAME = 'bridge';

const expandedFields = ['command', 'args', 'env', 'cwd', 'url', 'headers'] as const;

export function resolveServers(config: ConfigFile, context: ServerContext): Resolved {
  const upstreams: UpstreamConfig[] = [];
  const secretValues: string[] = [];
  const faults: Fault[] = [];
  const known = { ...config.servers, ...config.mcpServers };
  for (const key of ['mcpServers', 'servers'] as const) {
    for (const [name, entry] of Object.entries(config[key] ?? {})) {
      const path = `${key}.${name}`;
      if (key === 'servers' && Object.hasOwn(config.mcpServers ?? {}, name)) {
        faults.push({ path, message: 'stands under "mcpServers" too; keep one of the two' });
        continue;
      }
      const options = ownOptions(config, name);
      const resolved = resolveServer({ name, path, entry, options }, context);
      faults.push(...resolved.faults);
      secretValues.push(...resolved.secretValues);
      upstreams.push(...resolved.upstreams);
    }
  }
  for (const name of Object.keys(config.drawbridge.servers)) {
    if (Object.hasOwn(known, name)) continue;
    faults.push({
      path: `drawbridge.servers.${name}`,
      message: `there is no such server; configured: ${Object.keys(known).join(', ') || 'none'}`,
    });
  }
  return { upstreams, secretValues, faults };
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
  const fail = (...faults: Fault[]): Resolved => ({ upstreams: [], secretValues: [], faults });
  if (name === RESERVED_NAME) {
    return fail({ path, message: `"${RESERVED_NAME}" is the bridge's own name; choose another` });
  }
  // Several clients switch a server off with `disabled`; it then needs none of its variables.
  const enabled = options.enabled && entry['disabled'] !== true;
  const expanded = expandEntry(entry, path, context.scope);
  const faults = enabled ? expanded.faults : [];
  const transport = toTransport(expanded.entry, path, context);
  if ('faults' in transport) return fail(...faults, ...transport.faults);
  if (faults.length > 0) return fail(...faults);
  const { builtin, ...rest } = transport;
  return {
    faults,
    secretValues: expanded.secretValues,
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
};

function toTransport(
  entry: Readonly<Record<string, unknown>>,
  path: string,
  context: ServerContext,
): Transport | { faults: Fault[] } {
  const hasCommand = entry['command'] !== undefined;
  if (hasCommand === (entry['url'] !== undefined)) {
    const message = 'a server has either "command" (a process) or "url" (over HTTP)';
    return {
      faults: [{ path, message: `${message}; this one has ${hasCommand ? 'both' : 'neither'}` }],
    };
  }
  if (!hasCommand) {
    const parsed = httpServerSchema.safeParse(entry);
    if (!parsed.success) return { faults: toFaults(parsed.error, path) };
    const { type, url, headers } = parsed.data;
    const kind = type === undefined ? 'http-or-sse' : type === 'sse' ? 'sse' : 'http';
    return {
      builtin: undefined,
      transport: { kind, url, headers },
      fingerprint: toFingerprint([kind, url, Object.keys(headers).sort()]),
    };
  }
  const parsed = stdioServerSchema.safeParse(entry);
  if (!parsed.success) return { faults: toFaults(parsed.error, path) };
  const { command, args, env } = parsed.data;
  const cwd =
    parsed.data.cwd === undefined
      ? context.scope.workspaceFolder
      : resolve(dirname(context.configPath), parsed.data.cwd);
  const builtin = parseBuiltin(command, args);
  if (builtin !== undefined && !context.builtins.includes(builtin.name)) {
    const message = `"${builtin.name}" does not ship with Drawbridge; there are: ${context.builtins.join(', ')}`;
    return { faults: [{ path: `${path}.args.1`, message }] };
  }
  const start =
    builtin === undefined
      ? { command, args }
      : toBuiltinCommand(context.packageRoot, builtin.name, builtin.args);
  return {
    builtin: builtin?.name,
    transport: { kind: 'stdio', ...start, env, cwd },
    // As written, not as started: a built-in server is the same one from sources and from its bundle.
    fingerprint: toFingerprint(['stdio', command, args, Object.keys(env).sort()]),
  };
}

/** Values of `env` and `headers` are left out, so that a renewed token does not make another server. */
function toFingerprint(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function expandEntry(
  entry: Readonly<Record<string, unknown>>,
  path: string,
  scope: VariableScope,
): { entry: Record<string, unknown>; secretValues: string[]; faults: Fault[] } {
  const secretValues: string[] = [];
  const faults: Fault[] = [];
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
    const { text, faults: found, used } = expandVariables(value, at, scope);
    faults.push(...found);
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
  return { entry: { ...entry, ...Object.fromEntries(fields) }, secretValues, faults };
}
