// Keys of requests that must not be carried out twice, with the answer once there is one. Where there is
// none, the log tells what became of the call: the key names its run.
import { createHash } from 'node:crypto';
import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import type { Database } from './store.ts';
import { idempotencyKeys as table } from './tables/index.ts';

export interface IdempotencyOwner {
  readonly tenantId: string;
  readonly userId: string;
  readonly key: string;
}

/** Who carries the request out. */
export interface KeyHolder {
  readonly runId: string;
  readonly bridgeId: string;
}

export interface HeldKey {
  readonly requestHash: string;
  readonly answer: { readonly status: number; readonly body: string } | undefined;
  /** Undefined for keys of earlier versions. */
  readonly holder: KeyHolder | undefined;
}

/** What the log has of a call, and whether more of it may come. */
export interface LoggedCall {
  readonly isStarted: boolean;
  /** The call's last event, as the log has it; the payload is JSON text. */
  readonly end: { readonly type: string; readonly payload: string } | undefined;
  /** Whether the bridge that carries it has not ended. */
  readonly mayCome: boolean;
}

export interface IdempotencyKeys {
  /** Takes the key; when somebody has it already, tells what is held. */
  take(
    request: IdempotencyOwner & KeyHolder & { requestHash: string },
  ): Promise<HeldKey | undefined>;
  /** Takes over a key whose call never took place; false when somebody else did meanwhile. */
  takeOver(
    request: IdempotencyOwner & KeyHolder & { requestHash: string },
    from: KeyHolder,
  ): Promise<boolean>;
  keep(
    owner: IdempotencyOwner,
    runId: string,
    answer: { status: number; body: string },
  ): Promise<void>;
  /** Gives the key back, because the call did not take place. */
  release(owner: IdempotencyOwner, runId: string): Promise<void>;
  /** The one call of a run. */
  look(holder: KeyHolder): Promise<LoggedCall>;
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
      for (;;) {
        const taken = await db
          .insert(table)
          .values({ ...request, key: toKept(request.key) })
          .onConflictDoNothing()
          .returning({ key: table.key });
        if (taken.length > 0) return undefined;
        const [row] = await db.select().from(table).where(isOwn(request));
        // Given back since the insert: whoever inserts it first has it.
        if (row === undefined) continue;
        const { requestHash, status, response, runId, bridgeId } = row;
        return {
          requestHash,
          answer: status === null || response === null ? undefined : { status, body: response },
          holder: runId === null || bridgeId === null ? undefined : { runId, bridgeId },
        };
      }
    },
    async takeOver({ runId, bridgeId, requestHash, ...owner }, from) {
      const taken = await db
        .update(table)
        .set({ runId, bridgeId, requestHash, createdAt: sql`now()` })
        .where(and(isOwn(owner), isNull(table.status), eq(table.runId, from.runId)))
        .returning({ key: table.key });
      return taken.length > 0;
    },
    async keep(owner, runId, { status, body }) {
      await db
        .update(table)
        .set({ status, response: redact(body) })
        .where(and(isOwn(owner), eq(table.runId, runId)));
    },
    async release(owner, runId) {
      await db.delete(table).where(and(isOwn(owner), eq(table.runId, runId)));
    },
    async look({ runId, bridgeId }) {
      // In one snapshot: what a bridge wrote before it was ended is in it.
      const { rows } = await db.execute<{
        type: string | null;
        payload: string;
        alive: boolean;
      }>(sql`
        select e.type, e.payload::text as payload, b.alive
        from (select exists (
          select from bridges where id = ${bridgeId} and ended_at is null) as alive) b
        left join run_events e on e.run_id = ${runId} and e.type like 'call.%'
          and e.type not in ('call.progress', 'call.message', 'call.input_provided')
        order by e.seq`);
      const end = rows.findLast(({ type }) => type !== null && type !== 'call.started');
      return {
        isStarted: rows.some(({ type }) => type === 'call.started'),
        end: end?.type == null ? undefined : { type: end.type, payload: end.payload },
        mayCome: rows[0]?.alive === true,
      };
    },
    async expire() {
      await db.delete(table).where(lt(table.createdAt, sql`now() - interval '1 day'`));
    },
  };
}
