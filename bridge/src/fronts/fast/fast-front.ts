// The fast path: another front around the very same steps, for what almost all traffic is. It parses
// the body once and answers plain JSON, without Request, Response or SDK objects. What it does not
// take, it hands on untouched.
import type { IncomingMessage } from 'node:http';
import type { CallClient, Outcome, Principal } from '../../calls/call.ts';
import type { Admitted } from '../../edge/edge.ts';
import type { PacedResponse } from '../../edge/paced-response.ts';
import type { Session } from '../../sessions/sessions.ts';
import { silentSink } from '../caller-context.ts';
import type { CallsUnderWay } from '../calls-under-way.ts';
import { toRequestKey } from '../calls-under-way.ts';
import type { HttpParts } from '../http-env.ts';
import { createFastLists } from './fast-lists.ts';
import { goneSignal } from './gone-signal.ts';
import {
  type FastCall,
  type FastHead,
  toFastCall,
  toFastHead,
  toFastListId,
} from './fast-request.ts';
import { createFastResponses } from './fast-response.ts';
import type { SettledOutcomes } from './settled.ts';

export type FastFront = (
  request: IncomingMessage,
  response: PacedResponse,
  admitted: Admitted,
) => void;

export interface FastFrontOptions {
  readonly parts: HttpParts;
  readonly underWay: CallsUnderWay;
  readonly settled: SettledOutcomes;
  /** Takes every request that is not plainly the common case. */
  readonly otherwise: FastFront;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: PacedResponse;
  readonly admitted: Admitted;
}

interface Asker {
  readonly principal: Principal;
  /** Legacy only. */
  readonly session?: Session;
}

interface Caller {
  readonly principal: Principal;
  readonly client: CallClient;
  readonly runId: string;
  /** Legacy only. */
  readonly sessionId?: string;
}

export function createFastFront({
  parts,
  underWay,
  settled,
  otherwise,
}: FastFrontOptions): FastFront {
  const { catalog, createId, sessions, runs, settings, metrics, logger } = parts;
  const serverInfo = { name: 'drawbridge', title: 'Drawbridge', version: parts.version };
  const lists = createFastLists(catalog, serverInfo);
  const responses = createFastResponses(serverInfo);

  /** Who asks, or nothing when the request is to be judged by the other path. */
  const toAsker = async (
    head: FastHead,
    principal: Principal | undefined,
  ): Promise<Asker | undefined> => {
    if (principal === undefined || head.era === 'modern') return principal && { principal };
    const session = await sessions.find(head.sessionId, principal);
    if (session?.client.protocolVersion !== head.protocolVersion) return undefined;
    return { principal, session };
  };

  const toCaller = async (
    head: FastHead,
    { client }: FastCall,
    asking: Principal | undefined,
  ): Promise<Caller | undefined> => {
    const asker = await toAsker(head, asking);
    if (asker === undefined) return undefined;
    const { principal, session } = asker;
    if (session !== undefined) {
      const { id: sessionId, runId } = session;
      return { principal, client: { ...session.client, capabilities: {} }, runId, sessionId };
    }
    const { defaultProject: project } = settings();
    const caller = { era: 'modern', protocolVersion: head.protocolVersion, ...client } as const;
    const runId = await runs.directory.find({ principal, client: caller, project });
    return { principal, client: caller, runId };
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
    { request, response, admitted }: Exchange,
  ): Promise<boolean> => {
    const begin = performance.now();
    const parsed = parse(admitted.body);
    const write = (text: string, requestId: string): void => {
      response.writeHead(200, {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(text),
        'X-Request-Id': requestId,
        Vary: 'Origin',
      });
      response.end(text);
      const seconds = (performance.now() - begin) / 1_000;
      metrics.request({ route: '/mcp', method: 'POST', status: 200, seconds });
    };

    const listId = toFastListId(parsed, head);
    if (listId !== undefined) {
      if (!catalog.has(head.view) || (await toAsker(head, admitted.principal)) === undefined)
        return false;
      await parts.ready();
      const text = lists.tools(head, listId);
      if (text !== undefined) write(text, createId());
      return text !== undefined;
    }
    const call = toFastCall(parsed, head);
    if (call === undefined || !isPlainTool(head, call)) return false;
    const caller = await toCaller(head, call, admitted.principal);
    if (caller === undefined) return false;
    const { projects, defaultProject: project } = settings();
    // The request is the call, so one id will do.
    const id = createId();

    const made = (signal: AbortSignal): Promise<Outcome> =>
      parts.call({
        id,
        method: 'tools/call',
        name: call.name,
        params: call.params,
        view: head.view,
        principal: caller.principal,
        client: caller.client,
        runId: caller.runId,
        sessionId: caller.sessionId,
        project,
        roots: projects[project]?.roots ?? [],
        requestId: id,
        signal,
        sink: silentSink,
      });
    const outcome =
      caller.sessionId === undefined
        ? await made(goneSignal(request.socket))
        : await cancellable(toRequestKey(caller.sessionId, call.id), made);
    if (response.destroyed) return true;
    if (outcome.kind === 'cancelled') {
      response.writeHead(202).end();
      return true;
    }
    const text = responses.toText(outcome, { id: call.id, era: head.era });
    if (text === undefined) {
      settled.settle(request, outcome);
      return false;
    }
    write(text, id);
    return true;
  };

  /** A legacy caller cancels by the request's id, and may leave without cancelling. */
  const cancellable = async (
    key: string,
    made: (signal: AbortSignal) => Promise<Outcome>,
  ): Promise<Outcome> => {
    const abort = new AbortController();
    underWay.add(key, { close: () => abort.abort() });
    try {
      return await made(abort.signal);
    } finally {
      underWay.delete(key);
    }
  };

  return (request, response, admitted) => {
    const head = toFastHead(request);
    if (head === undefined) {
      otherwise(request, response, admitted);
      return;
    }
    answer(head, { request, response, admitted }).then(
      (isAnswered) => {
        if (!isAnswered) otherwise(request, response, admitted);
      },
      (error: unknown) => {
        logger.warn({ err: error }, 'a request broke off');
        response.destroy();
      },
    );
  };
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
