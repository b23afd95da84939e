// Counts the bytes of servers' large answers that a worker reads or that wait for the log. Neither waits for a
// caller, so it ends soon, and a server that brings more can wait for it. Answers that wait for their caller are
// counted by the edge.
import { toHeapShare } from './heap-room.ts';

export interface HeldBytes {
  readonly isFull: boolean;
  /** Returns how to give them back, which may be called twice. */
  hold(bytes: number): () => void;
  /** Calls once when there is room again. */
  onRoom(listener: () => void): void;
}

/** Some answers of a few megabytes, or one that is as large as a message may be. */
const LIMIT_BYTES = 16 * 1024 * 1024;

export function createHeldBytes(limit = toHeapShare(LIMIT_BYTES)): HeldBytes {
  let held = 0;
  let listeners: (() => void)[] = [];
  return {
    get isFull() {
      return held >= limit;
    },
    hold(bytes) {
      held += bytes;
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        held -= bytes;
        if (held >= limit || listeners.length === 0) return;
        const waiting = listeners;
        listeners = [];
        for (const listener of waiting) listener();
      };
    },
    onRoom: (listener) => void listeners.push(listener),
  };
}
