// `Idempotency-Key`: the first request with a key is carried out, a repeated one gets its answer, and one with
// another body is refused. The key is taken before the work begins, so two requests at once cannot both begin
// it. The store keeps the answer redacted, as the log has it, and a repeated request gets it so. When the answer
// was not kept, because the bridge or its database was lost, the log says what became of the call; the key of a
// call that never took place is free again.
import { createHash } from 'node:crypto';
import { bodySchema } from '@drawbridge/schemas';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from 'pino';
import { z } from 'zod';
import { DrawbridgeError, type ErrorDetails } from '../errors.ts';
import type { RunLog } from '../runs/run-log.ts';
import type { HeldKey, IdempotencyKeys, LoggedCall } from '../store/idempotency-keys.ts';
import type { HttpEnv } from '../edge/http/http-env.ts';
import { createStoreRetry } from './store-retry.ts';

export interface Answer {
  readonly status: ContentfulStatusCode;
  readonly body: object;
}

export interface Worked<T> {
  readonly answer: T;
  /** `not recorded`: the call ended, but its end is not in the log yet. */
  readonly call: 'recorded' | 'not sent' | 'not recorded';
}

/** Carries out `work`, whose run has the id, or gives the answer that the key's first request got. */
export type Idempotent = <T extends Answer>(
  c: Context<HttpEnv>,
  request: unknown,
  work: (runId: string) => Promise<Worked<T>>,
) => Promise<T>;

export interface IdempotencyDeps {
  readonly idempotencyKeys: IdempotencyKeys;
  readonly createId: () => string;
  readonly runs: { readonly bridgeId: () => string; readonly log: Pick<RunLog, 'owes'> };
  readonly logger: Logger;
}

export function createIdempotency({
  idempotencyKeys: keys,
  createId,
  runs,
  logger,
}: IdempotencyDeps): Idempotent {
  /** Runs of requests with keys that are under way in this bridge. */
  const underWay = new Set<string>();

  const retry = createStoreRetry(logger);
  const later = (work: () => Promise<void>) => (): void => void retry(work);

  /** The first request's answer; or its run, when its call never took place and the key can be taken over. */
  const judge = async ({ answer, holder, requestHash }: HeldKey, asked: string) => {
    const assertSame = (): void => {
      if (requestHash === asked) return;
      throw conflict('This Idempotency-Key was used with another request; take a new one.');
    };
    if (answer !== undefined || holder === undefined || underWay.has(holder.runId)) {
      assertSame();
      if (answer === undefined) {
        throw conflict('The first request with this Idempotency-Key has not ended.');
      }
      return { status: answer.status, body: JSON.parse(answer.body) as object };
    }
    const logged = await keys.look(holder);
    // The holder's request is not under way here, so nothing more comes from this bridge.
    const mayCome = logged.mayCome && holder.bridgeId !== runs.bridgeId();
    if (!tookPlace(logged) && !mayCome) return holder;
    assertSame();
    const answered = toLoggedAnswer(logged, holder.runId);
    if (answered !== undefined) return { status: 200, body: answered };
    const details = { runId: holder.runId, ...toState(logged) };
    throw mayCome && logged.end === undefined
      ? conflict('The first request with this Idempotency-Key has not ended.', details)
      : conflict(
          'The call of this Idempotency-Key is in the log without an answer: look at its run before you call again, with another key.',
          details,
        );
  };

  return async <T extends Answer>(
    c: Context<HttpEnv>,
    request: unknown,
    work: (runId: string) => Promise<Worked<T>>,
  ): Promise<T> => {
    const key = c.req.header('idempotency-key');
    const runId = createId();
    if (key === undefined) return (await work(runId)).answer;
    const { tenantId, id: userId } = c.get('principal');
    const requestHash = createHash('sha256')
      .update(JSON.stringify([c.req.path, request]))
      .digest('hex');
    const owner = { tenantId, userId, key };
    const taking = { ...owner, requestHash, runId, bridgeId: runs.bridgeId() };
    const release = (): Promise<void> => keys.release(owner, runId);
    const releaseUnlessLogged = async (): Promise<void> => {
      if (runs.log.owes()) throw new Error('ends are still owed to the log');
      if (!tookPlace(await keys.look(taking))) await release();
    };
    underWay.add(runId);
    try {
      const held = await keys.take(taking).catch((error: unknown) => {
        void retry(release);
        throw error;
      });
      if (held !== undefined) {
        const found = await judge(held, requestHash);
        if ('body' in found) {
          c.header('Idempotency-Replayed', 'true');
          return found as T; // as `keep` or the log has it, for this very request
        }
        if (!(await keys.takeOver(taking, found))) {
          throw conflict('Another request with this Idempotency-Key is under way.');
        }
      }
      let worked: Worked<T>;
      try {
        worked = await work(runId);
      } catch (error) {
        await release().catch(later(release));
        throw error;
      }
      const { answer, call } = worked;
      // A failed write does not hold up the answer: the next request can ask the log.
      if (call === 'not sent') await release().catch(later(release));
      else if (call === 'recorded') {
        const kept = { status: answer.status, body: JSON.stringify(answer.body) };
        const keep = (): Promise<void> => keys.keep(owner, runId, kept);
        await keep().catch(later(keep));
      } else void retry(releaseUnlessLogged);
      return answer;
    } finally {
      underWay.delete(runId);
    }
  };
}

const unsentSchema = z.object({ sent: z.literal(false) });
const completedSchema = z.object({
  callId: z.string(),
  outcome: z.enum(['result', 'tool_error']),
  result: bodySchema,
});

/** A read-only call is in the log with its end, any other one before it is sent. */
function tookPlace({ isStarted, end }: LoggedCall): boolean {
  if (end === undefined) return isStarted;
  return end.type !== 'call.denied' && !unsentSchema.safeParse(JSON.parse(end.payload)).success;
}

/** The answer as `work` would have given it. */
function toLoggedAnswer({ end }: LoggedCall, runId: string): object | undefined {
  if (end?.type !== 'call.completed') return undefined;
  const { callId, outcome, result } = completedSchema.parse(JSON.parse(end.payload));
  const body = 'artifact' in result ? { artifact: result.artifact } : { result: result.inline };
  return { callId, runId, outcome, ...body };
}

function toState({ end }: LoggedCall): { logged: string } {
  return { logged: end?.type ?? 'call.started' };
}

function conflict(message: string, details?: ErrorDetails['request/conflict']): DrawbridgeError {
  return new DrawbridgeError('request/conflict', message, details && { details });
}
