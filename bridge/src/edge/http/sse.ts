// One server-sent event stream (WHATWG HTML, "Server-sent events"): frames, heartbeat, end. A sender waits
// with `drained` for a reader that does not keep up, so that nothing is buffered without end.

const HEARTBEAT_MS = 15_000;
/** What a slow reader may have in this buffer; its connection holds more, which is counted there. */
const BUFFER_BYTES = 64 * 1024;

export interface ServerSentEvent {
  readonly data: string;
  readonly id?: string;
  readonly event?: string;
}

export interface EventStream {
  readonly response: Response;
  /** Writes a frame; false when the stream has ended. One frame may go to many streams. */
  send(frame: Uint8Array): boolean;
  /** Resolves when the reader has room again, or is gone. */
  drained(): Promise<void>;
  close(): void;
}

export interface EventStreamOptions {
  readonly signal: AbortSignal;
  readonly onClose?: () => void;
  readonly heartbeatMs?: number;
}

const encoder = new TextEncoder();
const COMMENT = encoder.encode(': \n\n');

/** An event as it is sent. */
export function toFrame({ data, id, event }: ServerSentEvent): Uint8Array {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}`;
  return encoder.encode(`${head}data: ${data.replaceAll(/\r\n?|\n/g, '\ndata: ')}\n\n`);
}

/** Whether a request asks for a stream, by its `Accept` header. */
export function wantsEventStream(accept: string | undefined): boolean {
  return accept?.includes('text/event-stream') ?? false;
}

export function createEventStream({
  signal,
  onClose,
  heartbeatMs = HEARTBEAT_MS,
}: EventStreamOptions): EventStream {
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
  const send = (frame: Uint8Array): boolean => {
    controller?.enqueue(frame);
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
    if (!isFull()) send(COMMENT);
  }, heartbeatMs);
  send(COMMENT);
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
    send,
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
