// The SDK's HTTP transports with what a bridge needs on top: a response stream that ends without an
// answer fails its call (the SDK would wait for the timeout), a lost SSE stream ends the connection,
// bodies are bounded, and a legacy session is given back on close. Headers are never logged.
import {
  SSEClientTransport,
  SseError,
  StreamableHTTPClientTransport,
  type FetchLike,
  type JSONRPCMessage,
  type TransportSendOptions,
} from '@modelcontextprotocol/client';
import { INTERNAL_ERROR } from '../../rpc-codes.ts';
import { NotificationLimit } from '../notification-limit.ts';
import { callMethods } from '@drawbridge/schemas';
import type { LargeJsonReader } from '../../calls/large-json/large-json.ts';
import { OutgoingArguments } from '../large-arguments.ts';
import { CLOSED_BY_US, type ServerTransport } from '../server-transport.ts';
import { LargeMessages } from './large-messages.ts';
import { REQUEST_ID_HEADER, createLimitedFetch } from './limited-fetch.ts';
import { waitAtMost } from '../../bounded-wait.ts';

export interface RemoteTransportOptions {
  readonly kind: 'http' | 'sse';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The upstream's name, for messages. */
  readonly name: string;
  readonly maxMessageBytes: number;
  readonly fetch: FetchLike;
  readonly largeJson: LargeJsonReader;
}

const CALLS = new Set<string>(callMethods);
const GIVE_BACK_MS = 1_000;

export class RemoteTransport implements ServerTransport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;

  /** Why the connection ended, in words; undefined while it lives. */
  endedBecause: string | undefined;
  readonly hasPerRequestStream: boolean;

  readonly #options: RemoteTransportOptions;
  readonly #inner: StreamableHTTPClientTransport | SSEClientTransport;
  readonly large: LargeMessages;
  readonly #outgoing = new OutgoingArguments();
  /** Ids of requests under way that are no calls. */
  readonly #requests = new Set<number | string>();
  readonly #streams = new Map<string, { id: number | string; abort: AbortController }>();
  readonly #notifications = new NotificationLimit({
    onDropped: (count) =>
      this.onerror?.(new Error(`it says more unasked than is listened to; ${count} were dropped`)),
    deliver: (method) => this.onmessage?.({ jsonrpc: '2.0', method }),
  });
  #started = false;
  #closing: Promise<void> | undefined;

  constructor(options: RemoteTransportOptions) {
    this.#options = options;
    this.hasPerRequestStream = options.kind === 'http';
    this.large = new LargeMessages({
      largeJson: options.largeJson,
      owner: `upstream ${options.name}`,
      requests: () => [...this.#requests],
    });
    const url = new URL(options.url);
    // Redirects stay within the origin: the SDK's default `redirectPolicy`, so headers never leave it.
    const inner = {
      requestInit: { headers: { ...options.headers } },
      fetch: createLimitedFetch({
        fetch: options.fetch,
        maxBytes: options.maxMessageBytes,
        onTooLarge: (requestId) => this.#failTooLarge(requestId),
        large: this.large,
        fill: (body) => this.#outgoing.fill(body),
      }),
    };
    this.#inner =
      options.kind === 'http'
        ? new StreamableHTTPClientTransport(url, inner)
        : new SSEClientTransport(url, inner);
  }

  /** Set while a legacy server keeps a session for this connection. */
  get legacySession(): string | undefined {
    return 'sessionId' in this.#inner ? this.#inner.sessionId : undefined;
  }

  async start(): Promise<void> {
    const inner = this.#inner;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has callbacks, not events
    inner.onmessage = (message) => {
      const isNotification = 'method' in message && !('id' in message);
      if (isNotification && this.#notifications.judge(message.method) !== 'pass') return;
      if (!('method' in message) && message.id !== undefined) {
        this.#streams.delete(String(message.id));
        this.#requests.delete(message.id);
      }
      // As in the stdio transport: an answer waits until progress before it has been handled.
      if ('method' in message) this.onmessage?.(message);
      else queueMicrotask(() => this.onmessage?.(message));
    };
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has callbacks, not events
    inner.onerror = (error) => {
      this.onerror?.(error);
      // EventSource would reconnect by itself, to a session that was never initialized.
      if (this.#started && error instanceof SseError) this.#end('its event stream was lost');
    };
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has callbacks, not events
    inner.onclose = () => this.#end('the connection was closed');
    await inner.start();
    this.#started = true;
  }

  async send(given: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const message = this.#outgoing.take(given);
    if ('method' in message && 'id' in message && !CALLS.has(message.method)) {
      this.#requests.add(message.id);
    }
    if (this.#inner instanceof SSEClientTransport) return this.#inner.send(message);
    if (!('method' in message) || !('id' in message)) {
      await this.#inner.send(message);
      if ('method' in message && message.method === 'notifications/cancelled') {
        // A legacy server may keep the stream of a cancelled request open for ever.
        const id = String(message.params?.['requestId']);
        this.#streams.get(id)?.abort.abort();
        this.#streams.delete(id);
      }
      return undefined;
    }
    const { id } = message;
    const key = String(id);
    const abort = new AbortController();
    const onAbort = (): void => abort.abort();
    options?.requestSignal?.addEventListener('abort', onAbort, { once: true });
    if (options?.requestSignal?.aborted === true) abort.abort();
    this.#streams.set(key, { id, abort });
    try {
      await this.#inner.send(message, {
        requestSignal: abort.signal,
        headers: { ...options?.headers, [REQUEST_ID_HEADER]: key },
        onRequestStreamEnd:
          options?.onRequestStreamEnd ??
          (() =>
            this.#fail(key, {
              code: 'upstream/crashed',
              message: `upstream "${this.#options.name}" ended its response stream without an answer`,
            })),
      });
    } catch (error) {
      // A body that is too large fails the send as well; its call has its answer already.
      if (this.#streams.delete(key)) throw error;
    }
    return undefined;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion(version);
  }

  /** Idempotent. Never rejects. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.endedBecause ??= CLOSED_BY_US;
    this.#notifications.close();
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has callbacks, not events
    this.#inner.onclose = () => undefined;
    this.onclose?.();
    for (const stream of this.#streams.values()) stream.abort.abort();
    this.#streams.clear();
    if ('terminateSession' in this.#inner && this.#inner.sessionId !== undefined) {
      const given = this.#inner.terminateSession().catch((error: Error) => this.onerror?.(error));
      await waitAtMost(given, GIVE_BACK_MS);
    }
    await this.#inner.close();
  }

  #end(why: string): void {
    if (this.endedBecause !== undefined) return;
    this.endedBecause = why;
    void this.close();
  }

  #failTooLarge(key: string | undefined): void {
    const { name, maxMessageBytes } = this.#options;
    const error = {
      code: 'upstream/too_large',
      message: `upstream "${name}" answered with more than ${maxMessageBytes} bytes (maxMessageBytes); ask for less, or raise the limit`,
    };
    if (key !== undefined) this.#fail(key, error);
    // The one stream of an SSE connection carries every answer.
    else if (this.#options.kind === 'sse') this.#end('it sent a message over maxMessageBytes');
  }

  #fail(key: string, { code, message }: { code: string; message: string }): void {
    const stream = this.#streams.get(key);
    if (stream === undefined) return;
    this.#streams.delete(key);
    this.onmessage?.({
      jsonrpc: '2.0',
      id: stream.id,
      error: { code: INTERNAL_ERROR, message, data: { code, upstream: this.#options.name } },
    });
  }
}
