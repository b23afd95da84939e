// What a parsed line of a server's stdout is. The SDK validates what it gets only in part and may throw
// on the rest, in the middle of our read loop; so nothing malformed is handed to it.
import type { JSONRPCMessage } from '@modelcontextprotocol/client';

export type Received =
  | { readonly kind: 'message'; readonly message: JSONRPCMessage }
  /** An answer whose content is not what JSON-RPC allows: its call must not wait for another. */
  | { readonly kind: 'broken_answer'; readonly id: number | string }
  | { readonly kind: 'rubbish' };

const RUBBISH: Received = { kind: 'rubbish' };

export function toReceived(value: unknown): Received {
  if (!isObject(value) || value['jsonrpc'] !== '2.0') return RUBBISH;
  const { id, method, params, result, error } = value;
  const hasId = typeof id === 'string' || typeof id === 'number';
  if (method !== undefined) {
    const isSound =
      typeof method === 'string' &&
      (params === undefined || (isObject(params) && isMetaSound(params))) &&
      (id === undefined || hasId);
    return isSound ? toMessage(value) : RUBBISH;
  }
  if (!hasId) return RUBBISH;
  if (isObject(result) && error === undefined && isMetaSound(result)) return toMessage(value);
  const isError =
    isObject(error) &&
    Number.isInteger(error['code']) &&
    typeof error['message'] === 'string' &&
    result === undefined;
  return isError ? toMessage(value) : { kind: 'broken_answer', id };
}

function toMessage(value: Record<string, unknown>): Received {
  // The checks above are those of the JSON-RPC 2.0 message types.
  return { kind: 'message', message: value as unknown as JSONRPCMessage };
}

function isMetaSound({ _meta: meta }: Record<string, unknown>): boolean {
  return meta === undefined || isObject(meta);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
