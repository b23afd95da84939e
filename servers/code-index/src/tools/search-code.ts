// `search_code`: code by what it does, in plain words. BM25 over names, comments and bodies; fused with
// the nearest vectors when a model answers.
import { defineTool, toPage, type Tool } from '@drawbridge/kit';
import { fuseRankings, toQueryWords } from '@drawbridge/retrieval';
import type { PathGuard } from '@drawbridge/paths';
import { z } from 'zod';
import { toAnswerText, toNumbered } from '../answer-text.ts';
import {
  countUpTo,
  cursorText,
  languageName,
  pathText,
  questionText,
  rowsWith,
} from '../arguments.ts';
import { inScope, showIn, withScopes, type Deps, type Scope } from '../deps.ts';
import { readIndexed } from '../source-files.ts';
import type { ChunkRow } from '../store-queries.ts';

/** Hits that are looked at, of each ranking. */
const MOST = 400;
const MAX_LINE = 300;

interface Hit {
  scope: Scope;
  chunk: ChunkRow;
  score: number;
}

interface Ranked {
  hits: Hit[];
  meaning: boolean;
  trouble: string | undefined;
}

async function rank(
  { indexes }: Deps,
  scope: Scope,
  {
    query,
    language,
    signal,
  }: { query: string; language?: string | undefined; signal: AbortSignal },
): Promise<Ranked> {
  const words = toQueryWords(query);
  const meaning = await indexes.semantic.search(scope.index, query, MOST, signal);
  return scope.index.use((store) => {
    const lexical = store.rank(words, MOST);
    const near = meaning.hits.map(({ id }) => id);
    const scored =
      near.length === 0
        ? lexical
        : fuseRankings([{ ids: lexical.map(({ id }) => id) }, { ids: near }]);
    const hits = scored.flatMap(({ id, score }): Hit[] => {
      const chunk = store.chunk(id);
      const wanted =
        chunk !== undefined &&
        inScope(scope, chunk.path) &&
        (language === undefined || chunk.language === language);
      return wanted ? [{ scope, chunk, score }] : [];
    });
    return { hits, meaning: near.length > 0, trouble: meaning.trouble };
  });
}

/** The first lines of a piece, as its file has them now. */
async function snippetOf(guard: PathGuard, { scope, chunk }: Hit, lines: number): Promise<string> {
  const text = await readIndexed(guard, scope, chunk.path);
  if (text === undefined) return '';
  const last = Math.min(chunk.endLine, chunk.startLine + lines - 1);
  return text
    .split('\n')
    .slice(chunk.startLine - 1, last)
    .map((line) => line.slice(0, MAX_LINE))
    .join('\n');
}

export function searchCode(deps: Deps): Tool {
  return defineTool({
    name: 'search_code',
    title: 'Search code by words',
    description: 'Code by what it does, in plain words; the best first.',
    effect: 'read',
    input: z.strictObject({
      query: questionText,
      path: pathText.optional(),
      language: languageName.optional(),
      lines: countUpTo(200).default(12),
      limit: countUpTo(50, 1).default(10),
      cursor: cursorText.optional(),
    }),
    output: z.object({
      hits: rowsWith('path, line, end_line, name, score, text'),
      ranking: z.string(),
      next: z.string().optional(),
      index: z.string(),
    }),
    aliases: { pattern: 'query', question: 'query' },
    run: ({ limit, cursor, lines, ...args }, context) =>
      withScopes(deps, context, { path: args.path }, async ({ guard, scopes, index }) => {
        const { signal } = context;
        const ranked: Ranked[] = [];
        for (const scope of scopes) ranked.push(await rank(deps, scope, { ...args, signal }));
        const all = ranked
          .flatMap(({ hits }) => hits)
          .sort((a, b) => b.score - a.score || (a.chunk.path < b.chunk.path ? -1 : 1));
        const { items, next } = toPage(all, { cursor, limit, scope: args });
        const hits = [];
        for (const hit of items) {
          const { path, startLine, endLine, name } = hit.chunk;
          hits.push({
            path: showIn(hit.scope, guard, path),
            line: startLine,
            end_line: endLine,
            name,
            score: Math.round(hit.score * 10_000) / 10_000,
            text: lines === 0 ? '' : await snippetOf(guard, hit, lines),
          });
        }
        const ranking = ranked.some(({ meaning }) => meaning) ? 'words and vectors' : 'words';
        const trouble = ranked.find((each) => each.trouble !== undefined)?.trouble;
        return {
          output: { hits, ranking, ...(next !== undefined && { next }), index },
          text: toAnswerText({
            content: hits.map(
              ({ path, line, end_line: end, name, text }) =>
                `${path}:${line}-${end} ${name}\n${text === '' ? '' : toNumbered(text, line)}`,
            ),
            next,
            index,
            notes: [`Ranked by ${ranking}`, trouble],
          }),
        };
      }),
  });
}
