// The REST API as the commands use it. Every answer is parsed by a schema; a problem document
// (RFC 9457) becomes a failure in the bridge's own words.
import {
  type AllowRequest,
  type CallAnswer,
  type CallRequest,
  type DefinitionKey,
  type EventPage,
  type Key,
  type KeyRequest,
  type NewKey,
  type PruneRequest,
  type Removal,
  type Run,
  type RunEvent,
  type Server,
  type ServerList,
  type Tool,
  type WithheldDefinition,
  allowedSchema,
  callAnswerSchema,
  eventPageSchema,
  keyListSchema,
  newKeySchema,
  problemSchema,
  removalSchema,
  runEventSchema,
  runPageSchema,
  runSchema,
  serverListSchema,
  serverLogSchema,
  serverSchema,
  toolPageSchema,
  withheldPageSchema,
} from '@drawbridge/schemas';
import { z } from 'zod';
import { toMessage } from '../errors.ts';
import {
  type Exchange,
  type HttpAnswer,
  isUnreachable,
  readText,
} from '../http-client/exchange.ts';
import { readEvents } from '../http-client/sse-reader.ts';
import { parseJson } from '../parse-json.ts';
import { CommandFailure } from './failure.ts';

/** What stands in front of a bridge may say less of a problem. */
const toldProblemSchema = problemSchema.partial().required({ detail: true }).loose();

const ALLOWED_AT_ONCE = 500;
/** A list that changes while its pages are read could go on for ever. */
const MAX_WITHHELD = 100_000;

export interface LiveEvent {
  readonly id?: string;
  readonly event: RunEvent;
}

export interface BridgeClient {
  readonly url: string;
  servers(): Promise<Server[]>;
  /** The servers, and what is said of a settings file that waits to be allowed. */
  serverList(): Promise<ServerList>;
  restart(name: string): Promise<Server | undefined>;
  logs(name: string): Promise<string[]>;
  /** All pages. */
  tools(filter?: { q?: string | undefined; server?: string | undefined }): Promise<Tool[]>;
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
  keys(): Promise<Key[]>;
  createKey(key: KeyRequest): Promise<NewKey>;
  revokeKey(id: string): Promise<void>;
  disableUser(name: string): Promise<void>;
  /** All that a strict pin withholds of a server. */
  withheld(server: string): Promise<WithheldDefinition[]>;
  /** Lets definitions through; returns those that were. */
  allow(server: string, keys: readonly DefinitionKey[]): Promise<DefinitionKey[]>;
  prune(wanted: PruneRequest): Promise<Removal>;
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
      (await get(`/v1/servers/${encodeURIComponent(name)}/logs`, serverLogSchema)).lines,
    tools: (filter = {}) =>
      pages('/v1/tools', { ...filter, limit: '200' }, (page) => {
        const { tools, nextCursor } = toolPageSchema.parse(page);
        return { items: tools, next: nextCursor };
      }),
    call: async (name, args) => {
      const answer = await send('POST', `/v1/tools/${encodeURIComponent(name)}/call`, {
        body: { arguments: args } satisfies CallRequest,
      });
      return parse(await readText(answer), callAnswerSchema);
    },
    runs: ({ status, kind, limit }) =>
      pages(
        '/v1/runs',
        { status, kind, limit: String(Math.min(limit, 200)) },
        (page) => {
          const { runs, nextCursor } = runPageSchema.parse(page);
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
        const page: EventPage = await get(path, eventPageSchema);
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
    keys: async () => (await get('/v1/keys', keyListSchema)).keys,
    createKey: async (key) =>
      parse(await readText(await send('POST', '/v1/keys', { body: key })), newKeySchema),
    prune: async (wanted) =>
      parse(await readText(await send('POST', '/v1/prune', { body: wanted })), removalSchema),
    withheld: (server) =>
      pages(
        `/v1/servers/${encodeURIComponent(server)}/withheld`,
        { limit: '500' },
        (page) => {
          const { definitions, nextCursor } = withheldPageSchema.parse(page);
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
        const body: AllowRequest = { definitions };
        const path = `/v1/servers/${encodeURIComponent(server)}/allow`;
        const answer = await readText(await send('POST', path, { body }));
        const page = parse(answer, allowedSchema);
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
  const problem = toldProblemSchema.safeParse(parseJson(text));
  // Without a problem document the status says enough.
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
