// What the tools share: one guard per caller, and the locks of this process.
import type { CallContext } from '@drawbridge/kit';
import type { Locks, PathGuard, Ripgrep } from '@drawbridge/paths';

export interface Deps {
  /** Runs `work` with the caller's guard, whose roots are open as long as it runs. */
  withGuard<T>(
    context: Pick<CallContext, 'caller'>,
    work: (guard: PathGuard) => Promise<T>,
  ): Promise<T>;
  locks: Locks;
  ripgrep: Ripgrep;
}
