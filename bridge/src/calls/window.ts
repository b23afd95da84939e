// How many calls of one principal the bridge works on at once. A principal that calls alone may have as many
// as its limit allows. While others call too, each has a window of 24, so that nobody waits behind a crowd of
// another's calls. A call that takes long waits for its server and costs the bridge nothing, so it leaves the
// window.
import { CompactingMap } from '../flow/compacting-map.ts';
import { TurnQueue, type WaitOptions, type Waited } from '../flow/turn-queue.ts';

export interface CallWindow {
  /** Takes a place in the window; false when there is none, and the call has to `wait`. */
  enter(owner: string): boolean;
  wait(owner: string, options: WaitOptions): Promise<Waited>;
  /** Starts the time of a call that has its place. Give the result to `leave`. */
  begin(owner: string): BegunCall;
  leave(call: BegunCall): void;
}

export interface BegunCall {
  readonly owner: string;
  readonly at: number;
}

const WINDOW = 24;
/** A call that is under way for this long waits for its server. */
const SLOW_MS = 250;
/** How often to look for such calls while others wait. */
const LOOK_MS = 50;
/** A principal that called within this time counts as calling. */
const PRESENT_MS = 1_000;

export function createCallWindow(now: () => number = () => performance.now()): CallWindow {
  /** Places taken by each principal. */
  const taken = new CompactingMap<string, number>();
  const begun = new CompactingMap<BegunCall, true>();
  let last = { owner: '', at: Number.NEGATIVE_INFINITY };
  let otherAt = Number.NEGATIVE_INFINITY;
  let looking: NodeJS.Timeout | undefined;

  const mayBegin = (owner: string): boolean =>
    (taken.get(owner) ?? 0) < WINDOW || now() - otherAt > PRESENT_MS;

  const count = (owner: string): void => taken.set(owner, (taken.get(owner) ?? 0) + 1);

  const waiting = new TurnQueue<undefined>({
    quantum: 1,
    mayBegin: (_, owner) => mayBegin(owner),
    begin: (_, owner) => count(owner),
  });

  const note = (owner: string): void => {
    const at = now();
    if (last.owner === owner) last.at = at;
    else {
      otherAt = last.at;
      last = { owner, at };
    }
  };

  const leave = (call: BegunCall): void => {
    if (begun.get(call) === undefined) return;
    begun.delete(call);
    const left = (taken.get(call.owner) ?? 1) - 1;
    if (left === 0) taken.delete(call.owner);
    else taken.set(call.owner, left);
    waiting.next();
  };

  /** Takes slow calls out of the window, and lets waiting ones in where there is room now. */
  const look = (): void => {
    const before = now() - SLOW_MS;
    for (const call of begun.keys()) if (call.at <= before) leave(call);
    waiting.next();
    looking = waiting.size === 0 ? undefined : setTimeout(look, LOOK_MS);
  };

  return {
    enter(owner) {
      note(owner);
      if (waiting.sizeOf(owner) > 0 || !mayBegin(owner)) return false;
      count(owner);
      return true;
    },
    wait(owner, options) {
      looking ??= setTimeout(look, LOOK_MS);
      return waiting.wait(owner, undefined, options);
    },
    begin(owner) {
      const call = { owner, at: now() };
      begun.set(call, true);
      return call;
    },
    leave,
  };
}
