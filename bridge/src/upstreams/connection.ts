// One live connection to a server: sends calls, routes what the server says meanwhile to the right
// call, and finds out whether the server still answers. It knows nothing of restarts or leases.
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  ProtocolError,
  type Client,
} from '@modelcontextprotocol/client';
import type { Logger } from 'pino';
import type { RoutedCall } from '../calls/call.ts';
import { toMessage } from '../errors.ts';
import { CompactingMap } from '../flow/compacting-map.ts';
import {
  SESSION_EXPIRED,
  fromError,
  fromLargeResult,
  fromRawResult,
  fromResult,
  type CallEnd,
  type CallErrorContext,
} from './call-end.ts';
import { type CallParams, type CallerIdentity, toUpstreamParams } from './call-params.ts';
import type { ServerEra } from './era-memory.ts';
import { readListing } from './read-listing.ts';
import { CallTurns } from './call-turns.ts';
import { passthrough } from './passthrough.ts';
import type { Timeouts } from './timeouts.ts';
import { CLOSED_BY_US, type ServerTransport } from './server-transport.ts';
import type { Meta, StdioCalls } from './stdio/stdio-calls.ts';
import type { ServerListing } from './upstream.ts';

export interface ConnectionEvents {
  onListChanged(): void;
  onResourceUpdated(uri: string): void;
  /** Called once. `issue`: the server or the network failed, it was not our wish. */
  onEnd(end: { readonly why: string; readonly issue: boolean }): void;
  onHealth(healthy: boolean): void;
}

export interface ConnectionOptions {
  readonly upstream: string;
  readonly client: Client;
  /** What the client calls itself. */
  readonly clientInfo: { readonly name: string; readonly version: string };
  readonly transport: ServerTransport;
  readonly kind: 'stdio' | 'http' | 'sse';
  readonly identity?: CallerIdentity;
  readonly events: ConnectionEvents;
  readonly logger: Logger;
  readonly timeouts: Pick<Timeouts, 'checkMs' | 'remoteCheckMs'>;
}

const LISTEN_AGAIN_MS = 5_000;

export class Connection {
  readonly era: ServerEra;
  readonly kind: 'stdio' | 'http' | 'sse';
  readonly turns = new CallTurns();
  readonly #options: ConnectionOptions;
  /** By id. */
  readonly #calls = new CompactingMap<string, RoutedCall>();
  /** In `_meta` of each message to a modern server; the SDK's client adds it to its own. */
  readonly #envelope: Meta | undefined;
  #checking: Promise<boolean> | undefined;
  #closing: Promise<void> | undefined;
  #ended = false;
  #issue = true;
  #checks: NodeJS.Timeout | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.kind = options.kind;
    this.era = options.client.getProtocolEra() ?? 'legacy';
    const { client, clientInfo, events, upstream, logger } = options;
    this.#envelope =
      this.era === 'modern'
        ? {
            [PROTOCOL_VERSION_META_KEY]: client.getNegotiatedProtocolVersion(),
            [CLIENT_INFO_META_KEY]: clientInfo,
            [CLIENT_CAPABILITIES_META_KEY]: {},
          }
        : undefined;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has callbacks, not events
    client.onclose = () => this.#end();
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has callbacks, not events
    client.onerror = (error) => logger.debug({ upstream, error: error.message }, 'upstream');
    for (const list of ['tools', 'prompts', 'resources'] as const) {
      client.setNotificationHandler(`notifications/${list}/list_changed`, () =>
        events.onListChanged(),
      );
    }
    client.setNotificationHandler('notifications/resources/updated', ({ params }) =>
      events.onResourceUpdated(params.uri),
    );
    client.setNotificationHandler('notifications/message', ({ params }) => {
      // Log messages carry no request id, so with two calls under way nobody can say whose it is.
      const [only, ...others] = this.#calls.values();
      if (only === undefined || others.length > 0) return;
      const { level, logger: source, data } = params;
      only.sink.message({ level, data, ...(source !== undefined && { logger: source }) });
    });
    if (this.kind !== 'stdio') {
      this.#checks = setInterval(() => void this.check(), options.timeouts.remoteCheckMs).unref();
    }
    if (options.transport.endedBecause !== undefined) this.#end();
    else if (this.era === 'modern') void this.#listen();
  }

  get pid(): number | undefined {
    return this.#options.transport.pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get serverInfo(): { name: string; version: string } | undefined {
    const info = this.#options.client.getServerVersion();
    return info === undefined ? undefined : { name: info.name, version: info.version };
  }

  /** Never throws. `timeoutMs` is renewed by progress; the server is told of timeouts and cancellation. */
  async call(call: RoutedCall, timeoutMs: number): Promise<CallEnd> {
    const { transport } = this.#options;
    const hasSession = transport.legacySession !== undefined;
    this.#calls.set(call.id, call);
    try {
      return transport.calls === undefined
        ? await this.#callThroughClient(call, timeoutMs)
        : await this.#callOverStdio(transport.calls, call, timeoutMs);
    } catch (error) {
      const end = fromError(error, this.#errorContext(call.signal, hasSession));
      if (end.kind === 'lost') this.#noteLost(end);
      return end;
    } finally {
      this.#calls.delete(call.id);
    }
  }

  async #callOverStdio(calls: StdioCalls, call: RoutedCall, timeoutMs: number): Promise<CallEnd> {
    const { upstream } = this.#options;
    const answer = await calls.send(call.method, this.#toParams(call), {
      timeoutMs,
      signal: call.signal,
      onProgress: call.sink.progress,
      envelope: this.#envelope,
    });
    switch (answer.kind) {
      case 'result':
        return fromRawResult(answer, { upstream, era: this.era });
      case 'large':
        return fromLargeResult(answer.large, { upstream, era: this.era, method: call.method });
      case 'error':
        return { kind: 'done', outcome: { kind: 'protocol_error', error: answer.error } };
      case 'cancelled':
        return { kind: 'done', outcome: answer };
      case 'timed_out':
        return answer;
      case 'lost':
        return { kind: 'lost', sent: true, why: answer.why };
    }
  }

  async #callThroughClient(call: RoutedCall, timeoutMs: number): Promise<CallEnd> {
    const { client, upstream, transport } = this.#options;
    const { params, meta } = this.#toParams(call);
    const given = await client.request(
      { method: call.method, params: { _meta: meta, ...params } },
      passthrough,
      {
        signal: call.signal,
        timeout: timeoutMs,
        resetTimeoutOnProgress: true,
        allowInputRequired: true,
        onprogress: ({ progress, total, message }) =>
          call.sink.progress({
            progress,
            ...(total !== undefined && { total }),
            ...(message !== undefined && { message }),
          }),
      },
    );
    const { large, result } = (await transport.large?.take(given)) ?? { result: given };
    // The SDK's client has looked at what kind of result it is.
    return large === undefined
      ? fromResult(result, upstream)
      : fromLargeResult(large, { upstream, era: 'legacy', method: call.method });
  }

  #toParams(call: RoutedCall): CallParams {
    const { identity } = this.#options;
    return toUpstreamParams(call, {
      era: this.era,
      ...(identity !== undefined && { identity }),
    });
  }

  /** Any answer counts, an error too. A server that gives none in time loses the connection. */
  check(): Promise<boolean> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  offer(timeoutMs: number, signal?: AbortSignal): Promise<ServerListing> {
    const { client, upstream, transport } = this.#options;
    const unfold = async (result: unknown): Promise<unknown> =>
      transport.large === undefined ? result : (await transport.large.take(result)).result;
    return readListing(client, { upstream, timeoutMs, signal, unfold });
  }

  /** Idempotent. Calls under way end as lost, with `why` in their message. */
  close(why = CLOSED_BY_US, { issue = false } = {}): Promise<void> {
    this.#closing ??= this.#close(why, issue);
    return this.#closing;
  }

  async #close(why: string, issue: boolean): Promise<void> {
    const { transport, client } = this.#options;
    if (transport.endedBecause === undefined) {
      transport.endedBecause = why;
      this.#issue = issue;
    }
    await transport.close();
    await client.close();
    this.#end();
  }

  async #check(): Promise<boolean> {
    const { client, events, transport } = this.#options;
    const { checkMs } = this.#options.timeouts;
    const method = this.era === 'modern' ? 'server/discover' : 'ping';
    const hasSession = transport.legacySession !== undefined;
    try {
      await client.request({ method, params: {} }, passthrough, { timeout: checkMs });
    } catch (error) {
      if (this.#ended) return false;
      const end = fromError(error, this.#errorContext(undefined, hasSession));
      if (end.kind !== 'done') {
        events.onHealth(false);
        const why = `it did not answer a health check within ${checkMs / 1_000} s`;
        if (end.kind === 'timed_out') void this.close(why, { issue: true });
        else void this.close(end.why, { issue: end.why !== SESSION_EXPIRED });
        return false;
      }
    }
    events.onHealth(true);
    return true;
  }

  /** Over HTTP one lost request says little about the others, so the server is asked first. */
  #noteLost({ sent, why }: { readonly sent: boolean; readonly why: string }): void {
    if (why === SESSION_EXPIRED) void this.close(why);
    else if (!sent) void this.close(why, { issue: true });
    else if (!this.#ended) void this.check();
  }

  #errorContext(signal: AbortSignal | undefined, hasSession: boolean): CallErrorContext {
    const { upstream, transport } = this.#options;
    const { endedBecause } = transport;
    return { upstream, signal, hasSession, endedBecause };
  }

  /** A modern server sends changes only over a stream that somebody listens to. */
  async #listen(isAgain = false): Promise<void> {
    const { client, events, upstream, logger } = this.#options;
    const { tools, prompts, resources } = client.getServerCapabilities() ?? {};
    const filter = {
      ...(tools?.listChanged === true && { toolsListChanged: true }),
      ...(prompts?.listChanged === true && { promptsListChanged: true }),
      ...(resources?.listChanged === true && { resourcesListChanged: true }),
    };
    if (Object.keys(filter).length === 0) return;
    try {
      const subscription = await client.listen(filter);
      // What changed while nobody listened was not told.
      if (isAgain) events.onListChanged();
      await subscription.closed;
    } catch (error) {
      logger.debug({ upstream, error: toMessage(error) }, 'no subscription to changes');
      if (error instanceof ProtocolError) return;
    }
    if (this.#ended) return;
    setTimeout(() => {
      if (!this.#ended) void this.#listen(true);
    }, LISTEN_AGAIN_MS).unref();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#checks);
    const why = this.#options.transport.endedBecause ?? 'the connection was closed';
    this.#options.events.onEnd({ why, issue: this.#issue });
    void this.close();
  }
}
