// `grep`: lines by a regular expression, each read again before it is told.
import { join } from 'node:path';
import {
  ToolError,
  countFitting,
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
import { cursorText, globText, pathText, patternText } from '../arguments.ts';
import type { Deps } from '../deps.ts';

function sizeOf({ path, text }: FoundLine): number {
  return path.length + Buffer.byteLength(text);
}

function toText(lines: readonly FoundLine[], around: boolean): string {
  let [path, number] = ['', 0];
  const parts: string[] = [];
  for (const { path: at, line, text, context } of lines) {
    if (at !== path) parts.push(`${path === '' ? '' : '\n'}${at}`);
    else if (around && line > number + 1) parts.push('--');
    parts.push(`${line}${context ? '-' : ':'}${text}`);
    [path, number] = [at, line];
  }
  return parts.join('\n');
}

export function grep({ withGuard, ripgrep }: Deps): Tool {
  return defineTool({
    name: 'grep',
    title: 'Search in files',
    description: 'Searches a file or folder for a regular expression or text.',
    effect: 'read',
    input: z.strictObject({
      pattern: patternText.min(1),
      path: pathText.default('.'),
      literal: z.boolean().default(false),
      ignore_case: z.boolean().default(false),
      glob: globText.optional(),
      context: z.int().min(0).max(20).default(0),
      files_only: z.boolean().default(false),
      ignored: z.boolean().default(false),
      limit: z.int().min(1).max(2_000).default(200),
      cursor: cursorText.optional(),
    }),
    output: z.object({
      files: z.array(z.string()).optional(),
      matches: z
        .array(
          z.object({
            path: z.string(),
            line: z.int(),
            text: z.string(),
            context: z.boolean().optional(),
          }),
        )
        .optional(),
      next: z.string().optional(),
    }),
    run({ limit, cursor, ...args }, { signal, progress, ...context }) {
      if (`${args.pattern}${args.glob}`.includes('\0')) {
        throw new ToolError('The pattern or the glob has a NUL byte in it.');
      }
      const [skip = 0] = fromCursor(cursor, args);
      const search = (guard: PathGuard, walk: readonly string[]): FolderSearch => ({
        pattern: args.pattern,
        options: [
          ...(args.literal ? ['--fixed-strings'] : []),
          ...(args.ignore_case ? ['--ignore-case'] : []),
        ],
        walk: [...(args.glob === undefined ? [] : [`--glob=${args.glob}`]), ...walk],
        context: args.context,
        filesOnly: args.files_only,
        needed: skip + limit + 1,
        hides: guard.hides,
        ripgrep,
        signal,
        begun: performance.now(),
        progress,
      });
      const inFile = (guard: PathGuard): Promise<FoundLine[]> =>
        guard.withPlace(args.path, { follow: true }, async ({ folder, name, shown }) => {
          const file = await folder.openFile(name);
          try {
            const files = [{ path: shown, fd: file.fd }];
            return await searchOpenFiles(search(guard, []), files, skip + limit + 1);
          } finally {
            await file.close();
          }
        });
      const inFolder = (guard: PathGuard): Promise<FoundLine[]> =>
        guard.withFolder(args.path, async (folder) => {
          const walk = toWalkArguments(guard, folder, args.ignored);
          const found = await searchFolder(search(guard, walk), folder);
          return found
            .slice(0, skip + limit + 1)
            .map((line) => ({ ...line, path: guard.show(join(folder.real, line.path)) }));
        });
      return withGuard(context, async (guard) => {
        const found = (await guard.isFolder(args.path))
          ? await inFolder(guard)
          : await inFile(guard);
        const candidates = found.slice(skip, skip + limit);
        const page = candidates.slice(0, countFitting(candidates, sizeOf));
        const end = skip + page.length;
        const next = end < found.length ? toCursor([end], args) : undefined;
        const files = page.map(({ path }) => path);
        const matches = page.map(({ path, line, text, context: around }) => ({
          path,
          line,
          text,
          ...(around && { context: around }),
        }));
        const text = args.files_only ? files.join('\n') : toText(page, args.context > 0);
        const more = next === undefined ? '' : `\n[More: cursor "${next}"]`;
        return {
          output: {
            ...(args.files_only ? { files } : { matches }),
            ...(next !== undefined && { next }),
          },
          text: page.length === 0 ? '[nothing found]' : `${text}${more}`,
        };
      });
    },
  });
}
