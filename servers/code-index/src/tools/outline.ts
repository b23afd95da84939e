// `outline`: what a file defines, or what the files of a folder do at their top.
import { basename } from 'node:path';
import { defineTool, fromCursor, toPage, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { toAnswerText } from '../answer-text.ts';
import { countUpTo, cursorText, pathText, rowsWith } from '../arguments.ts';
import { showIn, withScopes, type Deps } from '../deps.ts';
import { parseText } from '../locate-symbol.ts';
import { readIndexed } from '../source-files.ts';
import type { CodeSymbol } from '../symbol.ts';

interface Entry {
  path: string;
  line: number;
  end_line: number;
  kind: string;
  name: string;
  depth: number;
  signature: string;
}

type Defined = Pick<
  CodeSymbol,
  'startLine' | 'endLine' | 'kind' | 'name' | 'signature' | 'container'
>;

const MEMBERS = new Set(['field', 'constant', 'variable']);

function depthOf({ container }: { container: string }): number {
  return container === '' ? 0 : container.split('/').length;
}

function toLines(entries: readonly Entry[]): string[] {
  let path = '';
  return entries.flatMap((entry) => {
    const line = `${'  '.repeat(entry.depth)}${entry.line}-${entry.end_line} ${entry.kind} ${entry.name}: ${entry.signature}`;
    const head = entry.path === path ? [] : [entry.path];
    path = entry.path;
    return [...head, line];
  });
}

export function outline(deps: Deps): Tool {
  return defineTool({
    name: 'outline',
    title: 'Outline',
    description: 'Definitions of a file, nested, or of the files in a folder.',
    effect: 'read',
    input: z.strictObject({
      path: pathText.default('.'),
      depth: countUpTo(20).optional(),
      members: z.boolean().default(false).describe('also fields and variables'),
      limit: countUpTo(1_000, 1).default(300),
      cursor: cursorText.optional(),
    }),
    output: z.object({
      symbols: rowsWith('path, line, end_line, kind, name, depth, signature'),
      broken: z.boolean().optional(),
      next: z.string().optional(),
      index: z.string(),
    }),
    run: ({ limit, cursor, ...args }, context) =>
      withScopes(deps, context, { path: args.path }, async ({ guard, scopes, index }) => {
        const wanted: Entry[] = [];
        const oneFile = scopes.some((scope) => scope.isFile);
        const deepest = args.depth ?? (oneFile ? Infinity : 0);
        const [from = 0] = fromCursor(cursor, args);
        // One more than is shown, to see that there is more.
        const enough = from + limit + 1;
        const take = (path: string, symbol: Defined): void => {
          const { startLine: line, endLine, kind, name, signature } = symbol;
          const depth = depthOf(symbol);
          const isMember = MEMBERS.has(kind) && !(oneFile && depth === 0);
          if (depth > deepest || (isMember && !args.members)) return;
          wanted.push({ path, line, end_line: endLine, kind, name, depth, signature });
        };
        let broken = false;
        for (const scope of scopes) {
          const { below, isFile } = scope;
          if (isFile) {
            const path = showIn(scope, guard, below);
            const text = await readIndexed(guard, scope, below);
            const input = { path: basename(below), shown: path, text: text ?? '' };
            const parsed = await parseText(deps, input, context.signal);
            broken = parsed.broken;
            for (const symbol of parsed.symbols) take(path, symbol);
            continue;
          }
          await scope.index.use((store) => {
            for (const { path, symbols } of store.filesBelow(below)) {
              if (wanted.length >= enough) break;
              if (symbols === 0) continue;
              const shown = showIn(scope, guard, path);
              for (const row of store.symbolsOf(path)) take(shown, row);
            }
          });
        }
        const { items, next } = toPage(wanted, {
          cursor,
          limit,
          scope: args,
          sizeOf: ({ path, name, signature }) => path.length + name.length + signature.length + 90,
        });
        const note = 'the file has mistakes, so something may be missing';
        return {
          output: {
            symbols: items.map((each) => ({ ...each })),
            ...(broken && { broken }),
            ...(next !== undefined && { next }),
            index,
          },
          text: toAnswerText({
            content: toLines(items),
            next,
            index,
            notes: [broken ? note : undefined],
          }),
        };
      }),
  });
}
