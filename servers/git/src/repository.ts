// Opens repositories for callers: the path guard says which folders are theirs, the runner does the rest.
import { lstatSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, posix, relative, sep } from 'node:path';
import { ToolError, type UserState } from '@drawbridge/kit';
import type { Folders, GitRunner } from '@drawbridge/git-runner';
import {
  createLocks,
  createPathGuard,
  isInside,
  toShown,
  TRASH_FOLDER,
  type PathGuard,
} from '@drawbridge/paths';
import type { Deps, OpenRepository } from './deps.ts';

/** Never tracked, never cleaned away: Drawbridge's own. */
const OWN_FOLDERS = ['.drawbridge', TRASH_FOLDER];

export function toFolders(guard: PathGuard): Folders {
  return {
    resolve: (path) => guard.withFolder(path, (folder) => Promise.resolve(folder.real)),
    show: (path) => guard.show(path),
  };
}

/** Throws unless names in `folder` may be made and changed. */
export async function assertWritable(guard: PathGuard, folder: string): Promise<void> {
  const probe = join(folder, 'any-name');
  await guard.withPlace(probe, { follow: false, change: true }, () => Promise.resolve());
}

function toReal(path: string): string {
  // A name that is not there yet may be made by a checkout.
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat !== undefined) return realpathSync.native(path);
  const above = dirname(path);
  return above === path ? path : join(toReal(above), path.slice(above.length));
}

/** From the top of the work tree, with slashes. */
function below(top: string, paths: readonly string[]): string[] {
  return paths
    .map((path) => toReal(path))
    .filter((path) => path !== top && isInside(top, path))
    .map((path) => relative(top, path).split(sep).join('/'));
}

function quoteForExclude(path: string): string {
  return path.replaceAll(/[\\*?[\]!# ]/g, '\\$&');
}

export interface RepositoryDeps {
  runner: GitRunner;
  userState: UserState;
  identity: Readonly<Record<string, string>>;
}

export function createDeps({ runner, userState, identity }: RepositoryDeps): Deps {
  const pins = new Map<string, string>();
  const locks = createLocks();
  const withGuard: Deps['withGuard'] = async ({ caller }, work) => {
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
  };
  return {
    runner,
    identity,
    withGuard,
    withRepository: ({ repo = '.', effect, context }, work) =>
      withGuard(context, (guard) => {
        const { caller, signal } = context;
        const fixedIn = (top: string | undefined): string[] =>
          top === undefined
            ? []
            : below(top, [
                ...caller.readOnly,
                ...userState.settingsFiles(),
                ...guard.hiddenIn(top),
              ]);
        return runner.withRepository(
          repo,
          {
            folders: toFolders(guard),
            effect,
            signal,
            excludes: ({ workTree }) => [
              ...OWN_FOLDERS.map((name) => `${name}/`),
              ...(workTree === undefined ? [] : below(workTree, guard.hiddenIn(workTree))).map(
                (path) => `/${quoteForExclude(path)}`,
              ),
            ],
          },
          async (repository) => {
            const { workTree, commonFolder, gitFolder } = repository;
            const opened: OpenRepository = {
              ...repository,
              guard,
              fixed: fixedIn(workTree),
              text: async (args) => (await repository.run(args)).stdout.toString(),
            };
            if (effect === 'read') return work(opened);
            for (const folder of new Set([workTree ?? gitFolder, gitFolder, commonFolder])) {
              await assertWritable(guard, folder);
            }
            return locks.hold(commonFolder, () => work(opened));
          },
        );
      }),
  };
}

/** The top of the work tree. @throws ToolError for a bare repository. */
export function topOf({ workTree }: Pick<OpenRepository, 'workTree'>): string {
  if (workTree !== undefined) return workTree;
  throw new ToolError('The repository is bare: it has no work tree.', {
    hint: 'worktree or clone, to get one',
  });
}

/** A path from the top of the work tree, with slashes; "." is the top itself. */
export function toPathspec(repository: OpenRepository, path: string): string {
  const { workTree } = repository;
  let inside = path;
  if (isAbsolute(path)) {
    const real = toReal(dirname(path));
    const whole = join(real, path.slice(dirname(path).length));
    if (workTree === undefined || !isInside(workTree, whole)) {
      throw new ToolError(`${JSON.stringify(toShown(path))} is not in this repository.`, {
        allowed: 'paths from the top of its work tree',
      });
    }
    inside = relative(workTree, whole);
  }
  const normal = posix.normalize(inside.split(sep).join('/')).replace(/\/$/, '');
  if (normal === '' || normal.startsWith('../') || normal === '..' || normal.startsWith('/')) {
    throw new ToolError(`${JSON.stringify(toShown(path))} is not in this repository.`, {
      allowed: 'paths from the top of its work tree; "." for all of it',
    });
  }
  const names = normal.toLowerCase().split('/');
  if (names.some((name) => name === '.git' || name === '.drawbridge')) {
    throw new ToolError(`${JSON.stringify(toShown(path))} is in a folder that no tool opens.`);
  }
  return normal;
}

export function toPathspecs(repository: OpenRepository, paths: readonly string[] = []): string[] {
  return paths.map((path) => toPathspec(repository, path));
}

/**
 * Throws when the paths that are never changed differ between two trees; the work tree stands for the
 * second where none is named.
 */
export async function assertFixedKept(
  repository: OpenRepository,
  from: string,
  to?: string,
): Promise<void> {
  const { fixed } = repository;
  if (fixed.length === 0) return;
  const trees = to === undefined ? [from] : [from, to];
  const { stdout } = await repository.run([
    'diff',
    '--name-only',
    '-z',
    '--no-ext-diff',
    '--no-textconv',
    '--ignore-submodules=all',
    ...trees,
    '--',
    ...fixed,
  ]);
  const [first] = stdout.toString().split('\0');
  if (first === undefined || first === '') return;
  throw new ToolError(
    `${JSON.stringify(toShown(first))} would be changed, and is Drawbridge's own and for reading only.`,
  );
}

/** The commit that a revision names. */
export async function resolveCommit(repository: OpenRepository, revision: string): Promise<string> {
  const { stdout } = await repository.run(
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`],
    { answers: [1, 128] },
  );
  const hash = stdout.toString().trim();
  if (/^[0-9a-f]{40,64}$/.test(hash)) return hash;
  throw new ToolError(`There is no commit ${JSON.stringify(revision)}.`, {
    hint: 'branch_list, tag or log, to see what there is',
  });
}
