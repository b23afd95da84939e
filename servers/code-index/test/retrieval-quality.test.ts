// How well search_code ranks, on the labelled questions that ship: each names the one definition that
// answers it. Words alone, without a model.
import { cp, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { openWorkbench, rowsOf } from './harness.ts';

const set = new URL('retrieval-set/', import.meta.url);
const queriesSchema = z.array(z.tuple([z.string(), z.string()]));

it('ranks the answer of plain questions high', async () => {
  const queries = queriesSchema.parse(
    JSON.parse(await readFile(new URL('queries.json', set), 'utf8')),
  );
  const { call, root } = await openWorkbench();
  await cp(fileURLToPath(new URL('sources', set)), root, { recursive: true });
  await call('index');
  const missed: string[] = [];
  let sum = 0;
  for (const [query, name] of queries) {
    const hits = rowsOf(await call('search_code', { query, limit: 10, lines: 0 }), 'hits');
    const place = hits.findIndex((hit) => hit['name'] === name);
    if (place !== 0)
      missed.push(`${place + 1}: ${query} (${name}; ${hits[0]?.['name']} came first)`);
    sum += place < 0 ? 0 : 1 / (place + 1);
  }
  const meanReciprocalRank = sum / queries.length;
  expect(queries.length).toBeGreaterThanOrEqual(30);
  expect({ meanReciprocalRank, missed }).toMatchObject({
    meanReciprocalRank: expect.toSatisfy((rank: number) => rank > 0.67),
  });
}, 120_000);
