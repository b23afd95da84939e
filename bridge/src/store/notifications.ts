// One connection that listens, for the whole bridge. As it is always open, it is also what tells first
// that the database is away or back. What is notified while it is away is lost, so everyone who
// listens is woken, without a payload, when it is back.
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';

export type NotificationHandler = (payload: string | undefined) => void;

export interface Notifications {
  /** Undefined as payload means: some may have been missed. Resolves, once it listens, with how to stop. */
  listen(channel: string, handler: NotificationHandler): Promise<() => Promise<void>>;
  readonly isConnected: boolean;
  close(): Promise<void>;
}

interface NotificationsOptions {
  readonly connect: () => Promise<Client>;
  readonly onDown: (error: Error) => void;
  readonly onUp: () => void;
}

const MAX_PAUSE_MS = 1_000;

/** Rejects when the first connection fails. */
export async function createNotifications({
  connect,
  onDown,
  onUp,
}: NotificationsOptions): Promise<Notifications> {
  const handlers = new Map<string, Set<NotificationHandler>>();
  const closing = new AbortController();
  let client: Client | undefined;
  let reconnecting: Promise<void> = Promise.resolve();

  const adopt = (fresh: Client): void => {
    let lost: Error | undefined;
    client = fresh;
    fresh.on('notification', ({ channel, payload }) => {
      for (const handler of handlers.get(channel) ?? []) handler(payload);
    });
    fresh.on('error', (error) => (lost ??= error));
    fresh.once('end', () => {
      if (client !== fresh) return;
      client = undefined;
      if (closing.signal.aborted) return;
      onDown(lost ?? new Error('the database closed the connection'));
      reconnecting = reconnect();
    });
  };

  const reconnect = async (): Promise<void> => {
    for (let pauseMs = 20; !closing.signal.aborted; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const fresh = await connect().catch(() => undefined); // still away: onDown told why
      if (fresh !== undefined && (await listenAgain(fresh))) {
        if (closing.signal.aborted) return void (await fresh.end());
        adopt(fresh);
        onUp();
        for (const all of handlers.values()) for (const handler of all) handler(undefined);
        return;
      }
      await delay(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined); // closing ends the loop
    }
  };

  const listenAgain = async (fresh: Client): Promise<boolean> => {
    try {
      for (const channel of handlers.keys()) await fresh.query(`listen ${quote(fresh, channel)}`);
      return true;
    } catch {
      await fresh.end();
      return false;
    }
  };

  adopt(await connect());

  return {
    get isConnected() {
      return client !== undefined;
    },
    async listen(channel, handler) {
      const known = handlers.get(channel);
      const all = known ?? new Set();
      all.add(handler);
      handlers.set(channel, all);
      // Away: it will listen to this channel when it is back.
      if (known === undefined) await client?.query(`listen ${quote(client, channel)}`);
      return async () => {
        all.delete(handler);
        if (all.size > 0 || handlers.get(channel) !== all) return;
        handlers.delete(channel);
        await client?.query(`unlisten ${quote(client, channel)}`);
      };
    },
    async close() {
      closing.abort();
      const open = client;
      client = undefined;
      await open?.end();
      await reconnecting;
    },
  };
}

function quote(client: Client, channel: string): string {
  return client.escapeIdentifier(channel);
}
