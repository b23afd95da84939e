// Keys of requests that must not be carried out twice, with the answer once there is one.
import { createHash } from 'node:crypto';
import { and, eq, lt, sql } from 'drizzle-orm';
import type { Database } from './store.ts';
import { idempotencyKeys as table } from './tables/index.ts';

export interface IdempotencyOwner {
  readonly tenantId: string;
  readonly userId: string;
  readonly key: string;
}

export interface HeldKey {
  readonly requestHash: string;
  readonly answer: { readonly status: number; readonly body: string } | undefined;
}

export interface IdempotencyKeys {
  /** Takes the key; when somebody has it already, tells what is held. */
  take(request: IdempotencyOwner & { requestHash: string }): Promise<HeldKey | undefined>;
  keep(owner: IdempotencyOwner, answer: { status: number; body: string }): Promise<void>;
  /** Gives the key back, because the work did not begin. */
  release(owner: IdempotencyOwner): Promise<void>;
  /** Forgets keys older than a day. */
  expire(): Promise<void>;
}

/** Answers are kept redacted, as the log keeps them: the store holds no secret that the log does not. */
export function createIdempotencyKeys(
  db: Database,
  redact: (json: string) => string,
): IdempotencyKeys {
  /** A key that holds a secret is kept as its hash. */
  const toKept = (key: string): string =>
    redact(JSON.stringify(key)) === JSON.stringify(key)
      ? key
      : `sha256:${createHash('sha256').update(key).digest('hex')}`;
  const isOwn = ({ tenantId, userId, key }: IdempotencyOwner) =>
    and(eq(table.tenantId, tenantId), eq(table.userId, userId), eq(table.key, toKept(key)));
  return {
    async take(request) {
      const taken = await db
        .insert(table)
        .values({ ...request, key: toKept(request.key) })
        .onConflictDoNothing()
        .returning({ key: table.key });
      if (taken.length > 0) return undefined;
      const [row] = await db.select().from(table).where(isOwn(request));
      if (row === undefined) return undefined;
      const answer =
        row.status === null || row.response === null
          ? undefined
          : { status: row.status, body: row.response };
      return { requestHash: row.requestHash, answer };
    },
    async keep(owner, { status, body }) {
      await db
        .update(table)
        .set({ status, response: redact(body) })
        .where(isOwn(owner));
    },
    async release(owner) {
      await db.delete(table).where(isOwn(owner));
    },
    async expire() {
      await db.delete(table).where(lt(table.createdAt, sql`now() - interval '1 day'`));
    },
  };
}
