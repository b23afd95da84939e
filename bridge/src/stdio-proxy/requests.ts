// The client's requests under way at the bridge. A request that a stopping bridge refused without carrying it
// out is held, and sent to the next bridge.
import { setTimeout as delay } from 'node:timers/promises';
import { waitAtMost } from '../bounded-wait.ts';
import { toMessage } from '../errors.ts';
import type { LegacySession } from '../http-client/legacy-session.ts';
import {
  type Message,
  type MessageId,
  methodOf,
  modernVersionOf,
  toErrorLine,
  toModernHeaders,
} from '../http-client/message.ts';
import { isRecord } from '../json-record.ts';
import type { BridgeConnection } from './bridge-connection.ts';
import { ENDED, NotCarriedOut, type RelayEnd, STOPPED, relay, toBrokenOff } from './relay.ts';

export interface Requests {
  begin(message: Message, id: MessageId): void;
  /** Takes a `notifications/cancelled`; returns whether it has to go to the bridge, too. */
  cancel(notification: Message): boolean;
  /** Waits until all but subscriptions have ended, `ms` at most. */
  finish(ms: number): Promise<void>;
  abort(): void;
}

export interface RequestsOptions {
  readonly connection: BridgeConnection;
  readonly legacy: LegacySession;
  readonly emit: (text: string) => Promise<void>;
  readonly onIssue: (issue: string) => void;
  /** How long requests are held while a bridge that refused them stops, in milliseconds. */
  readonly holdMs: number;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

interface UnderWay {
  readonly controller: AbortController;
  readonly isModern: boolean;
  /** A subscription is never waited for: it ends with the client. */
  readonly isSubscription: boolean;
  isCancelled: boolean;
  done: Promise<void>;
}

/** Before a request that was refused is sent again. */
const AGAIN_MS = 100;

export function createRequests(options: RequestsOptions): Requests {
  const { connection, legacy, emit, onIssue, holdMs, signal: closed } = options;
  /** By the JSON of its id: a number and a string of the same digits are two ids. */
  const underWay = new Map<string, UnderWay>();

  /** Sends the request once, and the bridge's messages to the client. */
  const attempt = async (
    message: Message,
    id: MessageId,
    { controller: { signal } }: UnderWay,
  ): Promise<RelayEnd> => {
    const version = modernVersionOf(message);
    try {
      const answer =
        version === undefined
          ? await legacy.post(message, signal)
          : await connection.send('POST', {
              headers: toModernHeaders(message, version),
              message,
              signal,
            });
      const onResult = (result: unknown) => {
        if (isInitialize(message)) legacy.answered(answer, result);
      };
      const end = await relay(answer, { id, emit, onResult });
      if (end.kind === 'refused') connection.noteStopping(answer);
      return end;
    } catch (error) {
      if (error instanceof NotCarriedOut) return { kind: 'refused', error: STOPPED };
      throw error;
    }
  };

  const serve = async (message: Message, id: MessageId, entry: UnderWay): Promise<void> => {
    if (isInitialize(message)) legacy.begin(message);
    try {
      for (const until = performance.now() + holdMs; ;) {
        const end = await attempt(message, id, entry);
        const used = connection.current();
        if (end.kind === 'answered' || entry.isCancelled) return;
        // A subscription that ends without an answer ended with its bridge, and changes nothing.
        const error = end.kind === 'refused' ? end.error : ENDED;
        const mayBeHeld = end.kind === 'refused' || entry.isSubscription;
        if (!mayBeHeld || performance.now() > until) {
          await emit(toErrorLine(id, error));
          return;
        }
        await delay(AGAIN_MS, undefined, { signal: entry.controller.signal });
        if (entry.isCancelled) return;
        connection.drop(used);
      }
    } catch (error) {
      if (entry.isCancelled || closed.aborted) return;
      await emit(toErrorLine(id, toBrokenOff(error)));
    } finally {
      if (isInitialize(message)) legacy.settled();
    }
  };

  return {
    begin(message, id) {
      const entry: UnderWay = {
        controller: new AbortController(),
        isModern: modernVersionOf(message) !== undefined,
        isSubscription: methodOf(message) === 'subscriptions/listen',
        isCancelled: false,
        done: Promise.resolve(),
      };
      const key = JSON.stringify(id);
      underWay.set(key, entry);
      entry.done = serve(message, id, entry).finally(() => {
        if (underWay.get(key) === entry) underWay.delete(key);
      });
      entry.done.catch((error: unknown) => onIssue(toMessage(error)));
    },
    cancel({ params }) {
      const id = isRecord(params) ? params['requestId'] : undefined;
      const entry = underWay.get(JSON.stringify(id) ?? '');
      if (entry === undefined) return false;
      entry.isCancelled = true;
      // Over modern HTTP the end of the request is the cancellation; legacy servers get the notification.
      if (entry.isModern) entry.controller.abort();
      return !entry.isModern;
    },
    async finish(ms) {
      const waited = [...underWay.values()].filter(({ isSubscription }) => !isSubscription);
      if (waited.length === 0) return;
      await waitAtMost(Promise.allSettled(waited.map(({ done }) => done)), ms);
    },
    abort() {
      for (const { controller } of underWay.values()) controller.abort();
    },
  };
}

/** Whether the message begins a legacy session. */
function isInitialize(message: Message): boolean {
  return modernVersionOf(message) === undefined && methodOf(message) === 'initialize';
}
