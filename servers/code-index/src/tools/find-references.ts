// `find_references`: where a name is used, by name.
import { defineTool, fromCursor, toCursor, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { toAnswerText } from '../answer-text.ts';
import { countUpTo, cursorText, nameText, pathText, rowsWith } from '../arguments.ts';
import { withScopes, type Deps } from '../deps.ts';
import { findCandidates, parseOccurrences } from '../find-occurrences.ts';
import { parseNamePath } from '../find-symbols.ts';

/** Files parsed for one page, and at once. */
const MAX_FILES = 400;
const STEP = 16;
const BY_NAME = 'by name: other things of the same name are among these';

interface Reference {
  path: string;
  line: number;
  column: number;
  text: string;
  definition?: boolean;
}

export function findReferences(deps: Deps): Tool {
  return defineTool({
    name: 'find_references',
    title: 'Find references',
    description: 'Where a name is used: by name, not in comments and strings.',
    effect: 'read',
    input: z.strictObject({
      name: nameText,
      path: pathText.optional(),
      limit: countUpTo(500, 1).default(100),
      cursor: cursorText.optional(),
    }),
    output: z.object({
      references: rowsWith('path, line, column, text, definition'),
      by_name: z.boolean(),
      skipped: z.int().optional(),
      next: z.string().optional(),
      index: z.string(),
    }),
    aliases: { symbol: 'name', query: 'name' },
    run: ({ limit, cursor, ...args }, context) =>
      withScopes(deps, context, { path: args.path }, async ({ guard, scopes, index }) => {
        const { name } = parseNamePath(args.name);
        const candidates = await findCandidates(scopes, guard, { name });
        const { signal } = context;
        let [file = 0, place = 0] = fromCursor(cursor, args, [0, 0]);
        const most = Math.min(candidates.length, file + MAX_FILES);
        const references: Reference[] = [];
        let skipped = 0;
        for (; file < most && references.length < limit;) {
          const step = candidates.slice(file, Math.min(file + STEP, most));
          const parsed = await parseOccurrences(deps, step, { guard, name, signal });
          for (const each of parsed) {
            if (each === undefined) skipped += 1;
            const all = each?.occurrences ?? [];
            const room = limit - references.length;
            const path = each?.candidate.path ?? '';
            for (const { line, column, text, definition } of all.slice(place, place + room)) {
              references.push({ path, line, column, text, ...(definition && { definition }) });
            }
            if (place + room < all.length) {
              place += room;
              break;
            }
            file += 1;
            place = 0;
            if (references.length >= limit) break;
          }
        }
        const next = file < candidates.length ? toCursor([file, place], args) : undefined;
        return {
          output: {
            references: references.map((each) => ({ ...each })),
            by_name: true,
            ...(skipped > 0 && { skipped }),
            ...(next !== undefined && { next }),
            index,
          },
          text: toAnswerText({
            content: references.map(
              ({ path, line, column, text, definition }) =>
                `${path}:${line}:${column}${definition === true ? ' (definition)' : ''} ${text}`,
            ),
            next,
            index,
            notes: [BY_NAME, skipped > 0 ? `${skipped} files could not be parsed` : undefined],
          }),
        };
      }),
  });
}
