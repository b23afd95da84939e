// A server's definition, and the SDK server that one connection or one request gets from it. The SDK
// server is never shared: a shared one leaks answers between clients.
import { Server, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import type {
  CallToolResult,
  GetPromptResult,
  Prompt as PromptListing,
  ReadResourceResult,
  Resource,
  ResourceTemplateType,
  ServerCapabilities,
  jsonSchemaValidator,
} from '@modelcontextprotocol/server';
import { callTool } from './call-tool.ts';
import type { CallerSource } from './caller.ts';
import { toCallContext, type CallContext } from './context.ts';
import type { Log } from './log.ts';
import { createSubscriptions } from './subscriptions.ts';
import { ToolError } from './tool-error.ts';
import type { Tool, ToolListing } from './tool.ts';

export interface ResourceProvider {
  templates: readonly ResourceTemplateType[];
  list(
    cursor: string | undefined,
    context: CallContext,
  ): Promise<{ resources: Resource[]; nextCursor?: string }>;
  /** @throws ToolError when there is no such resource or it may not be read. */
  read(uri: string, context: CallContext): Promise<ReadResourceResult>;
  /**
   * Calls `onChange` whenever the resource changes, until the returned function is called.
   * @throws ToolError as `read` does.
   */
  watch?(uri: string, context: CallContext, onChange: () => void): Promise<() => void>;
}

export interface Prompt extends PromptListing {
  get(args: Readonly<Record<string, string>>, context: CallContext): Promise<GetPromptResult>;
}

export interface ServerDefinition {
  name: string;
  version: string;
  title?: string;
  /** What a model should know before it uses the tools; short. */
  instructions?: string;
  tools: readonly Tool[];
  resources?: ResourceProvider;
  prompts?: readonly Prompt[];
}

/** What a process adds to a definition. */
export interface ServerSettings extends CallerSource {
  log: Log;
}

/** What a server shows of itself without running anything: what the registry keeps. */
export interface ServerListing {
  serverInfo: { name: string; title?: string; version: string };
  instructions?: string;
  capabilities: ServerCapabilities;
  tools: ToolListing[];
  /** Always empty: which resources there are depends on the caller. */
  resources: readonly [];
  resourceTemplates: readonly ResourceTemplateType[];
  prompts: PromptListing[];
}

/** Checks what a compiler can't: tool names are distinct and fit every client. */
export function defineServer(definition: ServerDefinition): ServerDefinition {
  const names = new Set<string>();
  for (const { name } of definition.tools) {
    if (!/^[a-z][a-z0-9_]{0,47}$/.test(name)) throw new Error(`"${name}" is not a tool name`);
    if (names.has(name)) throw new Error(`two tools are called "${name}"`);
    names.add(name);
  }
  return definition;
}

export function toListing(definition: ServerDefinition): ServerListing {
  const { name, version, title, instructions, tools, resources, prompts } = definition;
  return {
    serverInfo: { name, ...(title !== undefined && { title }), version },
    ...(instructions !== undefined && { instructions }),
    capabilities: {
      tools: {},
      ...(resources !== undefined && {
        resources: resources.watch === undefined ? {} : { subscribe: true },
      }),
      ...(prompts !== undefined && { prompts: {} }),
    },
    tools: tools.map((tool) => tool.listing()),
    resources: [],
    resourceTemplates: resources?.templates ?? [],
    prompts: (prompts ?? []).map(({ get: _get, ...listing }) => listing),
  };
}

/** Definitions never change while a process lives, so clients may keep them for five minutes. */
const lasting = { ttlMs: 300_000, cacheScope: 'public' } as const;

/** An issue in a request that has no tool result to carry it is a protocol error. */
async function asProtocolError<Result>(work: () => Promise<Result>, log: Log): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    if (error instanceof ToolError) {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, error.message);
    }
    log('a request failed', { error });
    throw new ProtocolError(ProtocolErrorCode.InternalError, 'The server failed; see its log.');
  }
}

/** Only answers to a server's own questions are validated with it, and tools here ask none. */
const noValidator: jsonSchemaValidator = {
  getValidator() {
    throw new Error('tools of the kit do not ask their callers');
  },
};

/** One fresh SDK server for one connection or one request, serving either protocol era. */
export function createServer(definition: ServerDefinition, settings: ServerSettings): Server {
  const { log } = settings;
  const listing = toListing(definition);
  const tools = new Map(definition.tools.map((tool) => [tool.name, tool]));
  const server = new Server(listing.serverInfo, {
    capabilities: listing.capabilities,
    // The SDK's default compiles a whole JSON Schema validator for each server.
    jsonSchemaValidator: noValidator,
    ...(listing.instructions !== undefined && { instructions: listing.instructions }),
    cacheHints: {
      'tools/list': lasting,
      'prompts/list': lasting,
      'resources/templates/list': lasting,
      'server/discover': lasting,
    },
  });

  server.setRequestHandler('tools/list', () => ({ tools: listing.tools }));
  server.setRequestHandler('tools/call', async ({ params }, request): Promise<CallToolResult> => {
    const tool = tools.get(params.name);
    if (tool === undefined) {
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `Unknown tool: ${params.name}. Allowed: ${[...tools.keys()].join(', ')}`,
      );
    }
    const context = toCallContext(request, settings);
    const result = await callTool(tool, params.arguments, { context, log });
    return server.projectCallToolResult(result, tool.listing().outputSchema);
  });

  const { resources, prompts } = definition;
  if (resources !== undefined) {
    server.setRequestHandler('resources/templates/list', () => ({
      resourceTemplates: [...resources.templates],
    }));
    server.setRequestHandler('resources/list', ({ params }, request) =>
      asProtocolError(() => resources.list(params?.cursor, toCallContext(request, settings)), log),
    );
    server.setRequestHandler('resources/read', ({ params }, request) =>
      asProtocolError(() => resources.read(params.uri, toCallContext(request, settings)), log),
    );
  }
  if (resources?.watch !== undefined) {
    // Legacy clients subscribe on the connection; modern ones over `subscriptions/listen`, which the
    // SDK's entries answer before a server sees it (watched-transport.ts, http-handler.ts).
    const subscriptions = createSubscriptions(
      resources,
      (uri) => server.sendResourceUpdated({ uri }),
      log,
    );
    server.setRequestHandler('resources/subscribe', async ({ params }, request) => {
      const context = toCallContext(request, settings);
      await asProtocolError(() => subscriptions.open(params.uri, [params.uri], context), log);
      return {};
    });
    server.setRequestHandler('resources/unsubscribe', ({ params }) => {
      subscriptions.close(params.uri);
      return {};
    });
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has no other
    server.onclose = () => subscriptions.closeAll();
  }
  if (prompts !== undefined) {
    server.setRequestHandler('prompts/list', () => ({ prompts: listing.prompts }));
    server.setRequestHandler('prompts/get', ({ params }, request) => {
      const prompt = prompts.find(({ name }) => name === params.name);
      if (prompt === undefined) {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown prompt: ${params.name}`);
      }
      return asProtocolError(
        () => prompt.get(params.arguments ?? {}, toCallContext(request, settings)),
        log,
      );
    });
  }
  return server;
}
