// The rows of legacy sessions.
import { and, eq, isNull, lt } from 'drizzle-orm';
import type { Database } from './store.ts';
import { sessions } from './tables/index.ts';

export type SessionRow = typeof sessions.$inferSelect;

/** Every query rejects with `store/unavailable` while the database is away. */
export interface SessionStore {
  insert(session: typeof sessions.$inferInsert): Promise<void>;
  /** Unless it has ended. */
  find(id: string): Promise<SessionRow | undefined>;
  noteUse(id: string, at: Date): Promise<void>;
  setLogLevel(id: string, level: string): Promise<void>;
  /** Whether it was open. */
  end(id: string, at: Date): Promise<boolean>;
  /** Ends those not used since; returns their ids. */
  endUnused(since: Date, at: Date): Promise<readonly string[]>;
}

export function createSessionStore(db: Database): SessionStore {
  const isOpen = (id: string) => and(eq(sessions.id, id), isNull(sessions.endedAt));
  return {
    async insert(session) {
      await db.insert(sessions).values(session);
    },
    async find(id) {
      const [row] = await db.select().from(sessions).where(isOpen(id));
      return row;
    },
    async noteUse(id, usedAt) {
      await db.update(sessions).set({ usedAt }).where(eq(sessions.id, id));
    },
    async setLogLevel(id, logLevel) {
      await db.update(sessions).set({ logLevel }).where(eq(sessions.id, id));
    },
    async end(id, endedAt) {
      const ended = await db
        .update(sessions)
        .set({ endedAt })
        .where(isOpen(id))
        .returning({ id: sessions.id });
      return ended.length > 0;
    },
    async endUnused(since, endedAt) {
      const ended = await db
        .update(sessions)
        .set({ endedAt })
        .where(and(lt(sessions.usedAt, since), isNull(sessions.endedAt)))
        .returning({ id: sessions.id });
      return ended.map(({ id }) => id);
    },
  };
}
