// How many calls of one principal go through the bridge at once. Alone it may have all that its limit
// allows; while others call too, each has a window, so that nobody's call waits behind a crowd of
// another's. What takes long, at a server that works on it, costs the bridge nothing and leaves the
// window.
import { CompactingMap } from '../flow/compacting-map.ts';
import { TurnQueue, type WaitOptions, type Waited } from '../flow/turn-queue.ts';

export interface CallWindow {
  /** Whether the call may go on at once; else it has to `wait`. */
  enter(owner: string): boolean;
  wait(owner: string, options: WaitOptions): Promise<Waited>;
  /** After it has entered; to be given to `leave` once. */
  begin(owner: string): BegunCall;
  leave(call: BegunCall): void;
}

export interface BegunCall {
  readonly owner: string;
  readonly at: number;
}

const WINDOW = 24;
/** A call that is under way for so long waits for others than the bridge. */
const SLOW_MS = 250;
/** How often it is looked for such calls, while others wait. */
const LOOK_MS = 50;
/** Who called within this time is there. */
const PRESENT_MS = 1_000;

export function createCallWindow(now: () => number = () => performance.now()): CallWindow {
  const quick = new CompactingMap<string, number>();
  const begun = new CompactingMap<BegunCall, true>();
  let last = { owner: '', at: Number.NEGATIVE_INFINITY };
  let otherAt = Number.NEGATIVE_INFINITY;
  let looking: NodeJS.Timeout | undefined;

  const mayBegin = (owner: string): boolean =>
    (quick.get(owner) ?? 0) < WINDOW || now() - otherAt > PRESENT_MS;

  const count = (owner: string): void => quick.set(owner, (quick.get(owner) ?? 0) + 1);

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
    const left = (quick.get(call.owner) ?? 1) - 1;
    if (left === 0) quick.delete(call.owner);
    else quick.set(call.owner, left);
    waiting.next();
  };

  /** Lets those out that take long, and those in that are alone by now. */
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
