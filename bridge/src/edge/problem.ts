// Errors as REST answers: problem documents (RFC 9457) with the bridge's code and the request's id.
import type { Problem as ProblemDocument } from '@drawbridge/schemas';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { FailedOutcome } from '../calls/call.ts';
import { isRecord } from '../json-record.ts';
import { INVALID_PARAMS } from '../rpc-codes.ts';
import {
  type DrawbridgeErrorCode,
  FAILED,
  findDrawbridgeError,
  toPublicMessage,
} from '../errors.ts';

export interface Problem extends Readonly<ProblemDocument> {
  readonly status: ContentfulStatusCode;
}

/** Thrown for a call that ended without a result; carries its whole problem document. */
export class CallProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Anything thrown, as a problem document. Only errors of the bridge's own class tell what happened. */
export function toProblem(error: unknown, requestId: string): Problem {
  if (error instanceof CallProblem) return error.problem;
  if (error instanceof HTTPException && error.status === 400) {
    return problem(400, { code: 'request/invalid', detail: error.message, requestId });
  }
  const known = findDrawbridgeError(error);
  if (known === undefined) {
    return problem(500, {
      code: 'internal',
      detail: FAILED,
      requestId,
    });
  }
  const { code, details } = known;
  const detail = toPublicMessage(known);
  return problem(toStatus(code), {
    code,
    detail,
    requestId,
    ...(details !== undefined && { details }),
  });
}

/** The end of a call without a result, as a problem document. */
export function toCallProblem(
  { code, error }: Pick<FailedOutcome, 'code' | 'error'>,
  requestId: string,
): Problem {
  const rest = { detail: error.message, requestId, details: error };
  if (code !== undefined) return problem(toStatus(code), { code, ...rest });
  // The server's own error: the caller's mistake if the server says so, else a bad gateway.
  const told = isRecord(error.data) ? error.data['code'] : undefined;
  return problem(error.code === INVALID_PARAMS ? 422 : 502, {
    code: typeof told === 'string' ? told : `rpc/${error.code}`,
    ...rest,
  });
}

function problem(
  status: ContentfulStatusCode,
  rest: { code: string; detail: string; requestId: string; details?: unknown },
): Problem {
  return { type: 'about:blank', title: titles[status] ?? 'Error', status, ...rest };
}

const titles: Partial<Record<ContentfulStatusCode, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

export function toStatus(code: DrawbridgeErrorCode): ContentfulStatusCode {
  switch (code) {
    case 'settings/invalid':
    case 'request/invalid':
      return 400;
    case 'auth/missing':
    case 'auth/invalid':
      return 401;
    case 'auth/forbidden':
    case 'policy/denied':
    case 'catalog/withheld':
      return 403;
    case 'catalog/unknown_tool':
    case 'catalog/unknown_prompt':
    case 'catalog/unknown_resource':
    case 'session/unknown':
    case 'run/unknown':
    case 'artifact/unknown':
    case 'upstream/unknown':
    case 'request/not_found':
      return 404;
    case 'request/timeout':
      return 408;
    case 'request/conflict':
    case 'home/locked':
    case 'home/foreign':
      return 409;
    case 'run/pruned':
      return 410;
    case 'request/too_large':
      return 413;
    case 'policy/limit':
      return 429;
    case 'call/cancelled':
      return 499 as ContentfulStatusCode; // nginx's code for a caller that left; not in Hono's list
    case 'upstream/crashed':
    case 'upstream/protocol':
    case 'upstream/too_large':
    case 'upstream/start_failed':
    case 'upstream/outcome_unknown':
      return 502;
    case 'bridge/stopping':
    case 'bridge/outcome_unknown':
    case 'store/unavailable':
    case 'store/start_failed':
    case 'log/unavailable':
    case 'log/outcome_unknown':
    case 'upstream/unavailable':
    case 'upstream/busy':
    case 'request/busy':
      return 503;
    case 'upstream/timeout':
      return 504;
    default:
      return code satisfies never;
  }
}
