// The front for clients that speak stdio: a line of JSON-RPC in is an HTTP request to the bridge, what
// the bridge answers is lines out. It knows no tool and keeps no state of its own, so both eras pass;
// it only does over HTTP what the transport's text asks of a client, which stdio clients don't do. When
// its bridge stops, requests that were refused unsent are held, and sent to the next one.
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { toMessage } from '../errors.ts';
import {
  type Exchange,
  type HttpAnswer,
  isBrokenOff,
  isUnreachable,
  readText,
} from '../http-client/exchange.ts';
import { type LegacySession, createLegacySession } from '../http-client/legacy-session.ts';
import { readLines } from './lines.ts';
import {
  type Message,
  type MessageId,
  idOf,
  methodOf,
  modernVersionOf,
  toErrorLine,
  toModernHeaders,
} from '../http-client/message.ts';
import { isRecord } from '../json-record.ts';
import { PARSE_ERROR } from '../rpc-codes.ts';
import { waitAtMost } from '../bounded-wait.ts';
import {
  ENDED,
  NotCarriedOut,
  type RelayEnd,
  STOPPED,
  parseJson,
  relay,
  toBrokenOff,
  toHttpIssue,
} from './relay.ts';

export interface Endpoint {
  /** The MCP endpoint. */
  readonly url: string;
  /** Sent with every request: the key, the client's own roots. */
  readonly headers: Readonly<Record<string, string>>;
  /** Which bridge it is, where that is known: the next one may have the same URL. */
  readonly instance?: string;
}

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

interface UnderWay {
  readonly controller: AbortController;
  readonly isModern: boolean;
  /** A subscription is never waited for: it ends with the client. */
  readonly isSubscription: boolean;
  isCancelled: boolean;
  done: Promise<void>;
}

const GOODBYE_MS = 200;
/** A bridge has ended after 8 s, and the next one has answered soon after. */
const HOLD_MS = 30_000;
/** Before a request that was refused is sent again. */
const AGAIN_MS = 100;

/** Resolves when the client is gone and the bridge knows it. */
export async function runStdioProxy(options: StdioProxyOptions): Promise<void> {
  const { input, output, exchange, onIssue, grace = 700, hold = HOLD_MS } = options;
  const closed = new AbortController();
  const underWay = new Map<string, UnderWay>();
  let endpoint: Promise<Endpoint> | undefined;
  const instances = new WeakMap<HttpAnswer, string>();
  /** Bridges that said that they stop; what is sent to one afterwards is not carried out. */
  const stopping = new Set<string>();
  let modernVersion: string | undefined;

  const emit = async (text: string): Promise<void> => {
    // A message is one line; JSON that came over several is written anew.
    const line = /[\r\n]/.test(text) ? JSON.stringify(JSON.parse(text)) : text;
    if (!output.write(`${line}\n`)) await once(output, 'drain', { signal: closed.signal });
  };

  const send = async (
    method: 'GET' | 'POST' | 'DELETE',
    request: { headers: Record<string, string>; message?: Message; signal: AbortSignal },
  ): Promise<HttpAnswer> => {
    for (let attempt = 1; ; attempt += 1) {
      endpoint ??= options.endpoint();
      const asked = endpoint;
      const target = await asked.catch((error: unknown) => {
        if (endpoint === asked) endpoint = undefined;
        throw error;
      });
      const { instance } = target;
      const isStopped = instance !== undefined && stopping.has(instance);
      try {
        const answer = await exchange.send({
          url: target.url,
          method,
          headers: {
            Accept: 'application/json, text/event-stream',
            ...(request.message !== undefined && { 'Content-Type': 'application/json' }),
            ...target.headers,
            ...request.headers,
          },
          ...(request.message !== undefined && { body: JSON.stringify(request.message) }),
          signal: request.signal,
        });
        if (instance !== undefined) instances.set(answer, instance);
        return answer;
      } catch (error) {
        if (isStopped && isBrokenOff(error)) throw new NotCarriedOut(error);
        if (attempt > 1 || method !== 'POST' || !isUnreachable(error)) throw error;
        if (endpoint === asked) endpoint = undefined;
      }
    }
  };

  const legacy = createLegacySession({ send, emit, onIssue, signal: closed.signal });

  const serve = async (message: Message, id: MessageId, entry: UnderWay): Promise<void> => {
    const { signal } = entry.controller;
    const version = modernVersionOf(message);
    const isInitialize = version === undefined && methodOf(message) === 'initialize';
    if (isInitialize) legacy.begin(message);
    try {
      const ask = async (): Promise<RelayEnd> => {
        const answer =
          version === undefined
            ? await legacy.post(message, signal)
            : await send('POST', { headers: toModernHeaders(message, version), message, signal });
        const onResult = (result: unknown) => {
          if (isInitialize) legacy.answered(answer, result);
        };
        const end = await relay(answer, { id, emit, onResult });
        const instance = instances.get(answer);
        if (end.kind === 'refused' && instance !== undefined) stopping.add(instance);
        return end;
      };
      for (const until = performance.now() + hold; ;) {
        const end = await ask().catch((error: unknown): RelayEnd => {
          if (error instanceof NotCarriedOut) return { kind: 'refused', error: STOPPED };
          throw error;
        });
        const asked = endpoint;
        if (end.kind === 'answered' || entry.isCancelled) return;
        // A subscription that ends without an answer ended with its bridge, and changes nothing.
        const error = end.kind === 'refused' ? end.error : ENDED;
        const mayBeHeld = end.kind === 'refused' || entry.isSubscription;
        if (!mayBeHeld || performance.now() > until) {
          await emit(toErrorLine(id, error));
          return;
        }
        await delay(AGAIN_MS, undefined, { signal });
        if (entry.isCancelled) return;
        if (endpoint === asked) endpoint = undefined;
      }
    } catch (error) {
      if (entry.isCancelled || closed.signal.aborted) return;
      await emit(toErrorLine(id, toBrokenOff(error)));
    } finally {
      if (isInitialize) legacy.settled();
    }
  };

  const accept = async (message: Message): Promise<void> => {
    const id = idOf(message);
    const method = methodOf(message);
    const version = modernVersionOf(message);
    modernVersion = version ?? modernVersion;
    if (method !== undefined && id !== undefined) {
      const entry: UnderWay = {
        controller: new AbortController(),
        isModern: version !== undefined,
        isSubscription: method === 'subscriptions/listen',
        isCancelled: false,
        done: Promise.resolve(),
      };
      const key = JSON.stringify(id);
      underWay.set(key, entry);
      entry.done = serve(message, id, entry).finally(() => {
        if (underWay.get(key) === entry) underWay.delete(key);
      });
      entry.done.catch((error: unknown) => onIssue(toMessage(error)));
      return;
    }
    if (method === 'notifications/cancelled') {
      const entry = findCancelled(message, underWay);
      if (entry === undefined) return;
      entry.isCancelled = true;
      // Over modern HTTP the end of the request is the cancellation; legacy servers are told in words.
      if (entry.isModern) {
        entry.controller.abort();
        return;
      }
    }
    await tell(message, method);
  };

  /** Notifications and answers to the server's requests: awaited, so that their order holds. */
  const tell = async (message: Message, method: string | undefined): Promise<void> => {
    const { signal } = closed;
    try {
      const answer =
        legacy.begun() || modernVersion === undefined
          ? await legacy.post(message, signal)
          : await send('POST', {
              headers: { ...toModernHeaders(message, modernVersion) },
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
    if (options.signal?.aborted !== true) await finish(underWay, grace);
    closed.abort();
    for (const entry of underWay.values()) entry.controller.abort();
    await sayGoodbye(legacy, onIssue);
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

function findCancelled(
  message: Message,
  underWay: ReadonlyMap<string, UnderWay>,
): UnderWay | undefined {
  const id = isRecord(message.params) ? message.params['requestId'] : undefined;
  return underWay.get(JSON.stringify(id) ?? '');
}

async function finish(underWay: ReadonlyMap<string, UnderWay>, grace: number): Promise<void> {
  const waited = [...underWay.values()].filter(({ isSubscription }) => !isSubscription);
  if (waited.length === 0) return;
  await waitAtMost(Promise.allSettled(waited.map(({ done }) => done)), grace);
}

async function sayGoodbye(legacy: LegacySession, onIssue: (issue: string) => void): Promise<void> {
  try {
    await legacy.end(AbortSignal.timeout(GOODBYE_MS));
  } catch (error) {
    onIssue(`the session was not ended: ${toMessage(error)}`);
  }
}

/** How an input that was destroyed under its reader ends. */
function isEnd(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
