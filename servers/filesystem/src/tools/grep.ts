import { join } from 'node:path';
import {
  ToolError,
  countFitting,
  defineTool,
  fromCursor,
  toCursor,
  type Tool,
} from '@drawbridge/kit';
import { z } from 'zod';
import { toWalkArguments } from '../listing.ts';
import type { Parts } from '../parts.ts';
import { searchLines, type FoundLine } from '../search-lines.ts';

/** Bytes of one line that are shown. */
const LONGEST_LINE = 500;

const sizeOf = ({ path, text }: FoundLine): number => path.length + Buffer.byteLength(text);

const toText = (lines: readonly FoundLine[], around: boolean): string => {
  let [path, number] = ['', 0];
  const parts: string[] = [];
  for (const { path: at, line, text, context } of lines) {
    if (at !== path) parts.push(`${path === '' ? '' : '\n'}${at}`);
    else if (around && line > number + 1) parts.push('--');
    parts.push(`${line}${context ? '-' : ':'}${text}`);
    [path, number] = [at, line];
  }
  return parts.join('\n');
};

export const grep = ({ guardOf, ripgrep }: Parts): Tool =>
  defineTool({
    name: 'grep',
    title: 'Search in files',
    description: 'Searches file contents for a regular expression or a literal text.',
    effect: 'read',
    input: z.strictObject({
      pattern: z.string().min(1),
      path: z.string().default('.').describe('folder or file'),
      literal: z.boolean().default(false),
      ignore_case: z.boolean().default(false),
      glob: z.string().optional().describe('e.g. *.ts or !*.md'),
      context: z.int().min(0).max(20).default(0).describe('lines around'),
      files_only: z.boolean().default(false),
      ignored: z.boolean().default(false).describe('also what .gitignore leaves out'),
      limit: z.int().min(1).max(2_000).default(200),
      cursor: z.string().optional(),
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
    async run({ limit, cursor, ...args }, { signal, ...caller }) {
      const guard = await guardOf(caller);
      if (args.pattern.includes('\0')) throw new ToolError('The pattern has a NUL byte in it.');
      const options = [
        `--context=${args.context}`,
        `--max-columns=${LONGEST_LINE}`,
        '--max-columns-preview',
        ...(args.literal ? ['--fixed-strings'] : []),
        ...(args.ignore_case ? ['--ignore-case'] : []),
        ...(args.glob === undefined ? [] : [`--glob=${args.glob}`]),
      ];
      const [skip = 0] = fromCursor(cursor, args);
      const search = {
        pattern: args.pattern,
        filesOnly: args.files_only,
        needed: skip + limit + 1,
        ripgrep,
        signal,
        progress: caller.progress,
      };
      const inFile = (): Promise<FoundLine[]> =>
        guard.withPlace(args.path, { follow: true }, async ({ folder, name, shown }) => {
          const file = await folder.openFile(name);
          try {
            const found = await searchLines({ ...search, options, where: { stdin: file.fd } });
            return found.map((line) => ({ ...line, path: shown }));
          } finally {
            await file.close();
          }
        });
      const inFolder = (): Promise<FoundLine[]> =>
        guard.withFolder(args.path, async (folder) => {
          const found = await searchLines({
            ...search,
            options: [...options, ...toWalkArguments(guard, folder, args.ignored)],
            where: { cwd: folder.path },
          });
          return found
            .slice(0, skip + limit + 1)
            .map((line) => ({ ...line, path: guard.show(join(folder.real, line.path)) }));
        });
      const found = (await guard.isFolder(args.path)) ? await inFolder() : await inFile();
      const candidates = found.slice(skip, skip + limit);
      const page = candidates.slice(0, countFitting(candidates, sizeOf));
      const end = skip + page.length;
      const next = end < found.length ? toCursor([end], args) : undefined;
      const files = page.map(({ path }) => path);
      const matches = page.map(({ path, line, text, context }) => ({
        path,
        line,
        text,
        ...(context && { context }),
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
    },
  });
