import { pathToFileURL } from 'node:url';
import { defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import type { Parts } from '../parts.ts';

export const roots = ({ guardOf }: Parts): Tool =>
  defineTool({
    name: 'roots',
    title: 'Roots',
    description: 'The folders this server may use. Relative paths count from the first.',
    effect: 'read',
    input: z.strictObject({}),
    output: z.object({ roots: z.array(z.object({ path: z.string(), uri: z.string() })) }),
    async run(_args, context) {
      const { roots: allowed } = await guardOf(context);
      const found = allowed.map(({ given }) => ({ path: given, uri: pathToFileURL(given).href }));
      return {
        output: { roots: found },
        text:
          found.length === 0
            ? 'None: nothing may be opened. The server takes them as --root DIR.'
            : found.map(({ path }) => path).join('\n'),
      };
    },
  });
