import { expect, it } from 'vitest';
import {
  createTextIndex,
  createWordSplitter,
  fuseRankings,
  splitIdentifier,
  toChunks,
  toQueryWords,
  toTextIndexSchema,
} from '../src/index.ts';
import { openTemporary } from './harness.ts';

const options = {
  table: 'texts',
  fields: [
    { name: 'names', weight: 8 },
    { name: 'body', weight: 1 },
  ],
};

async function openIndex() {
  const { database } = await openTemporary(toTextIndexSchema(options));
  return createTextIndex(database, options);
}

it.each([
  ['createHTTPServer2', ['create', 'http', 'server', '2']],
  ['parse_json_value', ['parse', 'json', 'value']],
  ['MAX_RETRY_COUNT', ['max', 'retry', 'count']],
  ['utf8Decoder', ['utf', '8', 'decoder']],
  ['$element', ['element']],
  ['überGröße', ['über', 'größe']],
  ['plain', ['plain']],
])('splits %s', (identifier, parts) => {
  expect(splitIdentifier(identifier)).toEqual(parts);
});

it('keeps identifiers whole beside their parts, and leaves out what is data', () => {
  const split = createWordSplitter();
  expect(split('readFile(path)')).toBe('readfile read file path');
  expect(split('x'.repeat(5_000))).toBe('');
});

it('asks for telling words only, unless there are no others', () => {
  expect(toQueryWords('How do I parse the JSON of a file?')).toEqual(['parse', 'json', 'file']);
  expect(toQueryWords('what is it')).toEqual(['what', 'is', 'it']);
  expect(toQueryWords(' -- "" ')).toEqual([]);
});

it('ranks a name above a body, and takes words by their stem', async () => {
  const index = await openIndex();
  index.add(1, { names: 'other', body: 'parse parse parsing of things' });
  index.add(2, { names: 'parse', body: 'things' });
  for (let id = 3; id < 10; id += 1) index.add(id, { names: 'unrelated', body: 'nothing' });
  expect(index.search({ words: ['parsed'], limit: 10 }).map(({ id }) => id)).toEqual([2, 1]);
  expect(index.search({ words: ['parse'], fields: ['names'], limit: 10 })).toHaveLength(1);
});

it('finds whole identifiers with their underscores, and nothing after removal', async () => {
  const index = await openIndex();
  index.add(1, { names: '', body: 'max_count max count' });
  index.add(2, { names: '', body: 'max other count' });
  expect(index.search({ words: ['max_count'], limit: 10 }).map(({ id }) => id)).toEqual([1]);
  expect(index.search({ words: ['max', 'other'], all: true, limit: 10 })).toHaveLength(1);
  index.remove(1);
  expect(index.search({ words: ['max_count'], limit: 10 })).toEqual([]);
});

it.each([
  '"',
  'a" OR "b',
  'NEAR(',
  'names:x',
  '*',
  '-x',
  '^',
  'AND',
  '\0',
  '(',
  '',
  'a\u{1e922}b',
  'e\u0301 f',
])('takes %j as a word, never as syntax', async (word) => {
  const index = await openIndex();
  index.add(1, { names: 'b', body: 'x and near' });
  expect(() => index.search({ words: [word], limit: 1 })).not.toThrow();
});

it('fuses rankings by places', () => {
  const fused = fuseRankings([{ ids: ['a', 'b', 'c'] }, { ids: ['b', 'd'] }]);
  expect(fused.map(({ id }) => id)).toEqual(['b', 'a', 'd', 'c']);
  expect(fuseRankings([{ ids: ['x'] }, { ids: ['y'], weight: 2 }])[0]?.id).toBe('y');
});

it('cuts text at gaps, with lines shared, and keeps every line', () => {
  const lines = Array.from({ length: 100 }, (_, at) => (at % 10 === 9 ? '' : `line ${at}`));
  const chunks = toChunks(lines, 1, { lines: 32, characters: 10_000, overlap: 2 });
  expect(chunks[0]).toEqual({ start: 1, end: 30 });
  expect(chunks[1]?.start).toBe(29);
  expect(chunks.at(-1)?.end).toBe(100);
  expect(toChunks(['x'.repeat(100_000), 'y'])).toHaveLength(2);
  expect(toChunks(['', ' '])).toEqual([]);
});
