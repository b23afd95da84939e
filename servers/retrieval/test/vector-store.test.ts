// One contract for every adapter of the vector store. Qdrant's is held to it by a stub always, and by
// a real Qdrant when QDRANT_URL is set.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createLibsqlVectors, createQdrantVectors, type VectorStore } from '../src/index.ts';
import { openTemporary } from './harness.ts';
import { startStubQdrant } from './stub-qdrant.ts';

/** Answers a way to open the same store again, for other dimensions. */
type Open = () => Promise<(dimensions: number) => VectorStore>;

const realQdrant = process.env['QDRANT_URL'];

function inQdrant(url: string): (dimensions: number) => VectorStore {
  const collection = `test-${randomBytes(6).toString('hex')}`;
  return (dimensions) => createQdrantVectors({ url, collection, dimensions });
}

const adapters: readonly [string, boolean, Open][] = [
  [
    'libsql',
    true,
    async () => {
      const { database } = await openTemporary('');
      return (dimensions) => createLibsqlVectors(database, { table: 'vectors', dimensions });
    },
  ],
  ['Qdrant (a stub of it)', true, async () => inQdrant(await startStubQdrant())],
  ['Qdrant (real)', realQdrant !== undefined, async () => inQdrant(realQdrant ?? '')],
];

for (const [name, present, open] of adapters) {
  describe.runIf(present)(`the vector store in ${name}`, () => {
    it('answers the nearest first, with their similarity', async () => {
      const store = (await open())(2);
      await store.put([
        { id: 1, vector: [1, 0] },
        { id: 2, vector: [0, 1] },
        { id: 3, vector: [3, 3] },
      ]);
      const hits = await store.search([1, 0.1], 2);
      expect(hits.map(({ id }) => id)).toEqual([1, 3]);
      expect(hits[0]?.score).toBeCloseTo(0.995, 2);
    });

    it('replaces a vector of the same id, and counts it once', async () => {
      const store = (await open())(2);
      await store.put([{ id: 7, vector: [1, 0] }]);
      await store.put([{ id: 7, vector: [0, 1] }]);
      expect(await store.count()).toBe(1);
      expect((await store.search([0, 1], 1))[0]?.score).toBeCloseTo(1, 3);
    });

    it('removes what there is, and passes over what there is not', async () => {
      const store = (await open())(2);
      await store.put([
        { id: 1, vector: [1, 0] },
        { id: 2, vector: [0, 1] },
      ]);
      await store.remove([1, 99]);
      expect([...(await store.present([1, 2, 99]))]).toEqual([2]);
      expect(await store.search([1, 0], 5)).toHaveLength(1);
    });

    it('answers nothing when it is empty', async () => {
      const store = (await open())(3);
      expect(await store.search([1, 2, 3], 5)).toEqual([]);
      expect(await store.count()).toBe(0);
    });

    it('refuses vectors of other dimensions', async () => {
      const store = (await open())(2);
      await expect(store.put([{ id: 1, vector: [1, 2, 3] }])).rejects.toThrow(
        '3 dimensions, not 2',
      );
      await expect(store.search([1], 1)).rejects.toThrow('1 dimensions, not 2');
    });

    it('begins anew when the model, and with it the dimensions, changed', async () => {
      const reopen = await open();
      await reopen(2).put([{ id: 1, vector: [1, 0] }]);
      const other = reopen(3);
      expect(await other.count()).toBe(0);
      await other.put([{ id: 1, vector: [1, 0, 0] }]);
      expect(await reopen(3).count()).toBe(1);
    });

    it('takes more than one request full', async () => {
      const store = (await open())(2);
      const items = Array.from({ length: 600 }, (_, id) => ({ id, vector: [id + 1, 1] }));
      await store.put(items);
      expect(await store.count()).toBe(600);
      expect((await store.present(items.map(({ id }) => id))).size).toBe(600);
    });
  });
}
