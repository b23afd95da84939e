// `delete`: into the trash of the root, or for good.
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { removeTree } from '../transfer.ts';
import { isInTrash, moveToTrash } from '../trash.ts';

/** `delete` is a word of the language. */
export function deletePath({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'delete',
    title: 'Delete',
    description: "Moves to the root's .drawbridge-trash, or removes for good.",
    effect: 'destructive',
    input: z.strictObject({
      path: pathText,
      permanent: z.boolean().default(false),
    }),
    output: z.object({
      path: z.string(),
      trash: z.string().optional(),
      removed: z.int().optional(),
    }),
    run: ({ path, permanent }, context) =>
      withGuard(context, (guard) =>
        guard.withPlace(path, { follow: false, change: true }, async (place) => {
          const { folder, name, shown } = place;
          const real = join(folder.real, name);
          await lstat(folder.at(name));
          if (!permanent && !isInTrash(real)) {
            const trash = await moveToTrash(guard, place);
            return {
              output: { path: shown, trash },
              text: `Moved ${shown} to ${trash}\nMove it back from there to undo this.`,
            };
          }
          const removed = await removeTree(place, {
            signal: context.signal,
            progress: (done) => context.progress(done),
          });
          return {
            output: { path: shown, removed },
            text: `Removed ${shown} for good: ${removed} things`,
          };
        }),
      ),
  });
}
