// One server-sent event stream (WHATWG HTML, "Server-sent events"): frames, heartbeat, end. A reader
// that does not keep up makes `send` report it, so that nobody buffers for it without end.

const HEARTBEAT_MS = 15_000;
const BUFFER_BYTES = 1024 * 1024;

export interface ServerSentEvent {
  readonly data: string;
  readonly id?: string;
  readonly event?: string;
}

export interface EventStream {
  readonly response: Response;
  /** Writes an event; false when the stream has ended. */
  send(event: ServerSentEvent): boolean;
  /** Resolves when the reader has room again, or is gone. */
  drained(): Promise<void>;
  close(): void;
}

export interface EventStreamOptions {
  readonly signal: AbortSignal;
  readonly onClose?: () => void;
  readonly heartbeatMs?: number;
}

export function createEventStream({
  signal,
  onClose,
  heartbeatMs = HEARTBEAT_MS,
}: EventStreamOptions): EventStream {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let wake: (() => void) | undefined;

  const end = (): void => {
    if (controller === undefined) return;
    controller = undefined;
    clearInterval(heartbeat);
    signal.removeEventListener('abort', close);
    wake?.();
    onClose?.();
  };
  const close = (): void => {
    const open = controller;
    end();
    open?.close();
  };
  const write = (text: string): boolean => {
    controller?.enqueue(encoder.encode(text));
    return controller !== undefined;
  };

  const isFull = (): boolean => controller !== undefined && (controller.desiredSize ?? 0) <= 0;

  const body = new ReadableStream<Uint8Array>(
    {
      start(opened) {
        controller = opened;
      },
      pull() {
        wake?.();
      },
      cancel: end,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
  );
  const heartbeat = setInterval(() => {
    if (!isFull()) write(': \n\n');
  }, heartbeatMs);
  write(': \n\n');
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });

  return {
    response: new Response(body, {
      headers: {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-cache, no-transform',
        'X-Accel-Buffering': 'no',
      },
    }),
    send({ data, id, event }) {
      const head = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}`;
      return write(
        `${head}${data
          .split('\n')
          .map((line) => `data: ${line}\n`)
          .join('')}\n`,
      );
    },
    async drained() {
      while (isFull()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    close,
  };
}
