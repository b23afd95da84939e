// `status`: what is indexed, what was left out and why, and how fresh it is.
import { defineTool, type Tool } from '@drawbridge/kit';
import { toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { rowsWith } from '../arguments.ts';
import { withScopes, type Deps, type Scope } from '../deps.ts';

const leftOutSchema = z.record(z.string(), z.int());

async function describe({ index, real }: Scope) {
  return index.use((store) => {
    const { indexed = 0, text = 0, unparsed = 0, ...leftOut } = store.countByState();
    const named = store.getMeta('left-out');
    const byName = named === undefined ? {} : leftOutSchema.parse(JSON.parse(named));
    const all = Object.entries({ ...leftOut, ...byName }).filter(([, count]) => count > 0);
    return {
      root: toShown(real),
      ...store.counts(),
      parsed: indexed,
      words_only: text + unparsed,
      left_out: Object.fromEntries(all),
      indexed_at: store.getMeta('indexed-at') ?? 'never',
    };
  });
}

function toWords(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([reason, count]) => `${count} ${reason}`);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

export function status(deps: Deps): Tool {
  return defineTool({
    name: 'status',
    title: 'State of the index',
    description: 'What is indexed, what was left out and why.',
    effect: 'read',
    input: z.strictObject({}),
    output: z.object({
      roots: rowsWith('root, files, symbols, parsed, words_only, left_out, indexed_at'),
      index: z.string(),
    }),
    run: (_args, context) =>
      withScopes(deps, context, {}, async ({ scopes, index }) => {
        const roots = [];
        for (const scope of scopes) roots.push(await describe(scope));
        const lines = roots.map(
          (each) =>
            `${each.root}: ${each.files} files (${each.parsed} parsed, ${each.words_only} by their ` +
            `words), ${each.symbols} definitions; left out: ${toWords(each.left_out)}; changed ` +
            each.indexed_at,
        );
        return { output: { roots, index }, text: [...lines, `[Index: ${index}]`].join('\n') };
      }),
  });
}
