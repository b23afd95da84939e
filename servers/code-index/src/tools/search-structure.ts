// `search_structure`: code by its shape, in ast-grep's notation, file after file within a time limit.
import { defineTool, fromCursor, toCursor, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { toAnswerText, toNumbered } from '../answer-text.ts';
import {
  countUpTo,
  cursorText,
  languageName,
  pathText,
  patternText,
  rowsWith,
} from '../arguments.ts';
import { inScope, showIn, withScopes, type Deps, type Scope } from '../deps.ts';
import { ParseFailure } from '../parser-pool.ts';
import type { PatternMatch } from '../parse-task.ts';
import { mapFew, readIndexed } from '../source-files.ts';

/** Milliseconds for one page; the cursor leads on. */
const MOST_MS = 15_000;
const MOST_IN_FILE = 1_000;
const MAX_CHUNKS = 200_000;

interface Candidate {
  scope: Scope;
  path: string;
}

/** The longest plain word of a pattern, which every match has in its file. */
function wordOf(pattern: string): string | undefined {
  const words = pattern.replaceAll(/\$+\w*/g, ' ').match(/[A-Za-z_]\w{2,60}/g) ?? [];
  return words.toSorted((a, b) => b.length - a.length)[0];
}

async function candidatesOf(
  scopes: readonly Scope[],
  language: string,
  pattern: string,
): Promise<Candidate[]> {
  const word = wordOf(pattern);
  const found: Candidate[] = [];
  for (const scope of scopes) {
    const files = await scope.index.use((store) =>
      word === undefined
        ? store.filesBelow('')
        : store.filesWith(word, MAX_CHUNKS).flatMap((id) => store.fileById(id) ?? []),
    );
    for (const file of files) {
      const wanted = file.language === language && file.state === 'indexed';
      if (wanted && inScope(scope, file.path)) found.push({ scope, path: file.path });
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function searchStructure(deps: Deps): Tool {
  return defineTool({
    name: 'search_structure',
    title: 'Search by structure',
    description: 'Code of the shape of a pattern, such as "foo($A, $$$REST)".',
    effect: 'read',
    input: z.strictObject({
      pattern: patternText,
      language: languageName,
      path: pathText.optional(),
      limit: countUpTo(200, 1).default(50),
      cursor: cursorText.optional(),
    }),
    output: z.object({
      matches: rowsWith('path, line, end_line, text, captures'),
      skipped: z.int().optional(),
      next: z.string().optional(),
      index: z.string(),
    }),
    run: ({ limit, cursor, ...args }, context) =>
      withScopes(deps, context, { path: args.path }, async ({ guard, scopes, index }) => {
        const { pattern, language } = args;
        const { signal } = context;
        const { pool } = deps;
        let [file = 0, place = 0] = fromCursor(cursor, args, [0, 0]);
        const task = { kind: 'pattern', language, pattern, most: MOST_IN_FILE } as const;
        // A pattern that is no code is refused before any file is read.
        await pool.run({ ...task, text: '' }, signal);
        const candidates = await candidatesOf(scopes, language, pattern);
        const end = performance.now() + MOST_MS;
        const found: (PatternMatch & { path: string })[] = [];
        let skipped = 0;
        while (file < candidates.length && found.length < limit && performance.now() < end) {
          const step = candidates.slice(file, file + pool.size * 4);
          const parsed = await mapFew(step, step.length, async ({ scope, path }) => {
            const text = await readIndexed(guard, scope, path);
            if (text === undefined) return undefined;
            try {
              const { matches } = await pool.run({ ...task, text }, signal);
              const shown = showIn(scope, guard, path);
              return matches.map((match) => ({ ...match, path: shown }));
            } catch (error) {
              if (error instanceof ParseFailure) return undefined;
              throw error;
            }
          });
          for (const matches of parsed) {
            if (matches === undefined) skipped += 1;
            const room = limit - found.length;
            found.push(...(matches ?? []).slice(place, place + room));
            if (matches !== undefined && place + room < matches.length) {
              place += room;
              break;
            }
            file += 1;
            place = 0;
            if (found.length >= limit) break;
          }
        }
        const next = file < candidates.length ? toCursor([file, place], args) : undefined;
        return {
          output: {
            matches: found.map(({ path, startLine, endLine, text, captures }) => ({
              path,
              line: startLine,
              end_line: endLine,
              text,
              captures,
            })),
            ...(skipped > 0 && { skipped }),
            ...(next !== undefined && { next }),
            index,
          },
          text: toAnswerText({
            content: found.map(
              ({ path, startLine, text }) => `${path}\n${toNumbered(text, startLine)}`,
            ),
            next,
            index,
            notes: [skipped > 0 ? `${skipped} files could not be parsed` : undefined],
          }),
        };
      }),
  });
}
