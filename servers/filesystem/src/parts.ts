// What the tools share: one guard per caller, and the locks of this process.
import type { CallContext } from '@drawbridge/kit';
import type { Locks } from './locks.ts';
import type { PathGuard } from './path-guard.ts';

export interface Parts {
  guardOf(context: Pick<CallContext, 'caller'>): Promise<PathGuard>;
  locks: Locks;
  /** Milliseconds that one search may take. */
  searchTimeLimit: number;
}
