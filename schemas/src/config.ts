// `mcp.config.json`: `mcpServers` (or VS Code's `servers`) as MCP clients write it, and one key of
// ours, `drawbridge`, so that the same file works elsewhere. Unknown keys of a server entry are
// other clients' own and are let through; unknown keys under `drawbridge` are issues.
import { z } from 'zod';

/** What a server or project may be called. */
export const serverNameSchema = z
  .string()
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,47}$/,
    'letters, digits, "_", "." and "-", 48 characters at most',
  )
  .refine(
    (value) => !value.includes('__'),
    '"__" separates a server from its tool and cannot stand in a name',
  );

/** A strict object whose issue for an unknown key says which keys there are. */
function strict<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown key ${issue.keys.map((key) => `"${key}"`).join(', ')}; allowed: ${Object.keys(shape).join(', ')}`
        : undefined,
  });
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A length of time in milliseconds: a whole number, or text such as `500ms`, `30s`, `5m`, `1h`. */
const duration = z.union(
  [
    z.number().int().nonnegative(),
    z
      .string()
      .regex(/^\d+(ms|s|m|h)$/)
      .transform((text) => {
        const [, amount = '0', unit = 'ms'] = /^(\d+)(\w+)$/.exec(text) ?? [];
        return Number(amount) * (unitMs[unit] ?? 1);
      }),
  ],
  { error: 'expected a whole number of milliseconds, or text such as "500ms", "30s", "5m", "1h"' },
);

/** A length of time that is not zero. */
function timeout(ms: number) {
  return duration.refine((value) => value > 0, 'must be more than 0').default(ms);
}

/** A number of bytes; the default in MiB. */
function bytes(mebibytes: number) {
  return z
    .number()
    .int()
    .positive()
    .default(mebibytes * 1024 * 1024);
}

/** What a tool may do: believed from settings, built-in servers and approved pins only. */
export const effectSchema = z.enum(['read', 'idempotent', 'write', 'destructive']);
export type Effect = z.infer<typeof effectSchema>;

/** A server that is a child process. */
export const stdioServerSchema = z.looseObject({
  type: z.literal('stdio').optional(),
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().optional(),
});

/** A server behind a URL; without `type` it is tried as Streamable HTTP first, then as SSE. */
export const httpServerSchema = z.looseObject({
  type: z.enum(['http', 'streamable-http', 'sse']).optional(),
  url: z.url({ protocol: /^https?$/ }),
  headers: z.record(z.string(), z.string()).default({}),
});

/** Our settings for one server, under `drawbridge.servers.<name>`. Times default as the README says. */
export const serverOptionsSchema = strict({
  enabled: z.boolean().default(true),
  /** Tools that are listed; a pattern may end in `*`. Absent: all. */
  expose: z.array(z.string()).optional(),
  /** `trust`: pinned when first seen; `strict`: withheld until approved. */
  pin: z.enum(['trust', 'strict']).default('trust'),
  instance: z.enum(['shared', 'session', 'principal']).default('shared'),
  /** For one call, renewed on progress. */
  timeout: timeout(60_000),
  /** For the start up to the first answer. */
  startTimeout: timeout(30_000),
  /** Stop after this long without a call; 0 keeps it running. */
  idle: duration.default(600_000),
  /** Largest message taken from the server, in bytes. */
  maxMessageBytes: bytes(32),
  /** Calls of one principal at the server at once; more of them wait their turn. */
  concurrentCalls: z.number().int().positive().default(64),
  effects: z.record(z.string(), effectSchema).default({}),
});
export type ServerOptions = z.infer<typeof serverOptionsSchema>;

export const drawbridgeOptionsSchema = strict({
  servers: z.record(serverNameSchema, serverOptionsSchema).default({}),
  /** Named selections of tools, served at `/mcp/{toolset}`; a pattern may end in `*`. */
  toolsets: z
    .record(
      z
        .string()
        .regex(
          /^[a-z0-9][a-z0-9-]{0,31}$/,
          'lower-case letters, digits and "-", 32 characters at most',
        ),
      z.array(z.string()),
    )
    .default({}),
  /** Named sets of root folders; relative paths count from the settings file. */
  projects: z.record(serverNameSchema, strict({ roots: z.array(z.string()).min(1) })).default({}),
  cors: strict({ origins: z.array(z.string()).default([]) }).prefault({}),
  /** Hosts that requests may name besides loopback's. */
  allowedHosts: z.array(z.string()).default([]),
  limits: strict({
    /** Largest request body, in bytes. */
    bodyBytes: bytes(4),
    /** For a whole request body, from when it is read. */
    bodyTimeout: timeout(60_000),
    /** Bodies being read at once, in bytes: of one principal, and in all. */
    readingBytes: bytes(16),
    readingBytesTotal: bytes(64),
    /** Bodies of requests under way, with what their values take: of one principal, and in all. */
    heldBytes: bytes(64),
    heldBytesTotal: bytes(128),
    /** Answers that wait for their reader, in bytes: of one principal, and in all. */
    unreadBytes: bytes(64),
    unreadBytesTotal: bytes(128),
    /** A connection that takes no byte of its answer for so long is closed. */
    unreadTimeout: timeout(30_000),
    /** Connections of one address that have not shown a key yet. */
    unknownConnections: z.number().int().positive().default(1_024),
    /** Calls of one principal under way at once. */
    concurrentCalls: z.number().int().positive().default(256),
  }).prefault({}),
  retention: strict({
    days: z.number().int().positive().default(30),
    maxBytes: z.number().int().positive().optional(),
  }).prefault({}),
});

/**
 * The file as a whole. Server entries are checked one by one after their variables are filled in,
 * by {@link stdioServerSchema} or {@link httpServerSchema}.
 */
export const configFileSchema = z.looseObject({
  mcpServers: z.record(serverNameSchema, z.looseObject({})).optional(),
  servers: z.record(serverNameSchema, z.looseObject({})).optional(),
  drawbridge: drawbridgeOptionsSchema.prefault({}),
});
export type ConfigFile = z.infer<typeof configFileSchema>;
export type DrawbridgeOptions = z.infer<typeof drawbridgeOptionsSchema>;
