// The bridge as an MCP server: one SDK server per request, made from the caller's context, so that
// nothing leaks between clients (CVE-2026-25536). Both eras and all transports use this one; what
// differs between them is in modern-front.ts and legacy-front.ts.
import {
  LOG_LEVEL_META_KEY,
  ProtocolError,
  Server,
  type ServerContext,
  type jsonSchemaValidator,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Call, CallMethod, CallSink, Outcome } from '../calls/call.ts';
import type { Handler } from '../calls/step.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { type LogLevel, logLevelSchema, reachesLevel } from '../sessions/log-level.ts';
import { type CallerContext, toCall } from './caller-context.ts';
import { unwrapArguments } from './large-answers.ts';
import { DrawbridgeError } from '../errors.ts';
import { INVALID_PARAMS } from '../rpc-codes.ts';
import { toRpcError } from '../edge/rpc-error.ts';

export interface McpServerDeps {
  readonly catalog: Catalog;
  readonly call: Handler<Call>;
  /** Resolves when the first lists are as complete as they will soon be. */
  readonly ready: () => Promise<void>;
  readonly createId: () => string;
  readonly version: string;
}

const anyParams = { params: z.looseObject({}) };
const LIST_CACHE = { ttlMs: 0, cacheScope: 'private' } as const;

/** The SDK validates only answers to elicitation with it, and this server asks none. */
const noValidator: jsonSchemaValidator = {
  getValidator() {
    throw new Error('The bridge does not ask its callers through the SDK.');
  },
};

export function createMcpServer(deps: McpServerDeps, context: CallerContext): Server {
  const { catalog, call, createId, ready } = deps;
  const { view } = context;
  const instructions = catalog.instructions(view);
  const server = new Server(
    { name: 'drawbridge', title: 'Drawbridge', version: deps.version },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true },
        completions: {},
        ...(context.client.era === 'legacy' && { logging: {} }),
      },
      // The SDK's default compiles a JSON Schema validator for each server.
      jsonSchemaValidator: noValidator,
      ...(instructions !== undefined && { instructions }),
      cacheHints: {
        'tools/list': LIST_CACHE,
        'prompts/list': LIST_CACHE,
        'resources/list': LIST_CACHE,
        'resources/templates/list': LIST_CACHE,
        'resources/read': LIST_CACHE,
        'server/discover': LIST_CACHE,
      },
    },
  );

  const lists = {
    'tools/list': () => ({ tools: catalog.list(view).tools }),
    'prompts/list': () => ({ prompts: catalog.list(view).prompts }),
    'resources/list': () => ({ resources: catalog.list(view).resources }),
    'resources/templates/list': () => ({ resourceTemplates: catalog.list(view).resourceTemplates }),
  } as const;
  for (const [method, list] of Object.entries(lists)) {
    server.setRequestHandler(method, anyParams, async () => {
      await ready();
      return list();
    });
  }

  const { setLogLevel } = context;
  if (setLogLevel !== undefined) {
    const params = z.looseObject({ level: logLevelSchema });
    server.setRequestHandler('logging/setLevel', { params }, async ({ level }) => {
      await setLogLevel(level);
      return {};
    });
  }

  const names: Record<CallMethod, (params: Record<string, unknown>) => string> = {
    'tools/call': (params) => requireString(params, 'name'),
    'prompts/get': (params) => requireString(params, 'name'),
    'resources/read': (params) => requireString(params, 'uri'),
    'completion/complete': (params) => toRefName(params['ref']),
  };
  for (const [method, toName] of Object.entries(names) as [
    CallMethod,
    (typeof names)[CallMethod],
  ][]) {
    // the keys of the record above
    server.setRequestHandler(method, anyParams, async (params, extra) => {
      await ready();
      const name = toName(params);
      const signal = AbortSignal.any([extra.mcpReq.signal, context.keyEnded]);
      const request = {
        method,
        name,
        params: toWireParams(params, extra),
        signal,
        sink: toSink(extra, context.logLevel),
      };
      const outcome =
        context.outcome ??
        (await toCall(context, request, createId()).then(call, (error: unknown) => {
          throw toRpcError(error);
        }));
      if ('large' in outcome && outcome.large !== undefined && context.large !== undefined) {
        return context.large.standIn(method, outcome.large);
      }
      const result = toResult(outcome);
      return method === 'tools/call'
        ? server.projectCallToolResult({ content: [], ...result }, catalog.outputSchema(view, name))
        : result;
    });
  }
  return server;
}

/** Puts back into the params what the SDK took out of them, because the upstream server needs it. */
function toWireParams(
  params: Record<string, unknown>,
  { mcpReq }: ServerContext,
): Record<string, unknown> {
  const requestState = mcpReq.requestState<string>();
  const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
  const logLevel = envelope[LOG_LEVEL_META_KEY];
  return {
    ...params,
    ...(params['arguments'] !== undefined && { arguments: unwrapArguments(params['arguments']) }),
    ...(logLevel !== undefined && { _meta: { ...mcpReq._meta, [LOG_LEVEL_META_KEY]: logLevel } }),
    ...(mcpReq.inputResponses !== undefined && { inputResponses: mcpReq.inputResponses }),
    ...(requestState !== undefined && { requestState }),
  };
}

/** Turns an outcome into the result of the request, or throws it as a JSON-RPC error. */
function toResult(outcome: Outcome): Record<string, unknown> {
  switch (outcome.kind) {
    case 'result':
    case 'tool_error':
    case 'input_required':
      return outcome.result;
    case 'protocol_error':
    case 'timed_out':
    case 'denied':
      throw new ProtocolError(outcome.error.code, outcome.error.message, outcome.error.data);
    case 'cancelled':
      throw toRpcError(new DrawbridgeError('call/cancelled', 'The call was cancelled.'));
    default:
      return outcome satisfies never;
  }
}

/**
 * Sends progress and messages of a call on the response of the request that asked for them. When that is gone
 * already, they are dropped: the log has them.
 */
function toSink({ mcpReq }: ServerContext, least: LogLevel | undefined): CallSink {
  const progressToken = mcpReq._meta?.progressToken;
  const notify = (method: string, params: Record<string, unknown>): void => {
    mcpReq.notify({ method, params }).catch(() => undefined);
  };
  return {
    progress(params) {
      if (progressToken !== undefined)
        notify('notifications/progress', { progressToken, ...params });
    },
    message(params) {
      if (least !== undefined && reachesLevel(params.level, least))
        notify('notifications/message', params);
    },
  };
}

function requireString(params: Record<string, unknown>, key: string): string {
  const value = params[key];
  if (typeof value === 'string' && value !== '') return value;
  throw new ProtocolError(INVALID_PARAMS, `params.${key} must be a non-empty string.`);
}

function toRefName(ref: unknown): string {
  if (typeof ref === 'object' && ref !== null) {
    if ('name' in ref && typeof ref.name === 'string') return ref.name;
    if ('uri' in ref && typeof ref.uri === 'string') return ref.uri;
  }
  throw new ProtocolError(
    INVALID_PARAMS,
    'params.ref must be { type: "ref/prompt", name } or { type: "ref/resource", uri }.',
  );
}
