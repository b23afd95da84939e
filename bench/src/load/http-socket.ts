// One kept-alive HTTP/1.1 connection that carries one request at a time. Node's own client costs
// more per request than the fastest contender does, and would be most of what is measured.
import { type Socket, connect } from 'node:net';
import { createResponseReader, type ResponseHead } from './response-reader.ts';

export interface HttpAnswer extends ResponseHead {
  readonly body: Buffer;
}

export interface HttpSocket {
  /** Sends the bytes of a whole request; rejects where the connection ends before its answer. */
  send(request: string): Promise<HttpAnswer>;
  /** Sends a request whose answer goes on and on; resolves with its head. */
  stream(request: string, onPart: (part: Buffer) => void): Promise<ResponseHead>;
  close(): void;
}

interface Waiting {
  readonly onPart: ((part: Buffer) => void) | undefined;
  readonly onHead: ((head: ResponseHead) => void) | undefined;
  readonly onAnswer: (answer: HttpAnswer) => void;
  readonly onFailure: (error: Error) => void;
}

/** Connects on the first request, and again where the server closed the connection meanwhile. */
export function createHttpSocket({ hostname, port }: URL): HttpSocket {
  let socket: Socket | undefined;
  let waiting: Waiting | undefined;

  const open = (): Socket => {
    const opened = connect({ host: hostname, port: Number(port), noDelay: true });
    let head: ResponseHead | undefined;
    let parts: Buffer[] = [];
    const read = createResponseReader({
      head(got) {
        head = got;
        waiting?.onHead?.(got);
      },
      body(part) {
        if (waiting?.onPart === undefined) parts.push(part);
        else waiting.onPart(part);
      },
      end() {
        const [only] = parts;
        const body = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
        const asked = waiting;
        const answered = head;
        parts = [];
        head = undefined;
        waiting = undefined;
        if (answered?.headers.get('connection') === 'close') socket = undefined;
        if (answered !== undefined) asked?.onAnswer({ ...answered, body });
      },
    });
    const fail = (error: Error): void => {
      if (socket === opened) socket = undefined;
      const asked = waiting;
      waiting = undefined;
      opened.destroy();
      asked?.onFailure(error);
    };
    opened.on('data', (data: Buffer) => {
      try {
        read(data);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    opened.on('error', fail);
    opened.on('close', () => {
      if (socket === opened) fail(new Error('The server closed the connection.'));
    });
    return opened;
  };

  const begin = (request: string, asked: Waiting): void => {
    if (waiting !== undefined) throw new Error('A request is under way on this connection.');
    waiting = asked;
    socket ??= open();
    socket.write(request, 'latin1');
  };

  return {
    send: (request) =>
      new Promise((onAnswer, onFailure) => {
        begin(request, { onAnswer, onFailure, onHead: undefined, onPart: undefined });
      }),
    stream: (request, onPart) =>
      new Promise((onHead, onFailure) => {
        begin(request, { onHead, onFailure, onPart, onAnswer: () => undefined });
      }),
    close() {
      waiting = undefined;
      const opened = socket;
      socket = undefined;
      opened?.destroy();
    },
  };
}

export interface RequestOptions {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
}

/** @returns what makes a request of a body, in ASCII; its head is put together once */
export function createRequestWriter(
  url: URL,
  { method, headers }: RequestOptions,
): (body?: string) => string {
  const lines = Object.entries({ host: url.host, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const head = `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}`;
  return (body) =>
    body === undefined ? `${head}\r\n` : `${head}content-length: ${body.length}\r\n\r\n${body}`;
}
