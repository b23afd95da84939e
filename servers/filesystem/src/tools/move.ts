import { lstat, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError, defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { assertFree, placeNew } from '../atomic-write.ts';
import type { Parts } from '../parts.ts';
import { isInside } from '../path-rules.ts';
import { isSystemError } from '../system-errors.ts';
import { copyTree, removeTree, type Spot, type TransferOptions } from '../transfer.ts';

const moveHere = async (from: Spot, to: Spot): Promise<void> => {
  const path = from.folder.at(from.name);
  if (!(await lstat(path)).isDirectory()) {
    await placeNew(path, to.folder, to.name);
    return;
  }
  // A rename would quietly replace an empty folder.
  await assertFree(to.folder, to.name);
  await rename(path, to.folder.at(to.name));
};

const moveAcross = async (from: Spot, to: Spot, options: TransferOptions): Promise<void> => {
  const { skipped } = await copyTree(from, to, options);
  if (skipped > 0) {
    throw new ToolError(`${skipped} things could not be copied to the other file system.`, {
      hint: 'nothing was removed; look at what was copied, and delete what you no longer need',
    });
  }
  await removeTree(from, options);
};

export const move = ({ guardOf }: Parts): Tool =>
  defineTool({
    name: 'move',
    title: 'Move or rename',
    description: 'Moves or renames a file or folder; never onto something that exists.',
    effect: 'write',
    input: z.strictObject({ from: z.string(), to: z.string() }),
    output: z.object({ from: z.string(), to: z.string() }),
    async run(args, context) {
      const guard = await guardOf(context);
      return guard.withPlace(args.from, { follow: false }, async (from) => {
        // Asked here, so that the error names this path and not the other.
        await lstat(from.folder.at(from.name));
        return guard.withPlace(args.to, { follow: false }, async (to) => {
          const real = join(from.folder.real, from.name);
          guard.assertMovable(real);
          if (isInside(real, join(to.folder.real, to.name))) {
            throw new ToolError(`"${to.shown}" is "${from.shown}" itself or lies in it.`);
          }
          try {
            await moveHere(from, to);
          } catch (error) {
            if (!isSystemError(error, 'EXDEV')) throw error;
            const { signal } = context;
            await moveAcross(from, to, {
              guard,
              signal,
              progress: (done) => context.progress(done),
            });
          }
          return {
            output: { from: from.shown, to: to.shown },
            text: `Moved ${from.shown} to ${to.shown}`,
          };
        });
      });
    },
  });
