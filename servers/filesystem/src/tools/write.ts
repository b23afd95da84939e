// `write`: a whole file, old or new, never a part.
import { defineTool, type Tool } from '@drawbridge/kit';
import { OWNER_CHANGED, lockKeyOf, replaceText } from '@drawbridge/paths';
import { z } from 'zod';
import { contentText, hashText, pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';

export function write({ withGuard, locks }: Deps): Tool {
  return defineTool({
    name: 'write',
    title: 'Write a file',
    description: 'Creates or replaces a text file; its folder must exist.',
    effect: 'destructive',
    input: z.strictObject({
      path: pathText,
      content: contentText,
      expected_hash: hashText.optional().describe('refuse if it changed'),
    }),
    output: z.object({
      path: z.string(),
      created: z.boolean(),
      size: z.int(),
      hash: z.string(),
      owner_changed: z.boolean().optional(),
    }),
    run: ({ path, content, expected_hash: expectedHash }, { signal, ...context }) =>
      withGuard(context, (guard) =>
        guard.withPlace(path, { follow: true, change: true }, (place) =>
          locks.hold(lockKeyOf(place), async () => {
            const written = await replaceText(place, { content, expectedHash, signal });
            const { created, size, hash, owner_changed: changed = false } = written;
            const done = `${created ? 'Created' : 'Replaced'} ${place.shown}: ${size} bytes, hash ${hash}`;
            return {
              output: { path: place.shown, ...written },
              text: changed ? `${done}; ${OWNER_CHANGED}` : done,
            };
          }),
        ),
      ),
  });
}
