// A crowd that arrives at once costs a few looks, and each gets its own answer.
import { expect, test } from 'vitest';
import { createKeyLookup } from '../../src/principals/key-lookup.ts';

function toHash(n: number): Buffer {
  return Buffer.from(`key ${n}`);
}

test('those that come during a look share the next, and each gets its own', async () => {
  const reads: number[] = [];
  const look = createKeyLookup<{ hash: Buffer; n: number }>({
    async read(hashes) {
      reads.push(hashes.length);
      return hashes.flatMap((hash) => {
        const n = Number(hash.toString().slice(4));
        return n % 2 === 0 ? [{ hash, n }] : [];
      });
    },
    hashOf: ({ hash }) => hash,
  });
  const rows = await Promise.all(Array.from({ length: 600 }, (_, n) => look(toHash(n % 300))));
  expect(reads).toEqual([1, 300, 87]);
  expect(rows.map((row) => row?.n)).toEqual(
    Array.from({ length: 600 }, (_, n) => ((n % 300) % 2 === 0 ? n % 300 : undefined)),
  );
});

test('a look that fails is told to those who asked, and the next works', async () => {
  let isAway = true;
  const look = createKeyLookup<{ hash: Buffer }>({
    async read(hashes) {
      if (isAway) throw new Error('the database is away');
      return hashes.map((hash) => ({ hash }));
    },
    hashOf: ({ hash }) => hash,
  });
  const asked = await Promise.allSettled([look(toHash(1)), look(toHash(2))]);
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  isAway = false;
  await expect(look(toHash(1))).resolves.toEqual({ hash: toHash(1) });
});

test('those that came during a look that fails wait for no other', async () => {
  let fail = (): void => undefined;
  let reads = 0;
  const look = createKeyLookup<{ hash: Buffer }>({
    read() {
      reads += 1;
      return new Promise((_resolve, reject) => {
        fail = () => reject(new Error('the database is away'));
      });
    },
    hashOf: ({ hash }) => hash,
  });
  const asked = Promise.allSettled([look(toHash(1)), look(toHash(2)), look(toHash(3))]);
  fail();
  expect((await asked).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
  expect(reads).toBe(1);
});
