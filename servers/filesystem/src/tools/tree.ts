import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PAGE_BYTES, defineTool, fromCursor, toCursor, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import type { Folder } from '../folder.ts';
import { toMatcher } from '../glob.ts';
import { TRASH_FOLDER } from '../listing.ts';
import type { Parts } from '../parts.ts';
import { isSystemError } from '../system-errors.ts';

const MOST_ENTRIES = 5_000;
const DEEPEST = 32;

const openOrSkip = async (folder: Folder, name: string): Promise<Folder | undefined> => {
  try {
    return await folder.open(name);
  } catch (error) {
    if (isSystemError(error, 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
};

export const tree = ({ guardOf }: Parts): Tool =>
  defineTool({
    name: 'tree',
    title: 'Folder tree',
    description: 'Shows folders and what is in them, down to a depth.',
    effect: 'read',
    input: z.strictObject({
      path: z.string().default('.'),
      depth: z.int().min(1).max(DEEPEST).default(3),
      exclude: z.array(z.string()).max(64).default(['.git', 'node_modules']).describe('globs'),
      limit: z.int().min(1).max(MOST_ENTRIES).default(1_000),
      cursor: z.string().optional(),
    }),
    output: z.object({
      path: z.string(),
      entries: z.array(z.string()).describe('folders end in "/"'),
      next: z.string().optional(),
    }),
    async run({ path, depth, exclude, limit, cursor }, { signal, ...context }) {
      const guard = await guardOf(context);
      const scope = [path, depth, exclude];
      const [skip = 0] = fromCursor(cursor, scope);
      const excluded = exclude.map(toMatcher);
      return guard.withFolder(path, async (top, shown) => {
        const entries: string[] = [];
        const lines: string[] = [];
        let [seen, bytes] = [0, 0];
        /** False when there is enough. */
        const walk = async (folder: Folder, above: string, level: number): Promise<boolean> => {
          signal.throwIfAborted();
          const children = (await readdir(folder.path, { withFileTypes: true })).sort((a, b) =>
            a.name < b.name ? -1 : 1,
          );
          for (const child of children) {
            const inner = `${above}${child.name}`;
            const hidden =
              child.name === TRASH_FOLDER ||
              !guard.allows(join(folder.real, child.name)) ||
              excluded.some((matches) => matches(inner));
            if (hidden) continue;
            seen += 1;
            if (seen > skip + limit || bytes > PAGE_BYTES) return false;
            const mark = child.isDirectory() ? '/' : child.isSymbolicLink() ? '@' : '';
            if (seen > skip) {
              bytes += Buffer.byteLength(inner);
              entries.push(`${inner}${child.isDirectory() ? '/' : ''}`);
              lines.push(`${'  '.repeat(level)}${child.name}${mark}`);
            }
            if (!child.isDirectory() || level + 1 >= depth) continue;
            const next = await openOrSkip(folder, child.name);
            if (next === undefined) continue;
            try {
              if (!(await walk(next, `${inner}/`, level + 1))) return false;
            } finally {
              await next.close();
            }
          }
          return true;
        };
        const complete = await walk(top, '', 0);
        const next = complete ? undefined : toCursor([skip + entries.length], scope);
        const more = next === undefined ? '' : `\n[More: cursor "${next}"]`;
        return {
          output: { path: shown, entries, ...(next !== undefined && { next }) },
          text: `${shown}/\n${lines.join('\n')}${more}`,
        };
      });
    },
  });
