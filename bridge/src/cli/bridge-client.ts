// The REST API as the commands use it. Every answer is parsed by a schema; a problem document
// (RFC 9457) becomes a failure in the bridge's own words.
import { type Run, type RunEvent, runEventSchema, runSchema } from '@drawbridge/schemas';
import { z } from 'zod';
import { toMessage } from '../errors.ts';
import {
  type Exchange,
  type HttpAnswer,
  isUnreachable,
  readText,
} from '../http-client/exchange.ts';
import { readEvents } from '../http-client/sse-reader.ts';
import { CommandFailure } from './failure.ts';

const serverSchema = z.looseObject({
  name: z.string(),
  state: z.string(),
  builtin: z.boolean().default(false),
  transport: z.string().default(''),
  era: z.string().optional(),
  serverInfo: z.looseObject({ name: z.string(), version: z.string() }).optional(),
  restarts: z.number().default(0),
  inFlight: z.number().default(0),
  toolCount: z.number().optional(),
  withheldCount: z.number().optional(),
  notes: z.array(z.string()).optional(),
  lastError: z.string().optional(),
});
export type ServerView = z.infer<typeof serverSchema>;

const serverListSchema = z.object({
  servers: z.array(serverSchema),
  pendingSettings: z.looseObject({ message: z.string() }).optional(),
});
export type ServerList = z.infer<typeof serverListSchema>;

const toolSchema = z.looseObject({
  name: z.string(),
  server: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  inputSchema: z.looseObject({}).default({}),
});
export type ToolView = z.infer<typeof toolSchema>;

const answerSchema = z.looseObject({
  callId: z.string(),
  runId: z.string(),
  outcome: z.enum(['result', 'tool_error', 'input_required']),
  result: z.record(z.string(), z.unknown()),
});
export type CallAnswer = z.infer<typeof answerSchema>;

const keySchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  user: z.string().optional(),
  role: z.string(),
  createdAt: z.string().optional(),
  lastUsedAt: z.string().optional(),
  expiresAt: z.string().optional(),
  revokedAt: z.string().optional(),
});
export type KeyView = z.infer<typeof keySchema>;

const definitionKeySchema = z.looseObject({
  kind: z.string(),
  name: z.string(),
  hash: z.string(),
});
export type DefinitionKey = z.infer<typeof definitionKeySchema>;

const withheldSchema = definitionKeySchema.extend({
  definition: z.unknown(),
  before: z.unknown().optional(),
});
export type WithheldView = z.infer<typeof withheldSchema>;

const removalSchema = z.looseObject({
  dryRun: z.boolean(),
  before: z.string(),
  days: z.array(z.looseObject({ day: z.string(), bytes: z.number() })),
  runs: z.number(),
  bytes: z.number(),
});
export type RemovalView = z.infer<typeof removalSchema>;

const problemSchema = z.looseObject({
  detail: z.string(),
  code: z.string().optional(),
  requestId: z.string().optional(),
});

const ALLOWED_AT_ONCE = 500;
/** A list that changes while its pages are read could go on for ever. */
const MAX_WITHHELD = 100_000;

export interface LiveEvent {
  readonly id?: string;
  readonly event: RunEvent;
}

export interface BridgeClient {
  readonly url: string;
  servers(): Promise<ServerView[]>;
  /** The servers, and what is said of a settings file that waits to be allowed. */
  serverList(): Promise<ServerList>;
  restart(name: string): Promise<ServerView | undefined>;
  logs(name: string): Promise<string[]>;
  /** All pages. */
  tools(filter?: { q?: string | undefined; server?: string | undefined }): Promise<ToolView[]>;
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<CallAnswer>;
  runs(filter: {
    status?: string | undefined;
    kind?: string | undefined;
    limit: number;
  }): Promise<Run[]>;
  run(id: string): Promise<Run>;
  /** All events of a run so far. */
  events(id: string): Promise<RunEvent[]>;
  /** Live events of one run, or of all; ends with the run, with the bridge or with the signal. */
  follow(options: {
    run?: string | undefined;
    after?: string | undefined;
  }): AsyncGenerator<LiveEvent>;
  keys(): Promise<KeyView[]>;
  createKey(key: {
    name: string;
    role: string;
    user?: string | undefined;
    expiresAt?: string | undefined;
  }): Promise<{ id: string; key: string }>;
  revokeKey(id: string): Promise<void>;
  disableUser(name: string): Promise<void>;
  /** All that a strict pin withholds of a server. */
  withheld(server: string): Promise<WithheldView[]>;
  /** Lets definitions through; returns those that were. */
  allow(server: string, keys: readonly DefinitionKey[]): Promise<DefinitionKey[]>;
  prune(wanted: { olderThanDays?: number | undefined; dryRun: boolean }): Promise<RemovalView>;
}

export function createBridgeClient(options: {
  readonly url: string;
  readonly token: string;
  readonly exchange: Exchange;
  readonly signal: AbortSignal;
}): BridgeClient {
  const base = options.url.replace(/\/+$/, '');

  const send = async (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<HttpAnswer> => {
    let answer: HttpAnswer;
    try {
      answer = await options.exchange.send({
        url: base + path,
        method,
        headers: {
          Accept: 'application/json',
          Authorization: `Bearer ${options.token}`,
          'User-Agent': 'drawbridge-cli',
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: options.signal,
      });
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      throw new CommandFailure(`Nothing answers at ${base}: ${toMessage(error)}`, {
        hint: 'Start the bridge with `drawbridge start`, or name another one with --url.',
        cause: error,
      });
    }
    if (answer.status >= 400) throw toFailure(answer.status, await readText(answer));
    return answer;
  };

  const get = async <T>(path: string, schema: z.ZodType<T>): Promise<T> =>
    parse(await readText(await send('GET', path)), schema);

  const pages = async <T>(
    path: string,
    query: Record<string, string | undefined>,
    read: (page: unknown) => { items: T[]; next?: string | undefined },
    limit = Number.POSITIVE_INFINITY,
  ): Promise<T[]> => {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const page = read(await get(withQuery(path, { ...query, cursor }), z.unknown()));
      for (const item of page.items) items.push(item);
      cursor = page.next;
    } while (cursor !== undefined && items.length < limit);
    return items.slice(0, limit);
  };

  return {
    url: base,
    servers: async () => (await get('/v1/servers', serverListSchema)).servers,
    serverList: () => get('/v1/servers', serverListSchema),
    restart: async (name) => {
      const text = await readText(
        await send('POST', `/v1/servers/${encodeURIComponent(name)}/restart`),
      );
      return text === '' ? undefined : serverSchema.safeParse(JSON.parse(text)).data;
    },
    logs: async (name) =>
      (
        await get(
          `/v1/servers/${encodeURIComponent(name)}/logs`,
          z.object({ lines: z.array(z.string()) }),
        )
      ).lines,
    tools: (filter = {}) =>
      pages('/v1/tools', { ...filter, limit: '200' }, (page) => {
        const { tools, nextCursor } = z
          .object({ tools: z.array(toolSchema), nextCursor: z.string().optional() })
          .parse(page);
        return { items: tools, next: nextCursor };
      }),
    call: async (name, args) => {
      const answer = await send('POST', `/v1/tools/${encodeURIComponent(name)}/call`, {
        body: { arguments: args },
      });
      return parse(await readText(answer), answerSchema);
    },
    runs: ({ status, kind, limit }) =>
      pages(
        '/v1/runs',
        { status, kind, limit: String(Math.min(limit, 200)) },
        (page) => {
          const { runs, nextCursor } = z
            .object({ runs: z.array(runSchema), nextCursor: z.string().optional() })
            .parse(page);
          return { items: runs, next: nextCursor };
        },
        limit,
      ),
    run: (id) => get(`/v1/runs/${encodeURIComponent(id)}`, runSchema),
    events: async (id) => {
      const events: RunEvent[] = [];
      let after: number | undefined = 0;
      while (after !== undefined) {
        const path: string = withQuery(`/v1/runs/${encodeURIComponent(id)}/events`, {
          after: String(after),
          limit: '1000',
        });
        const page: z.infer<typeof eventsPage> = await get(path, eventsPage);
        for (const event of page.events) events.push(event);
        after = page.nextAfter;
      }
      return events;
    },
    async *follow({ run, after }) {
      const path = run === undefined ? '/v1/events' : `/v1/runs/${encodeURIComponent(run)}/events`;
      const answer = await send('GET', path, {
        headers: {
          Accept: 'text/event-stream',
          ...(after !== undefined && { 'Last-Event-ID': after }),
        },
      });
      for await (const { data, id } of readEvents(answer.body)) {
        if (data === '') continue;
        yield { ...(id !== undefined && { id }), event: parse(data, runEventSchema) };
      }
    },
    keys: async () => (await get('/v1/keys', z.object({ keys: z.array(keySchema) }))).keys,
    createKey: async (key) =>
      parse(
        await readText(await send('POST', '/v1/keys', { body: key })),
        z.object({ id: z.string(), key: z.string() }),
      ),
    prune: async (wanted) =>
      parse(await readText(await send('POST', '/v1/prune', { body: wanted })), removalSchema),
    withheld: (server) =>
      pages(
        `/v1/servers/${encodeURIComponent(server)}/withheld`,
        { limit: '500' },
        (page) => {
          const { definitions, nextCursor } = z
            .object({ definitions: z.array(withheldSchema), nextCursor: z.string().optional() })
            .parse(page);
          return { items: definitions, next: nextCursor };
        },
        MAX_WITHHELD,
      ),
    async allow(server, keys) {
      const allowed: DefinitionKey[] = [];
      for (let at = 0; at < keys.length; at += ALLOWED_AT_ONCE) {
        const definitions = keys
          .slice(at, at + ALLOWED_AT_ONCE)
          .map(({ kind, name, hash }) => ({ kind, name, hash }));
        const path = `/v1/servers/${encodeURIComponent(server)}/allow`;
        const answer = await readText(await send('POST', path, { body: { definitions } }));
        const page = parse(answer, z.object({ allowed: z.array(definitionKeySchema) }));
        for (const key of page.allowed) allowed.push(key);
      }
      return allowed;
    },
    revokeKey: async (id) => {
      (await send('DELETE', `/v1/keys/${encodeURIComponent(id)}`)).body.resume();
    },
    disableUser: async (name) => {
      (await send('DELETE', `/v1/users/${encodeURIComponent(name)}`)).body.resume();
    },
  };
}

const eventsPage = z.object({
  events: z.array(runEventSchema),
  nextAfter: z.number().int().optional(),
});

function withQuery(path: string, query: Record<string, string | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, value);
  return search.size === 0 ? path : `${path}?${search}`;
}

function parse<T>(text: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw notABridge(error);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw notABridge(parsed.error);
  return parsed.data;
}

function notABridge(cause: unknown): CommandFailure {
  return new CommandFailure('What answered is no bridge of this version.', {
    hint: '`drawbridge doctor` looks at the set-up.',
    cause,
  });
}

function toFailure(status: number, text: string): CommandFailure {
  const problem = problemSchema.safeParse(parseJson(text));
  if (!problem.success) return new CommandFailure(`The bridge answered HTTP ${status}.`);
  const { detail, code } = problem.data;
  const hint =
    status === 401
      ? 'Give a key with --token, or use the home that belongs to this bridge (--home).'
      : status === 403 && code === 'auth/forbidden'
        ? 'This needs an operator’s key: `drawbridge token show` in the bridge’s home.'
        : undefined;
  return new CommandFailure(detail, { ...(hint !== undefined && { hint }), details: problem.data });
}

/** Nothing for a body that is not JSON: the status says enough then. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
