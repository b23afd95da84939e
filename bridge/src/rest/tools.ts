// `/v1/tools`: the merged tools, and a call of a tool as one HTTP request. In a 200, `outcome` tells a tool's own
// error from a result. A call without an answer from its server is a problem document.
import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import {
  type CallAnswer,
  callAnswerSchema,
  callRequestSchema,
  toolPageSchema,
  toolSchema,
} from '@drawbridge/schemas';
import type { Context } from 'hono';
import { LARGE_BYTES, LargeJson } from '../calls/large-json/large-json.ts';
import type { HttpDeps, HttpEnv } from '../edge/http/http-env.ts';
import { CallProblem } from '../edge/problem.ts';
import { DrawbridgeError } from '../errors.ts';
import { isRecord } from '../json-record.ts';
import { fromSplit } from '../mcp/request-body.ts';
import { createIdempotency } from './idempotency.ts';
import { toLargeResponse } from './large-answer.ts';
import { json, named, pageQuery, problems, secured } from './openapi-responses.ts';
import { callTool, isProblem } from './tool-call.ts';

const tool = named(toolSchema, 'Tool');
const callAnswer = named(callAnswerSchema, 'CallAnswer');
const toolPage = toolPageSchema.extend({ tools: z.array(tool) });

/** A large body; its arguments may be a `LargeJson`. */
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

  /** @param hashed what stands for the arguments when requests with the same Idempotency-Key are compared */
  const answerCall = async (
    c: Context<HttpEnv>,
    { name, args, hashed }: { name: string; args: unknown; hashed: unknown },
  ) => {
    const answer = await idempotent(c, { name, args: hashed }, (runId) =>
      callTool(c, { name, args, runId }, deps),
    );
    if (isProblem(answer)) throw new CallProblem(answer.body);
    if (!('artifact' in answer.body)) return toJson(c, answer.body);
    const { artifact, meta, ...fields } = answer.body;
    const { tenantId } = c.get('principal');
    // A repeated request has no `large`, and gets the result as the log has it.
    const bytes =
      ('large' in answer ? answer.large?.bytes : undefined) ??
      (await deps.runs.reader.artifact(tenantId, artifact))?.body;
    if (bytes === undefined) {
      throw new DrawbridgeError('artifact/unknown', 'The first answer is no longer in the log.');
    }
    // The same JSON as `toJson` would send.
    return toLargeResponse(c, fields, { bytes, meta }) as ReturnType<typeof toJson>;
  };

  // Comes before the documented route, whose validator would parse a large body on the event loop.
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
    const hashed = args instanceof LargeJson ? args.sha256.toString('hex') : args;
    return answerCall(c, { name: c.req.param('name'), args, hashed });
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
      return answerCall(c, { name, args, hashed: args });
    },
  );
}

function toJson(c: Context<HttpEnv>, body: CallAnswer) {
  return c.json(body, 200);
}
