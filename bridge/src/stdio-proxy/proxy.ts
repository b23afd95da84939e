// The front for clients that speak stdio: each line in is an HTTP request to the bridge, and what the bridge
// answers are lines out. It knows no tools and serves both eras. It does for stdio clients what Streamable HTTP
// asks of a client: the headers, a legacy session, and cancelling by ending the request.
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { toMessage } from '../errors.ts';
import { type Exchange, readText } from '../http-client/exchange.ts';
import { type LegacySession, createLegacySession } from '../http-client/legacy-session.ts';
import {
  type Message,
  idOf,
  methodOf,
  modernVersionOf,
  toErrorLine,
  toModernHeaders,
} from '../http-client/message.ts';
import { isRecord } from '../json-record.ts';
import { PARSE_ERROR } from '../rpc-codes.ts';
import { type Endpoint, createBridgeConnection } from './bridge-connection.ts';
import { readLines } from './lines.ts';
import { parseJson, toHttpIssue } from './relay.ts';
import { createRequests } from './requests.ts';

export interface StdioProxyOptions {
  /** Finds the bridge, or starts one; asked again when the one it named is gone. */
  readonly endpoint: () => Promise<Endpoint>;
  readonly exchange: Exchange;
  readonly input: Readable;
  readonly output: Writable;
  /** What went wrong without a request to answer, for stderr. */
  readonly onIssue: (issue: string) => void;
  /** Ends the proxy as the end of `input` does, without waiting for answers. */
  readonly signal?: AbortSignal;
  /** How long requests under way may go on after the end of `input`, in milliseconds. */
  readonly grace?: number;
  /** How long requests are held while a bridge that refused them stops, in milliseconds. */
  readonly hold?: number;
}

const END_SESSION_MS = 200;
/** A bridge has ended after 8 s, and the next one has answered soon after. */
const HOLD_MS = 30_000;

/** Resolves when the client is gone and the bridge knows it. */
export async function runStdioProxy(options: StdioProxyOptions): Promise<void> {
  const { input, output, exchange, onIssue, grace = 700, hold: holdMs = HOLD_MS } = options;
  const closed = new AbortController();
  const { signal } = closed;
  const connection = createBridgeConnection(options.endpoint, exchange);
  let modernVersion: string | undefined;

  const emit = async (text: string): Promise<void> => {
    // A message is one line; JSON that came over several is written anew.
    const line = /[\r\n]/.test(text) ? JSON.stringify(JSON.parse(text)) : text;
    if (!output.write(`${line}\n`)) await once(output, 'drain', { signal });
  };
  const legacy = createLegacySession({ send: connection.send, emit, onIssue, signal });
  const requests = createRequests({ connection, legacy, emit, onIssue, holdMs, signal });

  const accept = async (message: Message): Promise<void> => {
    const id = idOf(message);
    const method = methodOf(message);
    modernVersion = modernVersionOf(message) ?? modernVersion;
    if (method !== undefined && id !== undefined) {
      requests.begin(message, id);
      return;
    }
    if (method === 'notifications/cancelled' && !requests.cancel(message)) return;
    await tell(message, method);
  };

  /** Notifications and answers to the server's requests: awaited, so that their order holds. */
  const tell = async (message: Message, method: string | undefined): Promise<void> => {
    try {
      const answer =
        legacy.begun() || modernVersion === undefined
          ? await legacy.post(message, signal)
          : await connection.send('POST', {
              headers: toModernHeaders(message, modernVersion),
              message,
              signal,
            });
      const text = await readText(answer);
      if (answer.status >= 400) {
        const reason = toHttpIssue(answer.status, text).message;
        onIssue(`the bridge refused ${method ?? 'an answer'}: ${reason}`);
      }
    } catch (error) {
      if (!signal.aborted)
        onIssue(`${method ?? 'an answer'} was not delivered: ${toMessage(error)}`);
    }
    if (method === 'notifications/initialized') legacy.initialized();
  };

  const onGone = () => input.destroy();
  output.on('error', onGone);
  options.signal?.addEventListener('abort', onGone);
  try {
    if (options.signal?.aborted !== true) {
      for await (const line of readLines(input)) {
        if (line.trim() === '') continue;
        const messages = parseLine(line);
        if (messages === undefined) {
          await emit(
            toErrorLine(null, { code: PARSE_ERROR, message: 'The line is not JSON-RPC.' }),
          );
        }
        for (const message of messages ?? []) await accept(message);
      }
    }
  } catch (error) {
    if (!isEnd(error)) throw error;
  } finally {
    options.signal?.removeEventListener('abort', onGone);
    if (options.signal?.aborted !== true) await requests.finish(grace);
    closed.abort();
    requests.abort();
    await endSession(legacy, onIssue);
    output.off('error', onGone);
    await exchange.close();
  }
}

/** A line's messages: one, or those of a batch as clients of 2025-03-26 may send it. */
function parseLine(line: string): readonly Message[] | undefined {
  const value = parseJson(line);
  const messages: readonly unknown[] = Array.isArray(value) ? value : [value];
  return messages.length > 0 && messages.every(isRecord) ? messages : undefined;
}

/** Ends the legacy session at the bridge. */
async function endSession(legacy: LegacySession, onIssue: (issue: string) => void): Promise<void> {
  try {
    await legacy.end(AbortSignal.timeout(END_SESSION_MS));
  } catch (error) {
    onIssue(`the session was not ended: ${toMessage(error)}`);
  }
}

/** Whether this is how the loop over an input ends that was destroyed. */
function isEnd(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
