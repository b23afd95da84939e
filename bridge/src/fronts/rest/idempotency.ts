// `Idempotency-Key`: the first request with a key is carried out, a repeated one gets its answer, one
// with another body is refused. The key is taken before the work begins, so two requests at once
// cannot both begin it. What the store keeps is the answer as the
// log has it: redacted, which is what a repeated request gets.
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { DrawbridgeError } from '../../errors.ts';
import type { IdempotencyKeys } from '../../store/idempotency-keys.ts';
import type { HttpEnv } from '../http-env.ts';

export interface Answer {
  readonly status: ContentfulStatusCode;
  readonly body: object;
}

/** Carries out `work`, or gives the answer that the key's first request got. */
export type Idempotent = <T extends Answer>(
  c: Context<HttpEnv>,
  request: unknown,
  work: () => Promise<T>,
) => Promise<T>;

export function createIdempotency({
  idempotencyKeys,
}: {
  idempotencyKeys: IdempotencyKeys;
}): Idempotent {
  return async <T extends Answer>(
    c: Context<HttpEnv>,
    request: unknown,
    work: () => Promise<T>,
  ): Promise<T> => {
    const key = c.req.header('idempotency-key');
    if (key === undefined) return work();
    const { tenantId, id: userId } = c.get('principal');
    const requestHash = createHash('sha256')
      .update(JSON.stringify([c.req.path, request]))
      .digest('hex');
    const owner = { tenantId, userId, key };
    const held = await idempotencyKeys.take({ ...owner, requestHash });
    if (held === undefined) {
      let answer: T;
      try {
        answer = await work();
      } catch (error) {
        await idempotencyKeys.release(owner);
        throw error;
      }
      await idempotencyKeys.keep(owner, {
        status: answer.status,
        body: JSON.stringify(answer.body),
      });
      return answer;
    }
    if (held.requestHash !== requestHash) {
      throw new DrawbridgeError(
        'request/conflict',
        'This Idempotency-Key was used with another request; take a new one.',
      );
    }
    if (held.answer === undefined) {
      throw new DrawbridgeError(
        'request/conflict',
        'The first request with this Idempotency-Key has not ended, or was cut off; its run tells.',
      );
    }
    c.header('Idempotency-Replayed', 'true');
    return { status: held.answer.status, body: JSON.parse(held.answer.body) } as T; // as `keep` wrote it, for this very request
  };
}
