// Legacy requests under way, by session and id, on the fast path and the SDK's. `notifications/cancelled`
// comes in a POST of its own and finds them here.
import { CompactingMap } from '../flow/compacting-map.ts';

/** Closing it aborts the call and ends its answer. */
export interface CallUnderWay {
  close(): unknown;
}

export interface CallsUnderWay {
  add(key: string, call: CallUnderWay): void;
  delete(key: string): void;
  cancel(key: string): Promise<void>;
  cancelAll(): Promise<void>;
}

export function createCallsUnderWay(): CallsUnderWay {
  const calls = new CompactingMap<string, CallUnderWay>();
  return {
    add: (key, call) => void calls.set(key, call),
    delete: (key) => void calls.delete(key),
    async cancel(key) {
      await calls.get(key)?.close();
    },
    async cancelAll() {
      await Promise.all([...new Set(calls.values())].map((call) => call.close()));
    },
  };
}

/** A number and a string of the same digits are two ids (JSON-RPC 2.0, section 4). */
export function toRequestKey(sessionId: string | undefined, id: unknown): string {
  return `${sessionId ?? ''} ${typeof id} ${String(id)}`;
}
