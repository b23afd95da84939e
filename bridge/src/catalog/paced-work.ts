// Throttles work by key: at once the first time, then with a gap between runs. The last request is always
// followed by a run.

export interface PacedWork {
  due(key: string): void;
  /** Does what is still due. */
  close(): Promise<void>;
}

export interface PacedWorkOptions {
  readonly gapMs: number;
  /** Does not reject. */
  readonly work: (key: string) => Promise<void>;
}

interface State {
  doneAt: number;
  isDue: boolean;
  timer: NodeJS.Timeout | undefined;
  running: Promise<void> | undefined;
}

export function createPacedWork({ gapMs, work }: PacedWorkOptions): PacedWork {
  const states = new Map<string, State>();
  let isClosed = false;

  const run = (key: string, state: State): Promise<void> => {
    clearTimeout(state.timer);
    state.timer = undefined;
    state.isDue = false;
    state.doneAt = performance.now();
    state.running = work(key).finally(() => {
      state.running = undefined;
      if (state.isDue) plan(key, state);
    });
    return state.running;
  };

  const plan = (key: string, state: State): void => {
    if (isClosed || state.running !== undefined || state.timer !== undefined) return;
    const wait = state.doneAt + gapMs - performance.now();
    if (wait <= 0) void run(key, state);
    else state.timer = setTimeout(() => void run(key, state), wait).unref();
  };

  return {
    due(key) {
      const state = states.get(key) ?? {
        doneAt: Number.NEGATIVE_INFINITY,
        isDue: false,
        timer: undefined,
        running: undefined,
      };
      states.set(key, state);
      state.isDue = true;
      plan(key, state);
    },
    async close() {
      isClosed = true;
      for (const [key, state] of states) {
        await state.running;
        if (state.isDue) await run(key, state);
      }
    },
  };
}
