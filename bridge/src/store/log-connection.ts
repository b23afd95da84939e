// A connection that the log keeps for itself: opened when it is needed, forgotten when it is lost, and
// never waited for longer than it may take.
import type { Client } from 'pg';
import { DrawbridgeError } from '../errors.ts';
import { withTimeout } from '../bounded-wait.ts';

export interface LogConnection {
  /** Opens one where there is none. Rejects with `log/unavailable` after `close`. */
  get(): Promise<Client>;
  isOpen(): boolean;
  /** Gives up the present one without a word: a polite end could wait for a server that no longer answers. */
  lose(): void;
  /** Ends the present one; another is opened when it is needed. */
  release(): Promise<void>;
  /** Ends it for good. */
  close(): Promise<void>;
}

export interface LogConnectionOptions {
  readonly connect: () => Promise<Client>;
  /** A statement that each connection begins with. */
  readonly session: string;
  /** Longest time for opening one, in milliseconds. */
  readonly timeoutMs: number;
}

export function createLogConnection({
  connect,
  session,
  timeoutMs,
}: LogConnectionOptions): LogConnection {
  let client: Client | undefined;
  let closed = false;

  const assertOpen = (): void => {
    if (closed) throw new DrawbridgeError('log/unavailable', 'The log is closed.');
  };

  let opening: Promise<Client> | undefined;

  const open = async (): Promise<Client> => {
    const opened = await connect();
    const drop = (): void => {
      if (client === opened) client = undefined;
    };
    opened.on('error', drop);
    opened.on('end', drop);
    try {
      await answerWithin(opened.query(session), timeoutMs);
      assertOpen();
    } catch (error) {
      opened.connection.stream.destroy();
      throw error;
    }
    client = opened;
    return opened;
  };

  const release = async (): Promise<void> => {
    const held = client;
    client = undefined;
    await held?.end();
  };

  return {
    async get() {
      assertOpen();
      if (client !== undefined) return client;
      // One that takes too long is not opened twice: when it is there, the next who asks has it.
      opening ??= open().finally(() => (opening = undefined));
      return answerWithin(opening, timeoutMs);
    },
    isOpen: () => client !== undefined,
    lose() {
      client?.connection.stream.destroy();
      client = undefined;
    },
    release,
    async close() {
      closed = true;
      await release();
    },
  };
}

/** Rejects when the database takes longer. */
export function answerWithin<T>(work: Promise<T>, ms: number): Promise<T> {
  return withTimeout(work, ms, `no answer from the database in ${Math.round(ms)} ms`);
}
