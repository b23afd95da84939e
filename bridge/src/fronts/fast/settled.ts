// Outcomes of calls that were already made, on their way to the SDK's front: what the fast path
// cannot put into words itself is translated there, and never sent to a server again.
import type { IncomingMessage } from 'node:http';
import type { Outcome } from '../../calls/call.ts';

export interface SettledOutcomes {
  settle(request: IncomingMessage, outcome: Outcome): void;
  take(request: unknown): Outcome | undefined;
}

export function createSettledOutcomes(): SettledOutcomes {
  const outcomes = new WeakMap<object, Outcome>();
  return {
    settle: (request, outcome) => void outcomes.set(request, outcome),
    take: (request) =>
      typeof request === 'object' && request !== null ? outcomes.get(request) : undefined,
  };
}
