// `list`: what a folder holds, page by page.
import { lstat, readdir } from 'node:fs/promises';
import type { Dirent, Stats } from 'node:fs';
import { defineTool, toPage, type Tool } from '@drawbridge/kit';
import { type Folder, isSystemError, toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { cursorText, pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';

const MAX_ENTRIES = 2_000;
/** Files asked about at once. */
const PARALLEL = 64;

function kindOf(entry: Dirent | Stats): 'file' | 'folder' | 'link' | 'other' {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  return entry.isSymbolicLink() ? 'link' : 'other';
}

interface Entry {
  name: string;
  kind: ReturnType<typeof kindOf>;
  size: number;
  modified: Date | undefined;
}

async function look(
  folder: Folder,
  entries: readonly Dirent[],
  signal: AbortSignal,
): Promise<Entry[]> {
  const looked: Entry[] = [];
  for (let from = 0; from < entries.length; from += PARALLEL) {
    signal.throwIfAborted();
    const batch = entries
      .slice(from, from + PARALLEL)
      .map(async (entry): Promise<Entry | undefined> => {
        try {
          const { size, mtime } = await lstat(folder.at(entry.name));
          return { name: entry.name, kind: kindOf(entry), size, modified: mtime };
        } catch (error) {
          // Gone since the folder was read.
          if (isSystemError(error, 'ENOENT')) return undefined;
          throw error;
        }
      });
    looked.push(...(await Promise.all(batch)).filter((entry) => entry !== undefined));
  }
  return looked;
}

/** With what stands around the name in the answer. */
function sizeOf({ name }: { name: string }): number {
  return Buffer.byteLength(toShown(name)) + 64;
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
const orders = {
  name: byName,
  size: (a: Entry, b: Entry) => b.size - a.size || byName(a, b),
  modified: (a: Entry, b: Entry) =>
    (b.modified?.getTime() ?? 0) - (a.modified?.getTime() ?? 0) || byName(a, b),
};

function lineOf({ name, kind, size, modified }: Entry): string {
  const mark = { file: '', folder: '/', link: '@', other: '?' }[kind];
  const details = kind === 'file' ? `\t${size}\t${modified?.toISOString() ?? ''}` : '';
  return `${toShown(name)}${mark}${details}`;
}

export function list({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'list',
    title: 'List a folder',
    description: 'Lists what is in a folder, with sizes.',
    effect: 'read',
    input: z.strictObject({
      path: pathText.default('.'),
      sort: z.enum(['name', 'size', 'modified']).default('name'),
      limit: z.int().min(1).max(MAX_ENTRIES).default(500),
      cursor: cursorText.optional(),
    }),
    output: z.object({
      path: z.string(),
      total: z.int(),
      entries: z.array(
        z.object({
          name: z.string(),
          type: z.enum(['file', 'folder', 'link', 'other']),
          size: z.int().optional(),
          modified: z.string().optional(),
        }),
      ),
      next: z.string().optional(),
    }),
    run: ({ path, sort, limit, cursor }, { signal, ...context }) =>
      withGuard(context, (guard) =>
        guard.withFolder(path, async (folder, shown) => {
          const hides = guard.hides(folder.real);
          const all = (await readdir(folder.path, { withFileTypes: true })).filter(
            ({ name }) => !hides(name),
          );
          const scope = [path, sort];
          // Sizes and times of all are needed only where they decide the order.
          const pageOf = async () => {
            if (sort === 'name') {
              const { items, ...rest } = toPage(all.sort(byName), { cursor, limit, scope, sizeOf });
              return { items: await look(folder, items, signal), ...rest };
            }
            const entries = await look(folder, all, signal);
            return toPage(entries.sort(orders[sort]), { cursor, limit, scope, sizeOf });
          };
          const { items, next } = await pageOf();
          const entries = items.map(({ name, kind, size, modified }) => ({
            name: toShown(name),
            type: kind,
            ...(kind === 'file' && { size, modified: modified?.toISOString() }),
          }));
          const more = next === undefined ? '' : `\n[${all.length} in all. More: cursor "${next}"]`;
          return {
            output: {
              path: shown,
              total: all.length,
              entries,
              ...(next !== undefined && { next }),
            },
            text: `${items.length === 0 ? '[empty]' : items.map(lineOf).join('\n')}${more}`,
          };
        }),
      ),
  });
}
