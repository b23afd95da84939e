// The fast path: another front around the very same steps, for what almost all traffic is. It parses
// the body once and answers plain JSON, without Request, Response or SDK objects. What it does not
// take goes to the fallback unchanged.
import type { IncomingMessage } from 'node:http';
import type { Outcome } from '../calls/call.ts';
import type { CallClient, CallerIdentity, Principal } from '../principals/caller.ts';
import { LARGE_BYTES } from '../calls/large-json/large-json.ts';
import type { Admitted } from '../edge/edge.ts';
import type { PacedResponse } from '../edge/paced-response.ts';
import type { Session } from '../sessions/sessions.ts';
import { DrawbridgeError } from '../errors.ts';
import { toProject } from '../edge/http/project.ts';
import { silentSink } from '../mcp/caller-context.ts';
import type { CallsUnderWay } from '../mcp/calls-under-way.ts';
import { toRequestKey } from '../mcp/calls-under-way.ts';
import type { HttpDeps } from '../edge/http/http-env.ts';
import { createFastLists } from './fast-lists.ts';
import type { Precomputed } from '../edge/http/precomputed.ts';
import { carryCancellable } from './cancellable-call.ts';
import { goneSignal } from './gone-signal.ts';
import {
  type FastCall,
  type FastHead,
  toFastCall,
  toFastHead,
  toFastListId,
} from './fast-request.ts';
import { type FastText, createFastResponses } from './fast-response.ts';
import { writeText } from './write-text.ts';

export type FastFront = (
  request: IncomingMessage,
  response: PacedResponse,
  admitted: Admitted,
) => void;

export interface FastFrontOptions {
  readonly deps: HttpDeps;
  readonly underWay: CallsUnderWay;
  /** Takes every request that is not plainly the common case. */
  readonly fallback: (
    request: IncomingMessage,
    response: PacedResponse,
    body: Buffer,
    known: Precomputed,
  ) => void;
  /** Tells the caller why the request goes no further. */
  readonly refuse: (
    request: IncomingMessage,
    response: PacedResponse,
    reason: DrawbridgeError,
  ) => void;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: PacedResponse;
  readonly admitted: Admitted;
}

interface FastCaller extends Pick<CallerIdentity, 'principal' | 'project'> {
  /** Legacy only. */
  readonly session: Session | undefined;
}

/** What is learned about a request on its way. */
type Known = { -readonly [Key in keyof Precomputed]: Precomputed[Key] };

const NO_BYTES = Buffer.alloc(0);

export function createFastFront({ deps, underWay, fallback, refuse }: FastFrontOptions): FastFront {
  const { catalog, createId, principals, sessions, runs, metrics, logger } = deps;
  const serverInfo = { name: 'drawbridge', title: 'Drawbridge', version: deps.version };
  const lists = createFastLists(catalog, serverInfo);
  const responses = createFastResponses(serverInfo);

  /** Looks up the session that a legacy request names; false when the fallback should handle the request. */
  const findSession = async (
    head: FastHead,
    principal: Principal,
    known: Known,
  ): Promise<boolean> => {
    if (head.era === 'modern') return true;
    const session = await sessions.find(head.sessionId, principal);
    if (session?.client.protocolVersion !== head.protocolVersion) return false;
    known.session = session;
    return true;
  };

  /** The client of a call, and the run that it belongs to. */
  const findRun = async (
    { protocolVersion }: FastHead,
    { client: told }: FastCall,
    { principal, project, session }: FastCaller,
  ): Promise<{ client: CallClient; runId: string }> => {
    if (session !== undefined) {
      return { client: { ...session.client, capabilities: {} }, runId: session.runId };
    }
    const client = { era: 'modern', protocolVersion, ...told } as const;
    return { client, runId: await runs.streamRuns.find({ principal, client, project }) };
  };

  /** A large body without its arguments, which stay bytes; undefined when the fallback should handle it. */
  const toSplit = async ({ body, principal }: Admitted, known: Known): Promise<unknown> => {
    const split = await deps.largeJson.request(body, { at: 'params', owner: principal.id });
    known.split = split;
    return split.kind === 'split' ? split.body : undefined;
  };

  const isPlainTool = ({ view }: FastHead, { name }: FastCall): boolean => {
    const tool = catalog.tool(view, name);
    if (tool === undefined || tool.hasHeaderParams) return false;
    // A schema whose root is not an object is wrapped for legacy clients (SEP-2106), and so are its results.
    const { type = 'object' } = tool.outputSchema ?? {};
    return type === 'object';
  };

  /** Whether the request is answered. */
  const answer = async (
    head: FastHead,
    { request, response, admitted }: Exchange,
    known: Known,
  ): Promise<boolean> => {
    const begin = performance.now();
    const { principal, body } = admitted;
    const isLarge = body.length > LARGE_BYTES;
    const parsed = isLarge ? await toSplit(admitted, known) : (known.json = parse(body));
    const write = (text: FastText, requestId: string): void => {
      writeText(response, text, requestId);
      const seconds = (performance.now() - begin) / 1_000;
      metrics.request({ route: '/mcp', method: 'POST', status: 200, seconds });
    };
    const place = findProject(request, deps);
    if (place === undefined) return false;
    const { project, roots } = place;
    const listId = toFastListId(parsed, head);
    if (listId !== undefined) {
      if (!catalog.has(head.view) || !(await findSession(head, principal, known))) return false;
      await deps.ready();
      const text = lists.tools(head, listId);
      if (text !== undefined) write(text, createId());
      return text !== undefined;
    }
    const call = toFastCall(parsed, head);
    if (call === undefined || !isPlainTool(head, call)) return false;
    if (!(await findSession(head, principal, known))) return false;
    const { session } = known;
    const { client, runId } = await findRun(head, call, { principal, project, session });
    // The request is the call, so one id will do.
    const id = createId();

    const made = (signal: AbortSignal): Promise<Outcome> =>
      deps.call({
        id,
        method: 'tools/call',
        name: call.name,
        params: call.params,
        view: head.view,
        principal,
        client,
        runId,
        sessionId: session?.id,
        project,
        roots,
        requestId: id,
        signal,
        sink: silentSink,
      });
    const gone = goneSignal(request.socket, principal, principals);
    const outcome =
      session === undefined
        ? await made(gone)
        : await carryCancellable(underWay, {
            key: toRequestKey(session.id, call.id),
            gone,
            carry: made,
          });
    if (response.destroyed) return true;
    if (outcome.kind === 'cancelled') {
      // Where the caller did not ask for it, its key has ended.
      if (gone.reason instanceof DrawbridgeError) throw gone.reason;
      if (session !== undefined) {
        response.writeHead(202).end();
        return true;
      }
    }
    const text = responses.toText(outcome, { id: call.id, era: head.era });
    if (text === undefined) {
      known.outcome = outcome;
      return false;
    }
    write(text, id);
    return true;
  };

  return (request, response, admitted) => {
    const { body, principal } = admitted;
    const known: Known = { principal };
    const head = deps.isStopping() ? undefined : toFastHead(request);
    if (head === undefined) {
      fallback(request, response, body, known);
      return;
    }
    answer(head, { request, response, admitted }, known).then(
      (isAnswered) => {
        if (isAnswered) return;
        fallback(request, response, known.split === undefined ? body : NO_BYTES, known);
      },
      (error: unknown) => {
        if (error instanceof DrawbridgeError && !response.headersSent) {
          refuse(request, response, error);
          return;
        }
        logger.warn({ err: error }, 'a request broke off');
        response.destroy();
      },
    );
  };
}

/** Undefined for a body that is not JSON, which the fallback answers. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Undefined for invalid headers, which the fallback answers. */
function findProject(
  { headers }: IncomingMessage,
  deps: Parameters<typeof toProject>[1],
): ReturnType<typeof toProject> | undefined {
  try {
    return toProject((name) => {
      const value = headers[name];
      return typeof value === 'string' ? value : undefined;
    }, deps);
  } catch (error) {
    if (error instanceof DrawbridgeError) return undefined;
    throw error;
  }
}
