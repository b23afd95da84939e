// `create_directory`: a folder with all that is missing above it.
import { countFitting, defineTool, type Tool } from '@drawbridge/kit';
import { toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';

export function createDirectory({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'create_directory',
    title: 'Create a folder',
    description: 'Creates a folder, and those above it.',
    effect: 'idempotent',
    input: z.strictObject({ path: pathText }),
    output: z.object({ created: z.array(z.string()) }),
    run: ({ path }, context) =>
      withGuard(context, async (guard) => {
        const all = await guard.createFolders(path);
        const created = all.slice(
          0,
          countFitting(all, (each) => Buffer.byteLength(each)),
        );
        const more = all.length - created.length;
        const rest = more === 0 ? '' : ` and ${more} more in the last of them`;
        return {
          output: { created },
          text:
            all.length === 0
              ? `${toShown(path)} exists already.`
              : `Created ${created.join(', ')}${rest}`,
        };
      }),
  });
}
