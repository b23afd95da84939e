import { defineTool, toPage, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { toMatcher } from '../glob.ts';
import { listFiles } from '../listing.ts';
import type { Parts } from '../parts.ts';

/** The folders that the files lie in; an empty folder has none and is left to `list` and `tree`. */
const foldersOf = (files: readonly string[]): string[] => {
  const folders = new Set<string>();
  for (const file of files) {
    for (let at = file.indexOf('/'); at >= 0; at = file.indexOf('/', at + 1)) {
      folders.add(file.slice(0, at));
    }
  }
  return [...folders].sort();
};

export const find = ({ guardOf, ripgrep }: Parts): Tool =>
  defineTool({
    name: 'find',
    title: 'Find files',
    description: 'Finds files or folders by name, leaving out what .gitignore does.',
    effect: 'read',
    input: z.strictObject({
      pattern: z.string().min(1).describe('glob; with "/" for the path, else for the name'),
      path: z.string().default('.'),
      type: z.enum(['file', 'folder']).default('file'),
      ignored: z.boolean().default(false).describe('also what .gitignore leaves out'),
      limit: z.int().min(1).max(5_000).default(500),
      cursor: z.string().optional(),
    }),
    output: z.object({ total: z.int(), paths: z.array(z.string()), next: z.string().optional() }),
    async run({ pattern, path, type, ignored, limit, cursor }, { signal, ...context }) {
      const guard = await guardOf(context);
      const matches = toMatcher(pattern);
      return guard.withFolder(path, async (folder, shown) => {
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
        const paths = page.items.map((each) => (shown === '.' ? each : `${shown}/${each}`));
        const more =
          page.next === undefined ? '' : `\n[${found.length} in all. More: cursor "${page.next}"]`;
        return {
          output: {
            total: found.length,
            paths,
            ...(page.next !== undefined && { next: page.next }),
          },
          text: paths.length === 0 ? '[nothing found]' : `${paths.join('\n')}${more}`,
        };
      });
    },
  });
