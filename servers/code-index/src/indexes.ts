// The indexes of this process: one for each root of each tenant, opened when a call first needs it.
// Their files lie in the server's state folder, named by a hash of tenant and root, so that no tenant
// can reach another's.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createLog, createStateFolder, createUserState, type CallContext } from '@drawbridge/kit';
import { createPathGuard, type Folder, type PathGuard, type Ripgrep } from '@drawbridge/paths';
import type { ParserPool } from './parser-pool.ts';
import { RootIndex, type Freshness, type ProgressListener } from './root-index.ts';
import { createSemantic, type Semantic } from './semantic.ts';

export interface IndexedRoot {
  readonly index: RootIndex;
  /** Free of links. */
  readonly real: string;
}

export interface Indexes {
  readonly semantic: Semantic;
  /** Runs `work` with the caller's guard, whose roots are open as long as it runs. */
  withGuard<T>(
    context: Pick<CallContext, 'caller'>,
    work: (guard: PathGuard) => Promise<T>,
  ): Promise<T>;
  /** The indexes of the guard's roots. */
  of(context: Pick<CallContext, 'caller'>, guard: PathGuard): IndexedRoot[];
}

export interface IndexesOptions {
  env: NodeJS.ProcessEnv;
  ripgrep: Ripgrep;
  pool: ParserPool;
}

/** Indexes open at once; the one unused longest is closed. */
const MAX_OPEN = 32;

export function createIndexes({ env, ripgrep, pool }: IndexesOptions): Indexes {
  const log = createLog('code-index');
  const userState = createUserState(env);
  const stateFolder = createStateFolder('code-index', env);
  const pins = new Map<string, string>();
  /** In the order of their last use. */
  const open = new Map<string, RootIndex>();
  const folders = new WeakMap<RootIndex, string>();

  const withFolder = async <T>(
    root: string,
    work: (guard: PathGuard, folder: Folder) => Promise<T>,
  ): Promise<T> => {
    const guard = await createPathGuard({ roots: [root], closed: userState.closedFolders(), pins });
    try {
      return await guard.withFolder('.', (folder) => work(guard, folder));
    } finally {
      guard.close();
    }
  };
  const semantic = createSemantic({
    env,
    log,
    withFolder: (index, work) => withFolder(folders.get(index) ?? '', work),
  });
  const indexOf = (tenant: string, real: string): RootIndex => {
    const key = createHash('sha256')
      .update(JSON.stringify([tenant, real]))
      .digest('hex');
    let index = open.get(key);
    if (index === undefined) {
      index = new RootIndex({
        path: join(stateFolder(), `${key.slice(0, 40)}.db`),
        ripgrep,
        pool,
        log,
        withFolder: (work) => withFolder(real, work),
        onChanged: semantic.update,
        onRemoved: semantic.forget,
      });
      folders.set(index, real);
    }
    open.delete(key);
    open.set(key, index);
    for (const [oldest, each] of open) {
      if (open.size <= MAX_OPEN) break;
      open.delete(oldest);
      each.close().catch((error: unknown) => log('an index could not be closed', { error }));
    }
    return index;
  };
  return {
    semantic,
    async withGuard({ caller }, work) {
      const guard = await createPathGuard({
        roots: caller.roots,
        closed: userState.closedFolders(),
        readOnly: () => [...caller.readOnly, ...userState.settingsFiles()],
        pins,
      });
      try {
        return await work(guard);
      } finally {
        guard.close();
      }
    },
    of({ caller }, guard) {
      const reals = [...new Set(guard.roots.map(({ real }) => real))];
      return reals.map((real) => ({ index: indexOf(caller.tenant, real), real }));
    },
  };
}

export interface FreshenOptions {
  signal: AbortSignal;
  /** Milliseconds to wait in all. */
  most: number;
  onProgress?: ProgressListener;
}

/** Brings all up to date, side by side, and tells how fresh they are together. */
export async function freshenAll(
  roots: readonly IndexedRoot[],
  { signal, most, onProgress }: FreshenOptions,
): Promise<Freshness> {
  const all = await Promise.all(
    roots.map(({ index }) =>
      index.freshen(most, { signal, ...(onProgress !== undefined && { onProgress }) }),
    ),
  );
  const checked = all.map((each) => each.checked).sort();
  return {
    // The one that was checked longest ago; "never" comes behind every time.
    checked: checked.includes('never') ? 'never' : (checked[0] ?? 'never'),
    files: all.reduce((sum, { files }) => sum + files, 0),
    pending: all.reduce((sum, { pending }) => sum + pending, 0),
    note: all.find(({ note }) => note !== undefined)?.note,
  };
}
