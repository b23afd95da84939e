// Files that an index names, read anew through the guard when an answer shows them.
import { dirname, join } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import type { PathGuard } from '@drawbridge/paths';
import type { IndexedRoot } from './indexes.ts';
import { readSource } from './read-source.ts';

/** Nothing when it is gone, left out, or may not be read. */
export async function readIndexed(
  guard: PathGuard,
  { real }: IndexedRoot,
  path: string,
): Promise<string | undefined> {
  try {
    return await guard.withPlace(join(real, path), { follow: false }, async ({ folder, name }) => {
      // An index knows no links; one that took a folder's place since is not followed.
      if (folder.real !== dirname(join(real, path))) return undefined;
      return readSource(folder, name).text;
    });
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}

/** Runs `work` for each item, a few at a time, in order of their results. */
export async function mapFew<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += width) {
    const part = await Promise.allSettled(items.slice(from, from + width).map(work));
    for (const result of part) {
      if (result.status === 'rejected') throw result.reason;
      results.push(result.value);
    }
  }
  return results;
}
