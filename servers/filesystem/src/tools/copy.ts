import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError, defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { assertFree } from '../atomic-write.ts';
import type { Parts } from '../parts.ts';
import { isInside } from '../path-rules.ts';
import { copyTree } from '../transfer.ts';

export const copy = ({ guardOf }: Parts): Tool =>
  defineTool({
    name: 'copy',
    title: 'Copy',
    description: 'Copies a file or a whole folder; never onto something that exists.',
    effect: 'write',
    input: z.strictObject({ from: z.string(), to: z.string() }),
    output: z.object({
      from: z.string(),
      to: z.string(),
      files: z.int(),
      bytes: z.int(),
      skipped: z.int(),
    }),
    async run(args, context) {
      const guard = await guardOf(context);
      return guard.withPlace(args.from, { follow: false }, async (from) => {
        // Asked here, so that the error names this path and not the other.
        await lstat(from.folder.at(from.name));
        return guard.withPlace(args.to, { follow: false }, async (to) => {
          if (isInside(join(from.folder.real, from.name), join(to.folder.real, to.name))) {
            throw new ToolError(`"${to.shown}" is "${from.shown}" itself or lies in it.`);
          }
          await assertFree(to.folder, to.name);
          const copied = await copyTree(from, to, {
            guard,
            signal: context.signal,
            progress: (done) => context.progress(done),
          });
          const skipped = copied.skipped === 0 ? '' : `; ${copied.skipped} skipped`;
          return {
            output: { from: from.shown, to: to.shown, ...copied },
            text: `Copied ${from.shown} to ${to.shown}: ${copied.files} files, ${copied.bytes} bytes${skipped}`,
          };
        });
      });
    },
  });
