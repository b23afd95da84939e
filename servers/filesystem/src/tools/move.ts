// `move`: renames within a root, copies and removes between roots.
import { lstat, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError, defineTool, type Tool } from '@drawbridge/kit';
import { assertFree, isInside, isSystemError, placeNew, quoted } from '@drawbridge/paths';
import { z } from 'zod';
import { pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { copyTree, removeTree, type Spot, type TransferOptions } from '../transfer.ts';

async function moveHere(from: Spot, to: Spot): Promise<void> {
  const path = from.folder.at(from.name);
  if (!(await lstat(path)).isDirectory()) {
    await placeNew(path, to.folder, to.name);
    return;
  }
  // A rename would quietly replace an empty folder.
  await assertFree(to.folder, to.name);
  await rename(path, to.folder.at(to.name));
}

/** Answers how many files have another owner or group now. */
async function moveAcross(from: Spot, to: Spot, options: TransferOptions): Promise<number> {
  const { skipped, ownerChanged } = await copyTree(from, to, options);
  if (skipped > 0) {
    throw new ToolError(`${skipped} things could not be copied to the other file system.`, {
      hint: 'nothing was removed; look at what was copied, and delete what you no longer need',
    });
  }
  await removeTree(from, options);
  return ownerChanged;
}

export function move({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'move',
    title: 'Move or rename',
    description: 'Moves or renames a file or folder; never replaces.',
    effect: 'write',
    input: z.strictObject({ from: pathText, to: pathText }),
    output: z.object({ from: z.string(), to: z.string(), owner_changed: z.int().optional() }),
    run: (args, context) =>
      withGuard(context, (guard) =>
        guard.withPlace(args.from, { follow: false, change: true }, async (from) => {
          // Asked here, so that the error names this path and not the other.
          await lstat(from.folder.at(from.name));
          return guard.withPlace(args.to, { follow: false, change: true }, async (to) => {
            if (isInside(join(from.folder.real, from.name), join(to.folder.real, to.name))) {
              throw new ToolError(
                `${quoted(to.shown)} is ${quoted(from.shown)} itself or lies in it.`,
              );
            }
            let changed = 0;
            try {
              await moveHere(from, to);
            } catch (error) {
              if (!isSystemError(error, 'EXDEV')) throw error;
              const { signal } = context;
              const progress = (done: number): Promise<void> => context.progress(done);
              changed = await moveAcross(from, to, { guard, signal, progress });
            }
            const note = changed === 0 ? '' : `; ${changed} with another owner or group`;
            return {
              output: {
                from: from.shown,
                to: to.shown,
                ...(changed > 0 && { owner_changed: changed }),
              },
              text: `Moved ${from.shown} to ${to.shown}${note}`,
            };
          });
        }),
      ),
  });
}
