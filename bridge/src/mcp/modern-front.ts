// The front for revision 2026-07-28 over Streamable HTTP: stateless, one SDK server per request. Changes of the
// catalog go to the `subscriptions/listen` streams.
import { createMcpHandler } from '@modelcontextprotocol/server';
import type { Catalog } from '../catalog/catalog.ts';
import type { CallerContext } from './caller-context.ts';
import { createMcpServer, type McpServerDeps } from './mcp-server.ts';

export interface ModernFront {
  fetch(request: Request, context: CallerContext, body: unknown): Promise<Response>;
  close(): Promise<void>;
}

export interface ModernFrontOptions extends McpServerDeps {
  readonly catalog: Catalog;
  readonly onError: (error: Error) => void;
}

export function createModernFront({ onError, ...deps }: ModernFrontOptions): ModernFront {
  const handler = createMcpHandler(
    ({ authInfo }) => createMcpServer(deps, toContext(authInfo?.extra)),
    { legacy: 'reject', onerror: onError },
  );
  const unsubscribe = deps.catalog.subscribe(() => {
    handler.notify.toolsChanged();
    handler.notify.promptsChanged();
    handler.notify.resourcesChanged();
  });
  return {
    fetch(request, context, body) {
      const authInfo = {
        token: '',
        clientId: context.principal.keyId,
        scopes: [],
        extra: { context },
      };
      return handler.fetch(request, { authInfo, parsedBody: body });
    },
    async close() {
      unsubscribe();
      await handler.close();
    },
  };
}

/** The SDK carries the context through its `authInfo.extra`, which it types as unknown. */
function toContext(extra: Record<string, unknown> | undefined): CallerContext {
  const context = extra?.['context'];
  if (context === undefined) throw new Error('A request reached the MCP front without its caller.');
  return context as CallerContext; // set by fetch above, and by nothing else
}
