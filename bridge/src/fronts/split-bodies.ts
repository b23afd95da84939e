// Large bodies that the fast path has had cut apart, on their way to the SDK's front.
import type { IncomingMessage } from 'node:http';
import type { SplitRequest } from '../calls/large-json/large-json.ts';

export interface SplitBodies {
  set(request: IncomingMessage, split: SplitRequest): void;
  take(request: unknown): SplitRequest | undefined;
}

export function createSplitBodies(): SplitBodies {
  const splits = new WeakMap<object, SplitRequest>();
  return {
    set: (request, split) => void splits.set(request, split),
    take: (request) =>
      typeof request === 'object' && request !== null ? splits.get(request) : undefined,
  };
}
