// One call of a tool over REST: a run of its own, and its outcome as an answer or a problem document.
import type { CallAnswer } from '@drawbridge/schemas';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import {
  type AnsweredOutcome,
  type FailedOutcome,
  type Outcome,
  toFailure,
} from '../calls/call.ts';
import type { LargeResult } from '../calls/large-json/large-json.ts';
import { isOfLog } from '../calls/record.ts';
import type { HttpDeps, HttpEnv } from '../edge/http/http-env.ts';
import { toProject } from '../edge/http/project.ts';
import { type Problem, toCallProblem } from '../edge/problem.ts';
import { silentSink, toCall } from '../mcp/caller-context.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';
import type { Worked } from './idempotency.ts';

/** An answer whose result is an artifact in the log; this much is kept for an Idempotency-Key. */
interface LargeBody {
  readonly callId: string;
  readonly runId: string;
  readonly outcome: AnsweredOutcome['kind'];
  /** The hash of the result as the log has it. */
  readonly artifact: string;
  readonly meta?: LargeResult['meta'];
}

/** Calls a tool; the call is a run of its own. */
export async function callTool(
  c: Context<HttpEnv>,
  { name, args, runId }: { name: string; args: unknown; runId: string },
  deps: HttpDeps,
): Promise<Worked<Answer>> {
  const { createId, runs, logger, call } = deps;
  const principal = c.get('principal');
  const requestId = c.get('requestId');
  const { project, roots } = toProject((name) => c.req.header(name), deps);
  const client = {
    era: 'rest' as const,
    capabilities: {},
    name: c.req.header('user-agent') ?? 'unknown',
  };
  const warn = (error: unknown): void =>
    logger.warn({ err: error, runId }, 'a run was not recorded whole');
  // The call's events share this commit; when it fails, so does the call.
  runs.log
    .open({
      id: runId,
      tenantId: principal.tenantId,
      createdBy: principal.id,
      project,
      kind: 'rest',
      title: name,
      client: client.name,
    })
    .catch(warn);
  const made = await toCall(
    {
      principal,
      view: { kind: 'all' },
      client,
      project,
      roots,
      requestId,
      runId: () => Promise.resolve(runId),
    },
    {
      method: 'tools/call',
      name,
      params: { name, arguments: args },
      signal: AbortSignal.any([c.req.raw.signal, c.get('keyEnded')]),
      sink: silentSink,
    },
    createId(),
  );
  const outcome = await call(made);
  // A run that cannot be ended now is ended later (runs/owed-ends.ts); when the log is away, do not wait for it.
  const ended = runs.log.end(runId, toRunEnd(outcome)).catch(warn);
  if (!isOfLog(outcome)) await ended;
  const answer = toAnswer(outcome, { callId: made.id, runId, requestId });
  return { answer, call: toFate(outcome) };
}

function toFate(outcome: Outcome): Worked<Answer>['call'] {
  if (outcome.kind === 'denied' || 'sent' in outcome) return 'not sent';
  return isOfLog(outcome) ? 'not recorded' : 'recorded';
}

function toRunEnd(outcome: Outcome): 'completed' | 'failed' | 'cancelled' {
  switch (outcome.kind) {
    case 'result':
    case 'tool_error':
    case 'input_required':
      return 'completed';
    case 'cancelled':
      return 'cancelled';
    case 'protocol_error':
    case 'timed_out':
    case 'denied':
      return 'failed';
    default:
      return outcome satisfies never;
  }
}

export type Answer =
  | { status: 200; body: CallAnswer }
  | { status: 200; body: LargeBody; large?: LargeResult }
  | { status: ContentfulStatusCode; body: Problem };

export function isProblem(
  answer: Answer,
): answer is { status: ContentfulStatusCode; body: Problem } {
  return answer.status !== 200;
}

function toAnswer(
  outcome: Outcome,
  ids: { callId: string; runId: string; requestId: string },
): Answer {
  const { requestId, ...rest } = ids;
  switch (outcome.kind) {
    case 'result':
    case 'tool_error':
    case 'input_required':
      if (outcome.kind !== 'input_required' && outcome.large !== undefined) {
        const { large, kind } = outcome;
        const artifact = large.logged.artifact.sha256.toString('hex');
        const meta = large.meta === undefined ? {} : { meta: large.meta };
        return { status: 200, body: { ...rest, outcome: kind, artifact, ...meta }, large };
      }
      return { status: 200, body: { ...rest, outcome: outcome.kind, result: outcome.result } };
    case 'protocol_error':
    case 'timed_out':
    case 'denied':
      return toFailed(outcome, requestId);
    case 'cancelled':
      return toFailed(CANCELLED, requestId);
    default:
      return outcome satisfies never;
  }
}

const CANCELLED = toFailure({
  code: INTERNAL_ERROR,
  message: 'The call was cancelled.',
  data: { code: 'call/cancelled' },
});

function toFailed(
  outcome: Pick<FailedOutcome, 'code' | 'error'>,
  requestId: string,
): Extract<Answer, { body: Problem }> {
  const body = toCallProblem(outcome, requestId);
  return { status: body.status, body };
}
