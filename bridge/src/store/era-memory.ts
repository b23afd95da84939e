// The eras that servers turned out to speak, kept over starts. Keyed by the fingerprint of a server's
// configuration alone: which protocol it speaks is no tenant's secret.
import { eq } from 'drizzle-orm';
import type { EraMemory } from '../upstreams/era-memory.ts';
import type { Database } from './store.ts';
import { eras } from './tables/index.ts';

export function createStoredEraMemory(db: Database): EraMemory {
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
