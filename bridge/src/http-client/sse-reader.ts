// Reads an answer's body as server-sent events.
import { createParser } from 'eventsource-parser';

export interface ReadEvent {
  /** Empty for a `retry` line. */
  readonly data: string;
  /** For `Last-Event-ID`. */
  readonly id?: string | undefined;
  /** Milliseconds to wait before the next connection. */
  readonly retry?: number;
}

export async function* readEvents(body: AsyncIterable<Buffer>): AsyncGenerator<ReadEvent> {
  const decoder = new TextDecoder();
  const events: ReadEvent[] = [];
  const parser = createParser({
    onEvent: ({ data, id }) => events.push({ data, id }),
    onRetry: (retry) => events.push({ data: '', retry }),
  });
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* events.splice(0);
  }
}
