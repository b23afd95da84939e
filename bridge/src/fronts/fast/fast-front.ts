// The fast path: another front around the very same steps, for what almost all traffic is. It reads
// the body once, parses it once and answers plain JSON, without Request, Response or SDK objects.
// What it does not take, it hands on untouched, with the body it has read.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Outcome } from '../../calls/call.ts';
import type { CallerContext } from '../caller-context.ts';
import { silentSink, toCall } from '../caller-context.ts';
import type { CallsUnderWay } from '../calls-under-way.ts';
import { toRequestKey } from '../calls-under-way.ts';
import type { HttpParts } from '../http-env.ts';
import { type FastCall, type FastHead, toFastCall, toFastHead } from './fast-request.ts';
import { toFastResponse } from './fast-response.ts';
import type { SettledOutcomes } from './settled.ts';

export type Listener = (request: IncomingMessage, response: ServerResponse) => void;

export interface FastFrontOptions {
  readonly parts: HttpParts;
  readonly underWay: CallsUnderWay;
  readonly settled: SettledOutcomes;
  /** Takes every request that is not plainly the common case. */
  readonly otherwise: Listener;
}

export function createFastFront({
  parts,
  underWay,
  settled,
  otherwise,
}: FastFrontOptions): Listener {
  const { catalog, createId, principals, sessions, runs, settings, metrics, logger } = parts;
  const serverInfo = { name: 'drawbridge', title: 'Drawbridge', version: parts.version };

  /** The caller, or nothing when the request is to be judged by the other path. */
  const toContext = async (
    head: FastHead,
    { client }: FastCall,
    requestId: string,
  ): Promise<CallerContext | undefined> => {
    const principal = await principals.verify(head.key);
    if (principal === undefined) return undefined;
    const { projects, defaultProject: project } = settings();
    const base = {
      principal,
      view: head.view,
      project,
      roots: projects[project]?.roots ?? [],
      requestId,
    };
    if (head.era === 'legacy') {
      const session = await sessions.find(head.sessionId, principal);
      if (session === undefined || session.client.protocolVersion !== head.protocolVersion)
        return undefined;
      return {
        ...base,
        client: { ...session.client, capabilities: {} },
        sessionId: session.id,
        runId: () => Promise.resolve(session.runId),
      };
    }
    const caller = { era: 'modern', protocolVersion: head.protocolVersion, ...client } as const;
    return {
      ...base,
      client: caller,
      runId: () => runs.directory.find({ principal, client: caller, project }),
    };
  };

  const isPlainTool = (head: FastHead, { name, params }: FastCall): boolean => {
    if (!catalog.has(head.view)) return false;
    const target = catalog.find({ method: 'tools/call', name, params, view: head.view });
    if (!('upstream' in target) || catalog.hasHeaderParams(head.view, name)) return false;
    // A schema whose root is no object is wrapped for legacy clients (SEP-2106), and so are its results.
    const { type = 'object' } = catalog.outputSchema(head.view, name) ?? {};
    return type === 'object';
  };

  const answer = async (
    head: FastHead,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<boolean> => {
    const begin = performance.now();
    const body = await readBody(request, head.length);
    // Where the body goes on to the other path, it goes as the bytes that were read.
    Object.assign(request, { rawBody: body });
    const call = toFastCall(parse(body), head);
    if (call === undefined || !isPlainTool(head, call)) return false;
    const requestId = createId();
    const context = await toContext(head, call, requestId);
    if (context === undefined) return false;

    const abort = new AbortController();
    const cancel = (): void => abort.abort();
    const key = head.era === 'legacy' ? toRequestKey(context.sessionId, call.id) : undefined;
    if (key === undefined) response.once('close', cancel);
    else underWay.add(key, { close: cancel });
    let outcome: Outcome;
    try {
      const { name, params } = call;
      const made = {
        method: 'tools/call',
        name,
        params,
        signal: abort.signal,
        sink: silentSink,
      } as const;
      outcome = await parts.call(await toCall(context, made, createId()));
    } finally {
      if (key === undefined) response.off('close', cancel);
      else underWay.delete(key);
    }
    if (response.destroyed) return true;
    if (outcome.kind === 'cancelled') {
      response.writeHead(202).end();
      return true;
    }
    const text = toFastResponse(outcome, { id: call.id, era: head.era, serverInfo });
    if (text === undefined) {
      settled.settle(request, outcome);
      return false;
    }
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
      'X-Request-Id': requestId,
      Vary: 'Origin',
    });
    response.end(text);
    const seconds = (performance.now() - begin) / 1_000;
    metrics.request({ route: '/mcp', method: 'POST', status: 200, seconds });
    return true;
  };

  return (request, response) => {
    const head = toFastHead(request);
    if (head === undefined || head.length > settings().limits.bodyBytes) {
      otherwise(request, response);
      return;
    }
    answer(head, request, response).then(
      (isAnswered) => {
        if (!isAnswered) otherwise(request, response);
      },
      (error: unknown) => {
        // The caller went away while it sent its body, or the bridge has a fault.
        logger.warn({ err: error }, 'a request broke off');
        response.destroy();
      },
    );
  };
}

/** Reads exactly the bytes that were announced; rejects when the caller leaves before. */
function readBody(request: IncomingMessage, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const [first] = parts;
      const body = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts, length);
      resolve(body);
    });
    request.on('error', reject);
  });
}

/** What is no JSON is told by the other path. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
