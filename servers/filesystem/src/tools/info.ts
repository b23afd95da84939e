// `info`: what a file or folder is, and the hash of its content.
import { lstat, readlink } from 'node:fs/promises';
import { defineTool, type Tool } from '@drawbridge/kit';
import { type Place, toShown } from '@drawbridge/paths';
import type { Stats } from 'node:fs';
import { z } from 'zod';
import { pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';

const kinds = ['file', 'folder', 'link', 'pipe', 'socket', 'device'] as const;

function kindOf(stat: Stats): (typeof kinds)[number] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'folder';
  if (stat.isSymbolicLink()) return 'link';
  if (stat.isFIFO()) return 'pipe';
  return stat.isSocket() ? 'socket' : 'device';
}

function describe(stat: Stats) {
  return {
    type: kindOf(stat),
    size: stat.size,
    mode: (stat.mode & 0o7777).toString(8),
    modified: stat.mtime.toISOString(),
    created: stat.birthtime.toISOString(),
    links: stat.nlink,
  };
}

export function info({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'info',
    title: 'File information',
    description: 'Type, size, times and rights; a link is not followed.',
    effect: 'read',
    input: z.strictObject({ path: pathText }),
    output: z.object({
      path: z.string(),
      type: z.enum(kinds),
      size: z.int(),
      mode: z.string(),
      modified: z.string(),
      created: z.string(),
      links: z.int(),
      target: z.string().optional(),
    }),
    run: ({ path }, context) =>
      withGuard(context, async (guard) => {
        const ofPlace = async ({ folder, name, shown }: Place) => {
          const stat = await lstat(folder.at(name));
          const target = stat.isSymbolicLink() ? await readlink(folder.at(name)) : undefined;
          return {
            path: shown,
            ...describe(stat),
            ...(target !== undefined && { target: toShown(target) }),
          };
        };
        const output = guard.isRoot(path)
          ? await guard.withFolder(path, async (folder, shown) => ({
              path: shown,
              ...describe(folder.stat()),
            }))
          : await guard.withPlace(path, { follow: false }, ofPlace);
        return {
          output,
          text: Object.entries(output)
            .map(([key, value]) => `${key}: ${value}`)
            .join('\n'),
        };
      }),
  });
}
