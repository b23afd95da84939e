// What the tools share: one guard per caller, and the locks of this process.
import type { CallContext } from '@drawbridge/kit';
import type { Locks } from './locks.ts';
import type { PathGuard } from './path-guard.ts';
import type { Ripgrep } from './ripgrep.ts';

export interface Parts {
  guardOf(context: Pick<CallContext, 'caller'>): Promise<PathGuard>;
  locks: Locks;
  ripgrep: Ripgrep;
}
