// JSON-RPC messages as far as a proxy reads them, and the headers that revision 2026-07-28 copies from a body
// (Streamable HTTP, "Request Metadata").
import { isRecord } from '../json-record.ts';

export type MessageId = string | number;

export interface Message {
  readonly [key: string]: unknown;
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
}

export function idOf(message: Message): MessageId | undefined {
  return typeof message.id === 'string' || typeof message.id === 'number' ? message.id : undefined;
}

export function methodOf(message: Message): string | undefined {
  return typeof message.method === 'string' ? message.method : undefined;
}

/** The revision in a modern message's `_meta`; undefined for a legacy message. */
export function modernVersionOf(message: Message): string | undefined {
  const meta = isRecord(message.params) ? message.params['_meta'] : undefined;
  const version = isRecord(meta) ? meta['io.modelcontextprotocol/protocolVersion'] : undefined;
  return typeof version === 'string' ? version : undefined;
}

/** The param that goes into `Mcp-Name`, by method. */
const nameFields: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

export function toModernHeaders(message: Message, version: string): Record<string, string> {
  const method = methodOf(message) ?? '';
  const field = Object.hasOwn(nameFields, method) ? nameFields[method] : undefined;
  const name = field !== undefined && isRecord(message.params) ? message.params[field] : undefined;
  return {
    'MCP-Protocol-Version': toHeaderValue(version),
    'Mcp-Method': toHeaderValue(method),
    ...(typeof name === 'string' && { 'Mcp-Name': toHeaderValue(name) }),
  };
}

/** "Value Encoding": a value that a header cannot carry is sent in Base64 between markers. */
export function toHeaderValue(value: string): string {
  const isPlain =
    /^[\t\x20-\x7e]+$/.test(value) &&
    value === value.trim() &&
    !(value.startsWith('=?base64?') && value.endsWith('?='));
  return isPlain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

export interface RpcIssue {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

export function toErrorLine(id: MessageId | null, error: RpcIssue): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error });
}
