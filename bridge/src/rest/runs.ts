// `/v1/runs` and `/v1/events`: the log, as pages of JSON or as a live stream. A reader that was cut off sends
// `Last-Event-ID` and gets every event exactly once. Members see their own runs, operators all of their
// tenant's. Events are sent as the strings that the log holds.
import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import {
  eventPageSchema,
  runEventSchema,
  runKindSchema,
  runPageSchema,
  runSchema,
  runStatusSchema,
} from '@drawbridge/schemas';
import type { Context } from 'hono';
import type { Principal } from '../principals/caller.ts';
import { createLoopTurns } from '../flow/loop-turns.ts';
import { type StoredEvent, unknownRun } from '../runs/reader.ts';
import { assertOperator } from '../edge/http/authenticate.ts';
import type { HttpEnv, HttpDeps } from '../edge/http/http-env.ts';
import { createEventStream, toFrame, wantsEventStream } from '../edge/http/sse.ts';
import { json, named, pageQuery, problems, secured } from './openapi-responses.ts';

const run = named(runSchema, 'Run');
const event = named(z.object(runEventSchema.shape), 'RunEvent');
const idParam = z.object({ id: z.uuid() });
const runPage = runPageSchema.extend({ runs: z.array(run) });
const eventPage = eventPageSchema.extend({ events: z.array(event) });

export function addRunRoutes(
  app: OpenAPIHono<HttpEnv>,
  { runs, logger }: Pick<HttpDeps, 'runs' | 'logger'>,
): void {
  const turn = createLoopTurns({ burstMs: 64 });
  /** The readers of a run get the same event objects, and share one frame of each. */
  const frames = new WeakMap<StoredEvent, Uint8Array>();
  const frameOf = (event: StoredEvent, id: string): Uint8Array => {
    let frame = frames.get(event);
    if (frame === undefined) {
      frame = toFrame({ id, event: event.type, data: event.json });
      frames.set(event, frame);
    }
    return frame;
  };

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs',
      summary: 'List runs, newest first',
      ...secured,
      request: {
        query: pageQuery.extend({
          status: runStatusSchema.optional(),
          kind: runKindSchema.optional(),
          project: z.string().optional(),
        }),
      },
      responses: {
        200: json(runPage, 'A page of runs'),
        ...problems(),
      },
    }),
    async (c) => {
      const principal = c.get('principal');
      const { cursor, limit, status, kind, project } = c.req.valid('query');
      const page = await runs.reader.runs(principal.tenantId, {
        limit,
        ...(cursor !== undefined && { cursor }),
        ...(status !== undefined && { status }),
        ...(kind !== undefined && { kind }),
        ...(project !== undefined && { project }),
        ...visibleTo(principal),
      });
      return c.json({ ...page, runs: [...page.runs] }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{id}',
      summary: 'Read a run',
      ...secured,
      request: { params: idParam },
      responses: { 200: json(run, 'The run'), ...problems(404) },
    }),
    async (c) => {
      const principal = c.get('principal');
      const { id } = c.req.valid('param');
      const found = await runs.reader.run(principal.tenantId, id);
      const { createdBy } = visibleTo(principal);
      if (found === undefined || found.createdBy !== (createdBy ?? found.createdBy))
        throw unknownRun(id);
      return c.json(found, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{id}/events',
      summary: "Read a run's events, or follow them live",
      description:
        'JSON pages by default. With `Accept: text/event-stream` a stream that begins after `Last-Event-ID` (or `after`), goes on live, and ends with the run.',
      ...secured,
      request: {
        params: idParam,
        query: z.object({
          after: z.coerce.number().int().min(0).default(0),
          limit: z.coerce.number().int().min(1).max(1_000).default(200),
        }),
        headers: z.object({ 'last-event-id': z.coerce.number().int().min(0).optional() }),
      },
      responses: {
        200: {
          description: 'Events in order of seq',
          content: {
            'application/json': { schema: eventPage },
            'text/event-stream': { schema: z.string() },
          },
        },
        ...problems(404, 410),
      },
    }),
    async (c) => {
      const principal = c.get('principal');
      const { tenantId } = principal;
      const { id } = c.req.valid('param');
      const { after, limit } = c.req.valid('query');
      const seen = visibleTo(principal);
      if (wantsEventStream(c.req.header('accept'))) {
        const from = c.req.valid('header')['last-event-id'] ?? after;
        // Throws before the stream begins, while the answer can still have an error status.
        await runs.reader.events(tenantId, id, { after: from, limit: 1, ...seen });
        return stream(
          c,
          (signal) => runs.live.follow(tenantId, id, { after: from, signal }),
          (item) => String(item.seq),
        );
      }
      const events = await runs.reader.events(tenantId, id, { after, limit, ...seen });
      const last = events.length === limit ? events.at(-1) : undefined;
      const next = last === undefined ? '' : `,"nextAfter":${last.seq}`;
      const text = `{"events":[${events.map(({ json }) => json).join(',')}]${next}}`;
      return c.body(text, 200, { 'Content-Type': 'application/json' });
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/events',
      summary: 'Follow the events of all runs',
      description:
        'A stream; `Last-Event-ID` goes on where a stream was cut off. Without it the stream begins now.',
      ...secured,
      request: { headers: z.object({ 'last-event-id': z.string().optional() }) },
      responses: {
        200: {
          description: 'Server-sent events',
          content: { 'text/event-stream': { schema: z.string() } },
        },
        ...problems(403),
      },
    }),
    async (c) => {
      const principal = c.get('principal');
      assertOperator(principal);
      const { tenantId } = principal;
      const lastEventId = c.req.valid('header')['last-event-id'];
      if (lastEventId !== undefined) await runs.reader.assertKept(tenantId, lastEventId);
      // Read before the answer is sent, so that what the reader does next is in the stream.
      const after = lastEventId ?? (await runs.reader.now());
      return stream(
        c,
        (signal) => runs.live.followAll(tenantId, { after, signal }),
        (item) => item.cursor,
      );
    },
  );

  function stream<T extends StoredEvent>(
    c: Context<HttpEnv>,
    follow: (signal: AbortSignal) => AsyncIterable<T>,
    toId: (item: T) => string,
  ): Response {
    const gone = new AbortController();
    const sse = createEventStream({
      signal: AbortSignal.any([c.req.raw.signal, c.get('keyEnded'), gone.signal]),
      onClose: () => gone.abort(),
    });
    const send = async (): Promise<void> => {
      for await (const item of follow(gone.signal)) {
        const myTurn = turn(c.get('principal').id);
        if (myTurn !== undefined) await myTurn;
        sse.send(frameOf(item, toId(item)));
        await sse.drained();
      }
    };
    send()
      .catch((error: unknown) => {
        if (!gone.signal.aborted)
          logger.warn({ err: error, requestId: c.get('requestId') }, 'a live stream broke off');
      })
      .finally(sse.close);
    return sse.response;
  }
}

/** Narrows a read to the runs that a principal may see. */
function visibleTo({ id, role }: Principal): { createdBy?: string } {
  return role === 'operator' ? {} : { createdBy: id };
}
