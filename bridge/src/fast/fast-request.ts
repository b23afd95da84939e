// Recognises requests for the fast path: one `tools/call`, or a `tools/list` from the beginning, with an id and
// without anything that needs more. Every other request goes to the SDK's front, which knows what is an error,
// so nothing is refused here.
import type { IncomingMessage } from 'node:http';
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/server';
import type { View } from '../calls/call.ts';
import { isLoopbackHeader } from '../loopback.ts';
import { isRecord } from '../json-record.ts';

/** The head of a request that may take the fast path; its body is not parsed yet. */
export interface FastHead {
  readonly era: 'modern' | 'legacy';
  readonly view: View;
  /** `Mcp-Session-Id`; legacy only. */
  readonly sessionId: string;
  /** `Mcp-Method`; modern only. */
  readonly method: string;
  /** `Mcp-Name`; modern only, of a call. */
  readonly name: string;
  readonly protocolVersion: string;
}

export interface FastCall {
  readonly id: string | number;
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The client as it describes itself in `_meta`; modern only. */
  readonly client: {
    readonly name?: string;
    readonly capabilities: Readonly<Record<string, unknown>>;
  };
}

const MODERN = '2026-07-28';
/** A request with one of these headers needs something that the fast path does not do. */
const unusual = ['origin', 'traceparent', 'content-encoding', 'transfer-encoding', 'last-event-id'];
const bodyKeys = new Set(['jsonrpc', 'id', 'method', 'params']);
const paramKeys = new Set(['name', 'arguments', '_meta']);
const metaOnly = new Set(['_meta']);
const metaKeys = new Set<string>([
  PROTOCOL_VERSION_META_KEY,
  CLIENT_INFO_META_KEY,
  CLIENT_CAPABILITIES_META_KEY,
]);

export function toFastHead({ method, url = '', headers }: IncomingMessage): FastHead | undefined {
  if (method !== 'POST') return undefined;
  const view = toView(url);
  if (view === undefined || !isLoopbackHeader(headers.host ?? '')) return undefined;
  if (unusual.some((name) => headers[name] !== undefined)) return undefined;
  const { accept = '', 'content-length': length } = headers;
  if (headers['content-type'] !== 'application/json' || length === undefined) return undefined;
  if (!accept.includes('application/json') || !accept.includes('text/event-stream'))
    return undefined;
  const protocolVersion = text(headers['mcp-protocol-version']);
  const sessionId = text(headers['mcp-session-id']);
  const name = text(headers['mcp-name']);
  const asked = text(headers['mcp-method']);
  const isModern = protocolVersion === MODERN;
  const isPlain =
    (asked === 'tools/call' && name !== '') ||
    (asked === 'tools/list' && headers['mcp-name'] === undefined);
  if (isModern ? !isPlain : sessionId === '') return undefined;
  return {
    era: isModern ? 'modern' : 'legacy',
    view,
    sessionId,
    method: asked,
    name,
    protocolVersion,
  };
}

export function toFastCall(body: unknown, head: FastHead): FastCall | undefined {
  const { era, name: named } = head;
  const request = toFastBody(body, 'tools/call', head);
  if (request === undefined || !isRecord(request.params)) return undefined;
  const { id, params } = request;
  const { name, arguments: args, _meta: meta } = params;
  if (typeof name !== 'string' || name === '' || !hasOnly(params, paramKeys)) return undefined;
  if (args !== undefined && !isRecord(args)) return undefined;
  const client = era === 'modern' ? toClient(meta) : toPlainMeta(meta);
  if (client === undefined || (era === 'modern' && name !== named)) return undefined;
  return { id, name, params, client };
}

/** The id of a request for the tools, all of them from the beginning. */
export function toFastListId(body: unknown, head: FastHead): string | number | undefined {
  const request = toFastBody(body, 'tools/list', head);
  if (request === undefined) return undefined;
  const { id, params = {} } = request;
  if (!isRecord(params) || !hasOnly(params, metaOnly)) return undefined;
  const { _meta: meta } = params;
  const client = head.era === 'modern' ? toClient(meta) : toPlainMeta(meta);
  return client && id;
}

function toFastBody(
  body: unknown,
  wanted: string,
  { era, method: told }: FastHead,
): { id: string | number; params: unknown } | undefined {
  if (!isRecord(body) || !hasOnly(body, bodyKeys)) return undefined;
  const { jsonrpc, id, method, params } = body;
  if (jsonrpc !== '2.0' || method !== wanted) return undefined;
  if (era === 'modern' && told !== wanted) return undefined;
  if (typeof id !== 'string' && !Number.isSafeInteger(id)) return undefined;
  return { id: id as string | number, params }; // a string, or an integer by the test above
}

function toClient(meta: unknown): FastCall['client'] | undefined {
  if (!isRecord(meta) || !hasOnly(meta, metaKeys) || meta[PROTOCOL_VERSION_META_KEY] !== MODERN)
    return undefined;
  const capabilities = meta[CLIENT_CAPABILITIES_META_KEY];
  const info = meta[CLIENT_INFO_META_KEY];
  // A server may ask a client with capabilities, and the fast path carries no such requests.
  if (!isRecord(capabilities) || Object.keys(capabilities).length > 0) return undefined;
  if (info === undefined) return { capabilities };
  if (!isRecord(info) || typeof info['name'] !== 'string' || typeof info['version'] !== 'string')
    return undefined;
  return { capabilities, name: `${info['name']}/${info['version']}` };
}

/** Undefined for a legacy request with `_meta`, such as a progress token. */
function toPlainMeta(meta: unknown): FastCall['client'] | undefined {
  return meta === undefined ? { capabilities: {} } : undefined;
}

function toView(url: string): View | undefined {
  if (url === '/mcp') return { kind: 'all' };
  const [, toolset] = /^\/mcp\/([a-z0-9-]+)$/.exec(url) ?? [];
  if (toolset !== undefined) return { kind: 'toolset', name: toolset };
  const [, server] = /^\/servers\/([A-Za-z0-9_-]+)\/mcp$/.exec(url) ?? [];
  return server === undefined ? undefined : { kind: 'server', name: server };
}

function text(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}

function hasOnly(value: object, keys: ReadonlySet<string>): boolean {
  for (const key in value) if (!keys.has(key)) return false;
  return true;
}
