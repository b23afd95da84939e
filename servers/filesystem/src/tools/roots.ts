// `roots`: the folders that this caller may use.
import { pathToFileURL } from 'node:url';
import { defineTool, type Tool } from '@drawbridge/kit';
import { toShown } from '@drawbridge/paths';
import { z } from 'zod';
import type { Deps } from '../deps.ts';

export function roots({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'roots',
    title: 'Roots',
    description: 'Folders this server may use; relative paths count from the first.',
    effect: 'read',
    input: z.strictObject({}),
    output: z.object({ roots: z.array(z.object({ path: z.string(), uri: z.string() })) }),
    run: (_args, context) =>
      withGuard(context, async ({ roots: allowed }) => {
        const found = allowed.map(({ given }) => ({
          path: toShown(given),
          uri: pathToFileURL(given).href,
        }));
        return {
          output: { roots: found },
          text:
            found.length === 0
              ? 'None: nothing may be opened. The server takes them as --root DIR.'
              : found.map(({ path }) => path).join('\n'),
        };
      }),
  });
}
