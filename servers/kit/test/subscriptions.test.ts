// Watchers end with their connection, also those that were being started when it ended.
import { expect, test } from 'vitest';
import type { CallContext } from '../src/index.ts';
import { createSubscriptions } from '../src/subscriptions.ts';

const context: CallContext = {
  caller: {
    tenant: 'local',
    principal: 'local',
    project: 'local',
    roots: [],
    readOnly: [],
    run: 'local',
  },
  signal: new AbortController().signal,
  progress: () => Promise.resolve(),
};

test.each(['close', 'closeAll'] as const)(
  'a watcher that starts after %s is stopped at once',
  async (how) => {
    let start: (() => void) | undefined;
    let watching = 0;
    const subscriptions = createSubscriptions(
      {
        watch: () =>
          new Promise((resolve) => {
            start = () => {
              watching += 1;
              resolve(() => void (watching -= 1));
            };
          }),
      },
      () => undefined,
      () => undefined,
    );
    const opening = subscriptions.open('one', ['file:///a'], context);
    subscriptions[how]('one');
    start?.();
    await opening;
    expect(watching).toBe(0);
  },
);
