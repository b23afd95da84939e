// Reads a server-sent event stream (WHATWG HTML, "Parsing an event stream").
import { readLines } from './lines.ts';

export interface ReadEvent {
  readonly data: string;
  readonly event?: string;
  /** The last id that the stream has named, for `Last-Event-ID`. */
  readonly id?: string;
  /** Milliseconds to wait before the next connection, where the stream has said so. */
  readonly retry?: number;
}

export async function* readEvents(body: AsyncIterable<Buffer>): AsyncGenerator<ReadEvent> {
  let data: string[] = [];
  let event: string | undefined;
  let id: string | undefined;
  let retry: number | undefined;
  for await (const line of readLines(body)) {
    if (line === '') {
      // An event without data is not dispatched; its id and retry still count.
      if (data.length > 0 || retry !== undefined) {
        yield {
          data: data.join('\n'),
          ...(event !== undefined && { event }),
          ...(id !== undefined && { id }),
          ...(retry !== undefined && { retry }),
        };
      }
      data = [];
      event = undefined;
      retry = undefined;
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) retry = Number(value);
  }
}
