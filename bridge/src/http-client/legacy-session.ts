// The session of a legacy client (2025-11-25, Transports, "Session Management"): its id, its GET stream, and a
// new session when the bridge no longer knows the id. A stdio client has no notion of sessions and notices
// nothing of this.
import { setTimeout as delay } from 'node:timers/promises';
import { toMessage } from '../errors.ts';
import { type HttpAnswer, isUnreachable, readText } from './exchange.ts';
import { isRecord } from '../json-record.ts';
import type { Message } from './message.ts';
import { readEvents } from './sse-reader.ts';

/** Sends to the bridge with the endpoint's own headers added. */
export type Send = (
  method: 'GET' | 'POST' | 'DELETE',
  request: { headers: Record<string, string>; message?: Message; signal: AbortSignal },
) => Promise<HttpAnswer>;

export interface LegacySessionOptions {
  readonly send: Send;
  /** Sends a message to the client, as a JSON string. */
  readonly emit: (text: string) => Promise<void>;
  readonly onIssue: (issue: string) => void;
  readonly signal: AbortSignal;
}

export interface LegacySession {
  /** True once `initialize` was seen. */
  readonly begun: () => boolean;
  begin(initialize: Message): void;
  /** Takes the answer to `initialize`: its headers name the session, its result the revision. */
  answered(answer: HttpAnswer, result: unknown): void;
  /** Tells that `initialize` has ended, well or not: what waited for it goes on. */
  settled(): void;
  /** Tells that the bridge has `notifications/initialized`: server messages may come. */
  initialized(): void;
  /** Posts within the session. When the bridge no longer knows it, begins a new one and posts again. */
  post(message: Message, signal: AbortSignal): Promise<HttpAnswer>;
  /** Ends the session at the bridge. */
  end(signal: AbortSignal): Promise<void>;
}

const RECONNECT_MS = 1_000;

export function createLegacySession(options: LegacySessionOptions): LegacySession {
  const { send, emit, onIssue, signal: closed } = options;
  let initialize: Message | undefined;
  let sessionId: string | undefined;
  let version: string | undefined;
  let release: () => void = () => undefined;
  let settled = Promise.resolve();
  let isInitialized = false;
  let renewal: Promise<void> | undefined;
  let renewals = 0;
  let following = false;

  const headers = (): Record<string, string> => ({
    ...(sessionId !== undefined && { 'Mcp-Session-Id': sessionId }),
    ...(version !== undefined && { 'MCP-Protocol-Version': version }),
  });

  const answered = (answer: HttpAnswer, result: unknown) => {
    const id = answer.headers['mcp-session-id'];
    sessionId = Array.isArray(id) ? id[0] : id;
    const agreed = isRecord(result) ? result['protocolVersion'] : undefined;
    version = typeof agreed === 'string' ? agreed : undefined;
  };

  const renew = async (first: Message) => {
    renewals += 1;
    sessionId = undefined;
    version = undefined;
    const message = { ...first, id: `drawbridge-renewal-${renewals}` };
    const answer = await send('POST', { headers: {}, message, signal: closed });
    answered(answer, await readResult(answer));
    const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
    const taken = await send('POST', { headers: headers(), message: initialized, signal: closed });
    taken.body.resume();
    onIssue('the bridge had forgotten the session; a new one was begun');
  };

  const follow = async () => {
    let lastEventId: string | undefined;
    for (;;) {
      const wait = { ms: RECONNECT_MS };
      const answer = await send('GET', {
        headers: {
          ...headers(),
          Accept: 'text/event-stream',
          ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }),
        },
        signal: closed,
      });
      if (answer.status !== 200) {
        answer.body.resume();
        // 405: the bridge offers no such stream. 404: the next post renews the session.
        if (answer.status === 405 || answer.status === 404) return;
      } else {
        for await (const event of readEvents(answer.body)) {
          lastEventId = event.id ?? lastEventId;
          wait.ms = event.retry ?? wait.ms;
          if (event.data !== '') await emit(event.data);
        }
      }
      await delay(wait.ms, undefined, { signal: closed });
    }
  };

  const ensureFollowing = () => {
    if (following || !isInitialized || sessionId === undefined || closed.aborted) return;
    following = true;
    follow()
      .catch((error: unknown) => {
        // The next request starts a bridge that is gone; this stream does not.
        if (!closed.aborted && !isUnreachable(error)) {
          onIssue(`the stream of server messages broke off: ${toMessage(error)}`);
        }
      })
      .finally(() => {
        following = false;
      });
  };

  const post = async (message: Message, signal: AbortSignal) => {
    const isFirst = message === initialize;
    if (initialize !== undefined && !isFirst) await settled;
    const used = sessionId;
    const answer = await send('POST', { headers: headers(), message, signal });
    if (answer.status !== 404 || used === undefined || initialize === undefined || isFirst) {
      ensureFollowing();
      return answer;
    }
    answer.body.resume();
    if (sessionId === used) {
      renewal ??= renew(initialize).finally(() => {
        renewal = undefined;
      });
    }
    await renewal;
    const again = await send('POST', { headers: headers(), message, signal });
    ensureFollowing();
    return again;
  };

  return {
    begun: () => initialize !== undefined,
    begin: (message) => {
      initialize = message;
      sessionId = undefined;
      version = undefined;
      settled = new Promise((resolve) => {
        release = resolve;
      });
    },
    answered,
    settled: () => release(),
    initialized: () => {
      isInitialized = true;
      ensureFollowing();
    },
    post,
    end: async (signal) => {
      if (sessionId === undefined) return;
      const answer = await send('DELETE', { headers: headers(), signal });
      answer.body.resume();
    },
  };
}

/** The result in the answer to a request that the client did not make. */
async function readResult(answer: HttpAnswer): Promise<unknown> {
  const isStream = answer.headers['content-type']?.includes('text/event-stream') === true;
  const texts: string[] = [];
  if (isStream) {
    for await (const { data } of readEvents(answer.body)) if (data !== '') texts.push(data);
  } else {
    texts.push(await readText(answer));
  }
  if (answer.status !== 200) throw new Error(`the bridge refused a new session (${answer.status})`);
  const messages = texts.map((text): unknown => JSON.parse(text));
  const response = messages.find((message) => isRecord(message) && 'result' in message);
  if (!isRecord(response)) throw new Error('the bridge refused a new session');
  return response['result'];
}
