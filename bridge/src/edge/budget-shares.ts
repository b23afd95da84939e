// What one request holds of the budgets. It is given back when the response is gone, whether that was sent
// or its connection was lost. Most requests hold nothing and make none of this.
import type { Budget } from './budget.ts';
import type { PacedResponse } from './paced-response.ts';

export interface BudgetShares {
  /** Aborts when the response is gone. */
  signal(): AbortSignal;
  take(budget: Budget, owner: string, bytes: number): Promise<void>;
  release(): void;
}

export function createBudgetShares(response: PacedResponse): BudgetShares {
  let abort: AbortController | undefined;
  const releases: (() => void)[] = [];
  const release = (): void => {
    for (const each of releases.splice(0)) each();
  };
  const signal = (): AbortSignal => {
    if (abort !== undefined) return abort.signal;
    const controller = new AbortController();
    abort = controller;
    response.once('close', () => {
      controller.abort();
      release();
    });
    if (response.destroyed) controller.abort();
    return controller.signal;
  };
  return {
    signal,
    async take(budget, owner, bytes) {
      releases.push(await budget.take(owner, bytes, signal()));
      if (response.destroyed) release();
    },
    release,
  };
}
