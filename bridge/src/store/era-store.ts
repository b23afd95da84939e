// The protocol eras that servers turned out to speak, kept over starts. Keyed by the fingerprint of a
// server's configuration alone: which protocol it speaks is no tenant's secret.
import { eq } from 'drizzle-orm';
import type { Database } from './store.ts';
import { eras } from './tables/index.ts';

/** The era of a server, since when, and which HTTP transport answered. */
export interface StoredEra {
  readonly era: 'modern' | 'legacy';
  readonly transport?: 'http' | 'sse';
  /** ISO 8601. */
  readonly at: string;
}

/** Every query rejects with `store/unavailable` while the database is away. */
export interface EraStore {
  get(fingerprint: string): Promise<StoredEra | undefined>;
  set(fingerprint: string, era: StoredEra): Promise<void>;
}

export function createEraStore(db: Database): EraStore {
  return {
    async get(fingerprint) {
      const [row] = await db.select().from(eras).where(eq(eras.fingerprint, fingerprint));
      if (row === undefined) return undefined;
      const { era, transport, probedAt } = row;
      return { era, at: probedAt.toISOString(), ...(transport !== null && { transport }) };
    },
    async set(fingerprint, { era, transport = null, at }) {
      const row = { era, transport, probedAt: new Date(at) };
      await db
        .insert(eras)
        .values({ fingerprint, ...row })
        .onConflictDoUpdate({ target: eras.fingerprint, set: row });
    },
  };
}
