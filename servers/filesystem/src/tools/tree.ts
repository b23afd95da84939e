// `tree`: folders and files below a folder, to a depth.
import { PAGE_BYTES, defineTool, fromCursor, toCursor, type Tool } from '@drawbridge/kit';
import {
  createTurns,
  type Folder,
  ifThere,
  type PathGuard,
  toMatcher,
  toShown,
  TRASH_FOLDER,
} from '@drawbridge/paths';
import { z } from 'zod';
import { cursorText, globText, pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';

const MAX_ENTRIES = 5_000;
const DEEPEST = 32;

export function tree({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'tree',
    title: 'Folder tree',
    description: 'Shows what is in a folder, down to a depth.',
    effect: 'read',
    input: z.strictObject({
      path: pathText.default('.'),
      depth: z.int().min(1).max(DEEPEST).default(3),
      exclude: z.array(globText).max(64).default(['.git', 'node_modules']),
      limit: z.int().min(1).max(MAX_ENTRIES).default(1_000),
      cursor: cursorText.optional(),
    }),
    output: z.object({
      path: z.string(),
      entries: z.array(z.string()),
      next: z.string().optional(),
    }),
    run({ path, depth, exclude, limit, cursor }, { signal, ...context }) {
      const scope = [path, depth, exclude];
      const [skip = 0] = fromCursor(cursor, scope);
      const excluded = exclude.map(toMatcher);
      const turn = createTurns(signal);
      const show = async (guard: PathGuard, top: Folder, shown: string) => {
        const entries: string[] = [];
        const lines: string[] = [];
        let [seen, bytes] = [0, 0];
        /** False when there is enough. */
        const walk = async (folder: Folder, above: string, level: number): Promise<boolean> => {
          await turn();
          const hides = guard.hides(folder.real);
          const children = (ifThere(() => folder.entries()) ?? []).sort((a, b) =>
            a.name < b.name ? -1 : 1,
          );
          for (const child of children) {
            const inner = `${above}${child.name}`;
            const hidden =
              child.name === TRASH_FOLDER ||
              hides(child.name) ||
              excluded.some((matches) => matches(inner));
            if (hidden) continue;
            seen += 1;
            if (seen > skip + limit || bytes > PAGE_BYTES) return false;
            if (seen > skip) {
              const entry = toShown(inner);
              bytes += Buffer.byteLength(entry);
              entries.push(`${entry}${child.isDirectory() ? '/' : ''}`);
              const mark = child.isDirectory() ? '/' : child.isSymbolicLink() ? '@' : '';
              lines.push(`${'  '.repeat(level)}${toShown(child.name)}${mark}`);
            }
            if (!child.isDirectory() || level + 1 >= depth) continue;
            const next = ifThere(() => folder.open(child.name));
            if (next === undefined) continue;
            try {
              if (!(await walk(next, `${inner}/`, level + 1))) return false;
            } finally {
              next.close();
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
      };
      return withGuard(context, (guard) =>
        guard.withFolder(path, (top, shown) => show(guard, top, shown)),
      );
    },
  });
}
