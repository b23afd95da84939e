// `outline`: what a file defines, or what the files of a folder do at their top.
import { basename } from 'node:path';
import { defineTool, toPage, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { toAnswerText } from '../answer-text.ts';
import { countUpTo, cursorText, pathText, rowsWith } from '../arguments.ts';
import { showIn, withScopes, type Deps } from '../deps.ts';
import { parseText } from '../locate-symbol.ts';
import { readIndexed } from '../source-files.ts';

interface Entry {
  path: string;
  line: number;
  end_line: number;
  kind: string;
  name: string;
  depth: number;
  signature: string;
}

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
        const entries: Entry[] = [];
        let broken = false;
        for (const scope of scopes) {
          const { below, isFile } = scope;
          if (isFile) {
            const path = showIn(scope, guard, below);
            const text = await readIndexed(guard, scope, below);
            const input = { path: basename(below), shown: path, text: text ?? '' };
            const parsed = await parseText(deps, input, context.signal);
            broken = parsed.broken;
            for (const {
              startLine: line,
              endLine,
              kind,
              name,
              signature,
              container,
            } of parsed.symbols) {
              const depth = depthOf({ container });
              entries.push({ path, line, end_line: endLine, kind, name, depth, signature });
            }
            continue;
          }
          const rows = await scope.index.use((store) =>
            store
              .filesBelow(below)
              .filter(({ symbols }) => symbols > 0)
              .flatMap(({ path }) => store.symbolsOf(path)),
          );
          for (const row of rows) {
            const { startLine: line, endLine, kind, name, signature } = row;
            const [path, depth] = [showIn(scope, guard, row.path), depthOf(row)];
            entries.push({ path, line, end_line: endLine, kind, name, depth, signature });
          }
        }
        const isFile = scopes.some((scope) => scope.isFile);
        const deepest = args.depth ?? (isFile ? Infinity : 0);
        const wanted = entries.filter(
          ({ depth, kind }) =>
            depth <= deepest && (args.members || !MEMBERS.has(kind) || (isFile && depth === 0)),
        );
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
