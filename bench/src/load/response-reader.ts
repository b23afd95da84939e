// Reads HTTP/1.1 responses off a socket: heads, bodies with a length and chunked bodies. Knows as
// much as the measured servers need and no more, because the time spent here is taken from them:
// both share the machine.

export interface ResponseHead {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface ResponseHandlers {
  head(head: ResponseHead): void;
  body(part: Buffer): void;
  end(): void;
}

type State = 'head' | 'body' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer';

const NOTHING = Buffer.alloc(0);
const LINE_END = '\r\n';

/** @returns what takes the bytes of the socket; it throws where they are not such a response */
export function createResponseReader(handlers: ResponseHandlers): (data: Buffer) => void {
  let state: State = 'head';
  let rest: Buffer = NOTHING;
  /** Bytes of the body or of the chunk that are still to come. */
  let left = 0;

  const end = (): void => {
    state = 'head';
    handlers.end();
  };

  const readHead = (text: string): void => {
    const head = parseHead(text);
    handlers.head(head);
    const length = head.headers.get('content-length');
    if (length !== undefined) {
      left = Number(length);
      state = 'body';
      if (left === 0) end();
    } else if (head.headers.get('transfer-encoding') === 'chunked') {
      state = 'chunk-size';
    } else if (head.status === 204 || head.status === 304) {
      end();
    } else {
      throw new Error('A response has neither a length nor chunks.');
    }
  };

  /** @returns whether it used up something of `data`, which begins at `at` */
  const step = (data: Buffer, at: number): number => {
    if (state === 'body' || state === 'chunk') {
      const until = Math.min(data.length, at + left);
      left -= until - at;
      if (until > at) handlers.body(data.subarray(at, until));
      if (left > 0) return until;
      if (state === 'chunk') state = 'chunk-end';
      else end();
      return until;
    }
    const mark = state === 'head' ? '\r\n\r\n' : LINE_END;
    const found = data.indexOf(mark, at);
    if (found === -1) return -1;
    const next = found + mark.length;
    if (state === 'head') {
      readHead(data.toString('latin1', at, found));
    } else if (state === 'chunk-size') {
      left = Number.parseInt(data.toString('latin1', at, found), 16);
      if (Number.isNaN(left)) throw new Error('A chunk has no size.');
      state = left === 0 ? 'trailer' : 'chunk';
    } else if (state === 'chunk-end') {
      state = 'chunk-size';
    } else if (found === at) {
      end();
    }
    return next;
  };

  return (received) => {
    const data = rest.length === 0 ? received : Buffer.concat([rest, received]);
    rest = NOTHING;
    for (let at = 0; at < data.length;) {
      const next = step(data, at);
      if (next === -1) {
        rest = data.subarray(at);
        return;
      }
      at = next;
    }
  };
}

function parseHead(text: string): ResponseHead {
  const [first = '', ...lines] = text.split(LINE_END);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new Error(`This is no HTTP response: ${first.slice(0, 80)}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status, headers };
}
