// An error as the answer to an HTTP request: a problem document, or on the MCP routes a JSON-RPC error with
// the id null.
import { type Problem, toProblem } from './problem.ts';
import { toRpcError } from './rpc-error.ts';

export interface ErrorAnswer {
  readonly status: Problem['status'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

export function toErrorAnswer(
  error: unknown,
  { path, requestId }: { readonly path: string; readonly requestId: string },
): ErrorAnswer {
  const problem = toProblem(error, requestId);
  const { status } = problem;
  const headers = toErrorHeaders(problem);
  if (!isMcpPath(path)) {
    return {
      status,
      headers: { ...headers, 'Content-Type': 'application/problem+json' },
      body: problem,
    };
  }
  const { code, message, data } = toRpcError(error);
  return {
    status,
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: { jsonrpc: '2.0', id: null, error: { code, message, data } },
  };
}

/** Codes of errors that pass soon; their answers say when to try again. */
const passing = new Set(['bridge/stopping', 'policy/limit', 'request/busy', 'upstream/busy']);

function toErrorHeaders({ status, code }: Problem): Record<string, string> {
  if (status === 401) {
    const error = code === 'auth/invalid' ? ', error="invalid_token"' : '';
    return { 'WWW-Authenticate': `Bearer realm="drawbridge"${error}` };
  }
  return status === 429 || passing.has(code) ? { 'Retry-After': '1' } : {};
}

export function isMcpPath(path: string): boolean {
  return path === '/mcp' || path.startsWith('/mcp/') || path.startsWith('/servers/');
}
