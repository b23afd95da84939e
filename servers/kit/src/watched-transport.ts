// Over stdio the SDK answers a modern client's `subscriptions/listen` before any server sees it, so
// nobody would start a watcher. This transport stands in front, reads those requests as they pass,
// and refuses one that names a resource its caller may not watch.
import type { JSONRPCMessage, MessageExtraInfo, Transport } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { toIdentity, type CallerSource } from './caller.ts';
import type { CallContext } from './context.ts';
import type { Subscriptions } from './subscriptions.ts';
import { ToolError } from './tool-error.ts';

const listenRequest = z.object({
  id: z.union([z.string(), z.number()]),
  method: z.literal('subscriptions/listen'),
  params: z.object({
    _meta: z.record(z.string(), z.unknown()).optional(),
    notifications: z.object({ resourceSubscriptions: z.array(z.string()).default([]) }),
  }),
});
const cancelNotification = z.object({
  method: z.literal('notifications/cancelled'),
  params: z.object({ requestId: z.union([z.string(), z.number()]) }),
});

export interface Listen {
  /** Of the JSON-RPC request, which is the subscription's id as well. */
  id: string | number;
  uris: string[];
  context: CallContext;
}

const nothingToReport: CallContext['progress'] = async () => {};

/** What a message asks to watch, when it is a `subscriptions/listen` that names resources. */
export function toListen(
  message: unknown,
  source: CallerSource,
  signal: AbortSignal,
): Listen | undefined {
  const parsed = listenRequest.safeParse(message);
  if (!parsed.success || parsed.data.params.notifications.resourceSubscriptions.length === 0) {
    return undefined;
  }
  const { id, params } = parsed.data;
  const { _meta: meta } = params;
  const caller = toIdentity(meta, source);
  return {
    id,
    uris: params.notifications.resourceSubscriptions,
    context: { caller, signal, progress: nothingToReport },
  };
}

/** The JSON-RPC error for a listen that is refused. */
export function toListenRefusal(id: string | number, error: unknown) {
  return {
    jsonrpc: '2.0' as const,
    id,
    error: {
      code: error instanceof ToolError ? -32602 : -32603,
      message: error instanceof ToolError ? error.message : 'The server failed; see its log.',
    },
  };
}

export interface WatchedTransportOptions extends CallerSource {
  subscriptions: Subscriptions;
}

/** `wire` as it is, with every listen and its cancellation noticed on the way in. */
export function createWatchedTransport(
  wire: Transport,
  { subscriptions, ...source }: WatchedTransportOptions,
): Transport {
  const stopped = new AbortController();
  const watched: Transport = {
    start: () => wire.start(),
    send: (message, options) => wire.send(message, options),
    close: () => wire.close(),
  };
  // The SDK's transports have handler properties, not event listeners.
  Object.assign(wire, { onclose, onmessage, onerror: (error: Error) => watched.onerror?.(error) });
  return watched;

  function onclose(): void {
    stopped.abort();
    subscriptions.closeAll();
    watched.onclose?.();
  }

  function onmessage(message: JSONRPCMessage, extra?: MessageExtraInfo): void {
    const cancelled = cancelNotification.safeParse(message);
    if (cancelled.success) subscriptions.close(String(cancelled.data.params.requestId));
    const listen = toListen(message, source, stopped.signal);
    if (listen === undefined) {
      watched.onmessage?.(message, extra);
      return;
    }
    // Watch first, acknowledge after: a change between the two must not be lost.
    subscriptions.open(String(listen.id), listen.uris, listen.context).then(
      () => watched.onmessage?.(message, extra),
      (error: unknown) => {
        const refused = wire.send(toListenRefusal(listen.id, error));
        refused.catch((failed: Error) => wire.onerror?.(failed));
      },
    );
  }
}
