// What the tools share: the way to a repository that the caller may use, and one change of it at a time.
import type { CallContext } from '@drawbridge/kit';
import type { GitRunner, Repository } from '@drawbridge/git-runner';
import type { PathGuard } from '@drawbridge/paths';

export interface OpenRepository extends Repository {
  readonly guard: PathGuard;
  /** Paths in the work tree, from its top, that are never changed or shown. */
  readonly fixed: readonly string[];
  /** Output as text. */
  text(args: readonly string[]): Promise<string>;
}

export interface UseRepository {
  /** The repository's folder, or one in it. */
  repo: string | undefined;
  effect: 'read' | 'write';
  context: Pick<CallContext, 'caller' | 'signal'>;
}

export interface Deps {
  withRepository<T>(
    use: UseRepository,
    work: (repository: OpenRepository) => Promise<T>,
  ): Promise<T>;
  withGuard<T>(
    context: Pick<CallContext, 'caller'>,
    work: (guard: PathGuard) => Promise<T>,
  ): Promise<T>;
  runner: GitRunner;
  /** Who commits, as the operator's environment says. */
  identity: Readonly<Record<string, string>>;
}
