// What the tools share, and the frame of those that ask an index: a guard for the caller, the parts of
// the indexes that the call is about, and a line that says how fresh they are.
import { join, relative, sep } from 'node:path';
import type { CallContext } from '@drawbridge/kit';
import {
  isInside,
  quoted,
  toShown,
  type Locks,
  type PathGuard,
  type Ripgrep,
} from '@drawbridge/paths';
import { ToolError } from '@drawbridge/kit';
import { freshenAll, type IndexedRoot, type Indexes } from './indexes.ts';
import type { ParserPool } from './parser-pool.ts';
import type { Freshness, ProgressListener } from './root-index.ts';

export interface Deps {
  indexes: Indexes;
  pool: ParserPool;
  ripgrep: Ripgrep;
  locks: Locks;
}

/** The part of one index that a call is about. */
export interface Scope extends IndexedRoot {
  /** A folder or file relative to the root; "" for all of it. */
  below: string;
  /** Whether `below` names a file. */
  isFile: boolean;
}

export interface InScopes {
  guard: PathGuard;
  scopes: Scope[];
  /** For the output. */
  index: string;
}

export interface ScopeOptions {
  path?: string | undefined;
  /** Milliseconds to wait for the index. */
  most?: number;
  onProgress?: ProgressListener;
}

/** A question waits no longer for files that changed; the answer then says so. */
const QUESTION_MS = 10_000;

export function toFreshnessLine({ checked, files, pending, note }: Freshness): string {
  const state = pending > 0 ? `${pending} changed files pending` : 'no change pending';
  const rest = note === undefined ? '' : `; ${note}`;
  return `${files} files, checked ${checked}, ${state}${rest}`;
}

/** Where `path` lies, free of links. */
async function realOf(guard: PathGuard, path: string): Promise<{ real: string; isFile: boolean }> {
  if (await guard.isFolder(path)) {
    return guard.withFolder(path, async ({ real }) => ({ real, isFile: false }));
  }
  return guard.withPlace(path, { follow: true }, async ({ folder, name }) => ({
    real: join(folder.real, name),
    isFile: true,
  }));
}

export async function toScopes(
  guard: PathGuard,
  roots: readonly IndexedRoot[],
  path: string | undefined,
): Promise<Scope[]> {
  if (path === undefined) {
    // Says, as every tool does, what is wrong when there is no root.
    if (roots.length === 0) await guard.isFolder('.');
    return roots.map((root) => ({ ...root, below: '', isFile: false }));
  }
  const { real, isFile } = await realOf(guard, path);
  // The innermost root is enough, where one lies in another.
  const [root] = roots
    .filter((each) => isInside(each.real, real))
    .sort((a, b) => b.real.length - a.real.length);
  if (root === undefined) throw new ToolError(`${quoted(toShown(path))} is in no root.`);
  return [{ ...root, below: relative(root.real, real).split(sep).join('/'), isFile }];
}

/** Whether a path of an index is in the scope. */
export function inScope({ below, isFile }: Scope, path: string): boolean {
  return below === '' || path === below || (!isFile && path.startsWith(`${below}/`));
}

/** Runs `work` when the indexes are fresh, or have been waited for. */
export function withScopes<T>(
  { indexes }: Deps,
  context: CallContext,
  { path, most = QUESTION_MS, onProgress }: ScopeOptions,
  work: (inScopes: InScopes) => Promise<T>,
): Promise<T> {
  return indexes.withGuard(context, async (guard) => {
    const scopes = await toScopes(guard, indexes.of(context, guard), path);
    const fresh = await freshenAll(scopes, {
      signal: context.signal,
      most,
      ...(onProgress !== undefined && { onProgress }),
    });
    return work({ guard, scopes, index: toFreshnessLine(fresh) });
  });
}

/** A path of an index, as callers see it. */
export function showIn({ real }: IndexedRoot, guard: PathGuard, path: string): string {
  return guard.show(join(real, path));
}
