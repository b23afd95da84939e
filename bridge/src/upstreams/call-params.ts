// A call's params as the server gets them: its own name instead of the catalog's, the caller's
// protocol envelope and progress token taken off (the bridge has its own), everything else kept.
import { CALLER_META_KEY, type Caller } from '@drawbridge/schemas';
import type { RoutedCall } from '../calls/call.ts';
import type { ServerEra } from './era-memory.ts';
import { toRecord } from '../json-record.ts';

/** A call's params without `_meta`, and what goes into that. */
export interface CallParams {
  readonly params: Readonly<Record<string, unknown>>;
  readonly meta: Readonly<Record<string, unknown>>;
}

const PROTOCOL_PREFIX = 'io.modelcontextprotocol/';
const LOG_LEVEL_KEY = `${PROTOCOL_PREFIX}logLevel`;
const CLIENT_CAPABILITIES_KEY = `${PROTOCOL_PREFIX}clientCapabilities`;

export interface CallParamsOptions {
  readonly era: ServerEra;
  /** Present for built-in upstreams only. */
  readonly identity?: CallerIdentity;
}

/** What a built-in server is told of the caller besides the call's own. */
export interface CallerIdentity {
  /** The key that only the spawned process knows. */
  readonly key: string;
  readonly readOnlyOf: (project: string) => readonly string[];
}

export function toUpstreamParams(
  call: RoutedCall,
  { era, identity }: CallParamsOptions,
): CallParams {
  const params: Record<string, unknown> = {};
  for (const key in call.params) if (key !== '_meta') params[key] = call.params[key];
  const { _meta: given } = call.params;
  const meta: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(toRecord(given))) {
    if (key === 'progressToken' || key === CALLER_META_KEY) continue;
    if (key.startsWith(PROTOCOL_PREFIX)) continue;
    meta[key] = value;
  }
  // A modern server asks by answering, so what the caller can do travels with each call; only modern
  // callers can retry with the answers.
  if (era === 'modern' && call.client.era === 'modern') {
    meta[CLIENT_CAPABILITIES_KEY] = call.client.capabilities;
    const level = toRecord(given)[LOG_LEVEL_KEY];
    if (level !== undefined) meta[LOG_LEVEL_KEY] = level;
  }
  if (identity !== undefined) meta[CALLER_META_KEY] = toCaller(call, identity);
  return { params: Object.assign(params, toTargetParams(call)), meta };
}

function toTargetParams(call: RoutedCall): Record<string, unknown> {
  const { name } = call.target;
  switch (call.method) {
    case 'tools/call':
    case 'prompts/get':
      return { name };
    case 'resources/read':
      return { uri: name };
    case 'completion/complete': {
      const ref = toRecord(call.params['ref']);
      return { ref: ref['type'] === 'ref/resource' ? { ...ref, uri: name } : { ...ref, name } };
    }
  }
}

function toCaller(call: RoutedCall, { key, readOnlyOf }: CallerIdentity): Caller {
  return {
    key,
    tenant: call.principal.tenantId,
    principal: call.principal.id,
    project: call.project,
    roots: [...call.roots],
    readOnly: [...readOnlyOf(call.project)],
    run: call.runId,
    ...(call.sessionId !== undefined && { session: call.sessionId }),
  };
}
