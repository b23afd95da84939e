// `index`: brings the index up to date and waits until it is.
import { defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { withScopes, type Deps } from '../deps.ts';

/** The index itself goes on when the call gives up; milliseconds. */
const MOST_MS = 900_000;

export function indexFiles(deps: Deps): Tool {
  return defineTool({
    name: 'index',
    title: 'Build the index',
    description: 'Indexes files that changed, with progress. Searches do so by themselves.',
    effect: 'idempotent',
    input: z.strictObject({}),
    output: z.object({ files: z.int(), symbols: z.int(), seconds: z.number(), index: z.string() }),
    async run(_args, context) {
      const begun = performance.now();
      const onProgress = (done: number, total: number): void => {
        // A caller that can no longer be told is gone, and then the call ends by itself.
        context.progress(done, total, 'files indexed').catch(() => {});
      };
      return withScopes(deps, context, { most: MOST_MS, onProgress }, async ({ scopes, index }) => {
        let [files, symbols] = [0, 0];
        for (const scope of scopes) {
          const counts = await scope.index.use((store) => store.counts());
          files += counts.files;
          symbols += counts.symbols;
        }
        const seconds = Math.round(performance.now() - begun) / 1_000;
        return {
          output: { files, symbols, seconds, index },
          text: `${files} files with ${symbols} definitions, in ${seconds} s\n[Index: ${index}]`,
        };
      });
    },
  });
}
