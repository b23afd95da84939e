// `copy`: files and whole folders, never over what is there.
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError, defineTool, type Tool } from '@drawbridge/kit';
import { assertFree, isInside, quoted } from '@drawbridge/paths';
import { z } from 'zod';
import { pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { copyTree } from '../transfer.ts';

export function copy({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'copy',
    title: 'Copy',
    description: 'Copies a file or a whole folder; never replaces.',
    effect: 'write',
    input: z.strictObject({ from: pathText, to: pathText }),
    output: z.object({
      from: z.string(),
      to: z.string(),
      files: z.int(),
      bytes: z.int(),
      skipped: z.int(),
      owner_changed: z.int().optional(),
    }),
    run: (args, context) =>
      withGuard(context, (guard) =>
        guard.withPlace(args.from, { follow: false }, async (from) => {
          // Asked here, so that the error names this path and not the other.
          await lstat(from.folder.at(from.name));
          return guard.withPlace(args.to, { follow: false, change: true }, async (to) => {
            if (isInside(join(from.folder.real, from.name), join(to.folder.real, to.name))) {
              throw new ToolError(
                `${quoted(to.shown)} is ${quoted(from.shown)} itself or lies in it.`,
              );
            }
            await assertFree(to.folder, to.name);
            const {
              folders: _folders,
              ownerChanged,
              ...copied
            } = await copyTree(from, to, {
              guard,
              signal: context.signal,
              progress: (done) => context.progress(done),
            });
            const skipped = copied.skipped === 0 ? '' : `; ${copied.skipped} skipped`;
            const changed =
              ownerChanged === 0 ? '' : `; ${ownerChanged} with another owner or group`;
            return {
              output: {
                from: from.shown,
                to: to.shown,
                ...copied,
                ...(ownerChanged > 0 && { owner_changed: ownerChanged }),
              },
              text: `Copied ${from.shown} to ${to.shown}: ${copied.files} files, ${copied.bytes} bytes${skipped}${changed}`,
            };
          });
        }),
      ),
  });
}
