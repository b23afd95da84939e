// `find`: files and folders by a glob.
import { join } from 'node:path';
import { defineTool, toPage, type Tool } from '@drawbridge/kit';
import { listFiles, toMatcher } from '@drawbridge/paths';
import { z } from 'zod';
import { cursorText, globText, pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';

/** The folders that the files lie in; an empty folder has none and is left to `list` and `tree`. */
function foldersOf(files: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const file of files) {
    for (let at = file.indexOf('/'); at >= 0; at = file.indexOf('/', at + 1)) {
      folders.add(file.slice(0, at));
    }
  }
  return [...folders].sort();
}

export function find({ withGuard, ripgrep }: Deps): Tool {
  return defineTool({
    name: 'find',
    title: 'Find files',
    description: 'Finds files or folders by name, leaving out what .gitignore does.',
    effect: 'read',
    input: z.strictObject({
      pattern: globText.min(1).describe('glob; with "/" of the path'),
      path: pathText.default('.'),
      type: z.enum(['file', 'folder']).default('file'),
      ignored: z.boolean().default(false).describe('also .gitignored'),
      limit: z.int().min(1).max(5_000).default(500),
      cursor: cursorText.optional(),
    }),
    output: z.object({ total: z.int(), paths: z.array(z.string()), next: z.string().optional() }),
    run({ pattern, path, type, ignored, limit, cursor }, { signal, ...context }) {
      const matches = toMatcher(pattern);
      return withGuard(context, (guard) =>
        guard.withFolder(path, async (folder) => {
          const options = { ignored, ripgrep, signal, progress: context.progress };
          const found =
            type === 'file'
              ? await listFiles(guard, folder, { ...options, matches })
              : foldersOf(await listFiles(guard, folder, options)).filter(matches);
          const page = toPage(found, {
            cursor,
            limit,
            scope: [pattern, path, type, ignored],
            sizeOf: (each) => Buffer.byteLength(each),
          });
          const paths = page.items.map((each) => guard.show(join(folder.real, each)));
          const more =
            page.next === undefined
              ? ''
              : `\n[${found.length} in all. More: cursor "${page.next}"]`;
          return {
            output: {
              total: found.length,
              paths,
              ...(page.next !== undefined && { next: page.next }),
            },
            text: paths.length === 0 ? '[nothing found]' : `${paths.join('\n')}${more}`,
          };
        }),
      );
    },
  });
}
