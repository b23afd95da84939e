import { defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import type { Parts } from '../parts.ts';

export const createDirectory = ({ guardOf }: Parts): Tool =>
  defineTool({
    name: 'create_directory',
    title: 'Create a folder',
    description: 'Creates a folder and those above it that are missing.',
    effect: 'idempotent',
    input: z.strictObject({ path: z.string() }),
    output: z.object({ created: z.array(z.string()) }),
    async run({ path }, context) {
      const guard = await guardOf(context);
      const created = await guard.createFolders(path);
      return {
        output: { created },
        text: created.length === 0 ? `${path} exists already.` : `Created ${created.join(', ')}`,
      };
    },
  });
