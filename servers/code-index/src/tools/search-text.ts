// `search_text`: lines by a regular expression, each read again before it is told. Needs no index.
import { join } from 'node:path';
import {
  ToolError,
  countFitting,
  createFence,
  defineTool,
  fromCursor,
  toCursor,
  type Tool,
} from '@drawbridge/kit';
import {
  searchFolder,
  searchOpenFiles,
  toWalkArguments,
  type FolderSearch,
  type FoundLine,
  type PathGuard,
} from '@drawbridge/paths';
import { z } from 'zod';
import { countUpTo, cursorText, globText, pathText, patternText, rowsWith } from '../arguments.ts';
import type { Deps } from '../deps.ts';

function sizeOf({ path, text }: FoundLine): number {
  return path.length + Buffer.byteLength(text);
}

function toLines(lines: readonly FoundLine[]): string {
  return lines
    .map(({ path, line, text, context }) => `${path}:${line}${context ? '-' : ':'} ${text}`)
    .join('\n');
}

export function searchText({ indexes, ripgrep }: Deps): Tool {
  return defineTool({
    name: 'search_text',
    title: 'Search text',
    description: 'Lines that match a regular expression or text; always current.',
    effect: 'read',
    input: z.strictObject({
      pattern: patternText,
      path: pathText.optional(),
      literal: z.boolean().default(false),
      ignore_case: z.boolean().default(false),
      glob: globText.optional(),
      context: countUpTo(20).default(0),
      limit: countUpTo(1_000, 1).default(100),
      cursor: cursorText.optional(),
    }),
    output: z.object({
      matches: rowsWith('path, line, text; context: not a match'),
      next: z.string().optional(),
    }),
    run({ limit, cursor, ...args }, { signal, progress, ...context }) {
      if (`${args.pattern}${args.glob}`.includes('\0')) {
        throw new ToolError('The pattern or the glob has a NUL byte in it.');
      }
      const [skip = 0] = fromCursor(cursor, args);
      const needed = skip + limit + 1;
      const begun = performance.now();
      const search = (guard: PathGuard, walk: readonly string[]): FolderSearch => ({
        pattern: args.pattern,
        options: [
          ...(args.literal ? ['--fixed-strings'] : []),
          ...(args.ignore_case ? ['--ignore-case'] : []),
        ],
        walk: [...(args.glob === undefined ? [] : [`--glob=${args.glob}`]), ...walk],
        context: args.context,
        filesOnly: false,
        needed,
        hides: guard.hides,
        ripgrep,
        signal,
        begun,
        progress,
      });
      const inFolder = (guard: PathGuard, path: string): Promise<FoundLine[]> =>
        guard.withFolder(path, async (folder) => {
          const walk = toWalkArguments(guard, folder, false);
          const found = await searchFolder(search(guard, walk), folder);
          return found
            .slice(0, needed)
            .map((line) => ({ ...line, path: guard.show(join(folder.real, line.path)) }));
        });
      const inFile = (guard: PathGuard, path: string): Promise<FoundLine[]> =>
        guard.withPlace(path, { follow: true }, async ({ folder, name, shown }) => {
          const file = await folder.openFile(name);
          try {
            return await searchOpenFiles(search(guard, []), [{ path: shown, fd: file.fd }], needed);
          } finally {
            await file.close();
          }
        });
      return indexes.withGuard(context, async (guard) => {
        const paths = args.path === undefined ? guard.roots.map(({ real }) => real) : [args.path];
        const found: FoundLine[] = [];
        // Without a root, the first question says what is wrong.
        for (const path of paths.length === 0 ? ['.'] : paths) {
          const isFolder = await guard.isFolder(path);
          found.push(...(isFolder ? await inFolder(guard, path) : await inFile(guard, path)));
          if (found.length >= needed) break;
        }
        const candidates = found.slice(skip, skip + limit);
        const page = candidates.slice(0, countFitting(candidates, sizeOf));
        const end = skip + page.length;
        const next = end < found.length ? toCursor([end], args) : undefined;
        const more = next === undefined ? '' : `\n[More: cursor "${next}"]`;
        return {
          output: {
            matches: page.map(({ path, line, text, context: around }) => ({
              path,
              line,
              text,
              ...(around && { context: around }),
            })),
            ...(next !== undefined && { next }),
          },
          text:
            page.length === 0 ? '[nothing found]' : `${createFence().wrap(toLines(page))}${more}`,
        };
      });
    },
  });
}
