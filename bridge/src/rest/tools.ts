// `/v1/tools`: the merged catalog, and a call of one tool as one HTTP request. A call's own failure
// never hides behind a 200 of something else: `outcome` tells a tool's error from a result, and what
// is no answer at all is a problem document.
import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import {
  type CallAnswer,
  callAnswerSchema,
  callRequestSchema,
  toolPageSchema,
  toolSchema,
} from '@drawbridge/schemas';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import {
  type AnsweredOutcome,
  type FailedOutcome,
  type Outcome,
  toFailure,
} from '../calls/call.ts';
import { isOfLog } from '../calls/record.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';
import { LARGE_BYTES, LargeJson, type LargeResult } from '../calls/large-json/large-json.ts';
import { DrawbridgeError } from '../errors.ts';
import { silentSink, toCall } from '../mcp/caller-context.ts';
import type { HttpEnv, HttpDeps } from '../edge/http/http-env.ts';
import { CallProblem, type Problem, toCallProblem } from '../edge/problem.ts';
import { fromSplit } from '../mcp/request-body.ts';
import { toProject } from '../edge/http/project.ts';
import { toLargeResponse } from './large-answer.ts';
import { type Worked, createIdempotency } from './idempotency.ts';
import { json, named, pageQuery, problems, secured } from './openapi-responses.ts';
import { isRecord } from '../json-record.ts';

const tool = named(toolSchema, 'Tool');
const callAnswer = named(callAnswerSchema, 'CallAnswer');
const toolPage = toolPageSchema.extend({ tools: z.array(tool) });

/** A body that was cut apart; large arguments are no plain object. */
const largeBody = z.object({ arguments: z.custom<object>(isRecord).default({}) });

export function addToolRoutes(app: OpenAPIHono<HttpEnv>, deps: HttpDeps): void {
  const { catalog, ready } = deps;
  const idempotent = createIdempotency(deps);

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/tools',
      summary: 'List or search the tools',
      ...secured,
      request: {
        query: pageQuery.extend({
          q: z
            .string()
            .optional()
            .openapi({ description: 'words that the name or the description holds' }),
          server: z.string().optional(),
        }),
      },
      responses: {
        200: json(toolPage, 'A page of tools'),
        ...problems(),
      },
    }),
    async (c) => {
      await ready();
      const { q = '', server, cursor, limit } = c.req.valid('query');
      const words = q.toLowerCase().split(/\s+/).filter(Boolean);
      const all = catalog
        .tools({ kind: 'all' })
        .filter(
          (tool) =>
            (server === undefined || tool.server === server) &&
            words.every((word) =>
              `${tool.definition['name']} ${tool.definition['description']}`
                .toLowerCase()
                .includes(word),
            ),
        );
      const start =
        cursor === undefined
          ? 0
          : all.findIndex(({ definition }) => definition['name'] === cursor) + 1;
      const page = all.slice(start, start + limit);
      const last = page.at(-1);
      const more = start + limit < all.length && last !== undefined;
      const tools = page.map(({ definition, server: of }) =>
        toolSchema.parse({ ...definition, server: of }),
      );
      return c.json({ tools, ...(more && { nextCursor: String(last.definition['name']) }) }, 200);
    },
  );

  const answerCall = async (
    c: Context<HttpEnv>,
    { name, args, told }: { name: string; args: unknown; told: unknown },
  ) => {
    const answer = await idempotent(c, { name, args: told }, (runId) =>
      callOnce(c, { name, args, runId }, deps),
    );
    if (isProblem(answer)) throw new CallProblem(answer.body);
    if (!('artifact' in answer.body)) return toJson(c, answer.body);
    const { artifact, meta, ...fields } = answer.body;
    const { tenantId } = c.get('principal');
    // A repeated request gets what the log has.
    const bytes =
      ('large' in answer ? answer.large?.bytes : undefined) ??
      (await deps.runs.reader.artifact(tenantId, artifact))?.body;
    if (bytes === undefined) {
      throw new DrawbridgeError('artifact/unknown', 'The first answer is no longer in the log.');
    }
    // It holds what the type says, written in another way.
    return toLargeResponse(c, fields, { bytes, meta }) as ReturnType<typeof toJson>;
  };

  // Before the route that documents it: its validator would parse the body in place.
  app.post('/v1/tools/:name/call', async (c, next) => {
    if (Number(c.req.header('content-length') ?? Infinity) <= LARGE_BYTES) return next();
    const bytes = Buffer.from(await c.req.arrayBuffer());
    if (bytes.length <= LARGE_BYTES) return next();
    await ready();
    const owner = c.get('principal').id;
    const body = fromSplit(await deps.largeJson.request(bytes, { at: 'body', owner }));
    const parsed = largeBody.safeParse(body);
    if (!parsed.success) {
      throw new DrawbridgeError('request/invalid', 'The body must be { "arguments": { … } }.');
    }
    const { arguments: args } = parsed.data;
    // The same body has the same hash.
    const told = args instanceof LargeJson ? args.logged.artifact.sha256.toString('hex') : args;
    return answerCall(c, { name: c.req.param('name'), args, told });
  });

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/tools/{name}/call',
      summary: 'Call a tool',
      description:
        'Answers when the call is recorded. `outcome` is `tool_error` where the tool itself reports a failure. With the header `Idempotency-Key` a repeated request gets the first answer again, as the log keeps it: secrets are redacted in it. A key whose call was never sent can be used again; where the first answer was lost, the log is asked, and an answer that it cannot give is a conflict that says what the log has of the call.',
      ...secured,
      request: {
        params: z.object({ name: z.string() }),
        headers: z.object({ 'idempotency-key': z.string().min(1).max(255).optional() }),
        body: {
          content: {
            'application/json': {
              schema: callRequestSchema,
            },
          },
        },
      },
      responses: {
        200: json(callAnswer, 'The tool answered'),
        ...problems(403, 404, 409, 422, 429, 499, 502, 503, 504),
      },
    }),
    async (c) => {
      await ready();
      const { name } = c.req.valid('param');
      const { arguments: args } = c.req.valid('json');
      return answerCall(c, { name, args, told: args });
    },
  );
}

function toJson(c: Context<HttpEnv>, body: CallAnswer) {
  return c.json(body, 200);
}

/** An answer whose result is bytes in the log; an Idempotency-Key keeps no more than this. */
interface LargeBody {
  readonly callId: string;
  readonly runId: string;
  readonly outcome: AnsweredOutcome['kind'];
  /** The hash of the result as the log has it. */
  readonly artifact: string;
  readonly meta?: LargeResult['meta'];
}

/** One REST call is a run of its own. */
async function callOnce(
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
  // What is appended to the run shares this commit; where it fails, the call fails with it.
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
  // Where the run cannot be ended, its end is owed; who heard that the log is away waits for no more.
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

type Answer =
  | { status: 200; body: CallAnswer }
  | { status: 200; body: LargeBody; large?: LargeResult }
  | { status: ContentfulStatusCode; body: Problem };

function isProblem(answer: Answer): answer is { status: ContentfulStatusCode; body: Problem } {
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
